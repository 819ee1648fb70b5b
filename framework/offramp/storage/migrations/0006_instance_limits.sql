-- The limits of an instance have the names that [host] uses: max_concurrency, requests_per_second.

UPDATE config
SET doc = json_set(
  json_remove(doc, '$.concurrency', '$.rate'),
  '$.max_concurrency', json_extract(doc, '$.concurrency'),
  '$.requests_per_second', json_extract(doc, '$.rate')
)
WHERE kind = 'instance';

UPDATE audit_log
SET before = json_set(
  json_remove(before, '$.concurrency'), '$.max_concurrency', json_extract(before, '$.concurrency')
)
WHERE kind = 'instance' AND json_type(before, '$.concurrency') IS NOT NULL;

UPDATE audit_log
SET after = json_set(
  json_remove(after, '$.concurrency'), '$.max_concurrency', json_extract(after, '$.concurrency')
)
WHERE kind = 'instance' AND json_type(after, '$.concurrency') IS NOT NULL;

UPDATE audit_log
SET before = json_set(
  json_remove(before, '$.rate'), '$.requests_per_second', json_extract(before, '$.rate')
)
WHERE kind = 'instance' AND json_type(before, '$.rate') IS NOT NULL;

UPDATE audit_log
SET after = json_set(
  json_remove(after, '$.rate'), '$.requests_per_second', json_extract(after, '$.rate')
)
WHERE kind = 'instance' AND json_type(after, '$.rate') IS NOT NULL;
