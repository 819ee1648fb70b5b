"""A batch is accepted or refused event by event, and one bad event harms no other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from offramp.collector.batches import open_batch
from offramp.collector.limits import Limits
from offramp.errors import EventError

if TYPE_CHECKING:
    from tests.collector.conftest import Running, Start

HEADERS = {"Authorization": "Basic d3JpdGUta2V5LW9mLXRoZS13ZWI6"}
KB = 1024


def good(message_id: str) -> bytes:
    return b'{"type":"track","event":"A","userId":"u","messageId":"%s"}' % message_id.encode()


BAD_EVENTS: dict[str, tuple[bytes, str, str]] = {
    "NaN, as Python writes it": (b'{"n":NaN}', "not_json", "$.batch[1]: this is not JSON"),
    "infinity": (b'{"n":-Infinity}', "not_json", "$.batch[1]"),
    "invalid utf-8": (b'{"type":"track","event":"\xff","userId":"u"}', "not_json", "utf-8"),
    "a huge integer": (
        b'{"n":%s}' % (b"1" * 5000),
        "not_json",
        "Integer value out of range: integers have at most 4300 characters",
    ),
    "a huge exponent": (b'{"n":1e%s}' % (b"9" * 30), "not_json", "$.batch[1]"),
    "too deep for any parser": (b'{"a":' * 9000 + b"1" + b"}" * 9000, "event_too_large", "bytes"),
    "deeper than the parser": (b"[" * 16000 + b"]" * 16000, "not_json", "nested too deeply"),
    "too deep for the limit": (
        b'{"type":"track","event":"A","userId":"u","x":%s}' % (b"[" * 70 + b"]" * 70),
        "nested_too_deeply",
        "$.batch[1]: nests deeper than 64 levels",
    ),
    "a missing comma": (b'{"a":1 "b":2}', "not_json", "$.batch[1]"),
    "brackets that cross": (b'{"a":[}]', "not_json", "$.batch[1]"),
    "a bare word": (b"undefined", "not_json", "$.batch[1]"),
    "a number": (b"7", "bad_request", "$.batch[1]: an event is an object, not number"),
    "null": (b"null", "bad_request", "$.batch[1]: an event is an object, not null"),
    "a text with brackets": (b'"]}[{,"', "bad_request", "not string"),
    "nobody": (b'{"type":"track","event":"A"}', "no_user_anon_id", "$.batch[1]: neither"),
    "no type": (b'{"userId":"u"}', "bad_request", "$.batch[1].type: is missing"),
    "a faulty id": (b'{"type":"identify","userId":7}', "id_not_string", "$.batch[1].userId: is"),
    "larger than 32 KB": (
        b'{"type":"track","event":"A","userId":"u","x":"%s"}' % (b"x" * 32 * KB),
        "event_too_large",
        "$.batch[1]: has 32816 bytes, with what the batch adds to it; the most allowed is 32768",
    ),
}


@pytest.mark.parametrize("bad", BAD_EVENTS)
async def test_the_neighbours_of_a_bad_event_arrive(
    collector: Running, http: aiohttp.ClientSession, bad: str
) -> None:
    """The answer stays 200, and names index, id, reason and place of what was refused."""
    text, reason, message = BAD_EVENTS[bad]
    body = b'{"batch": [%s, %s, %s]}' % (good("one"), text, good("two"))
    async with http.post(f"{collector.url}/v1/batch", data=body, headers=HEADERS) as response:
        assert response.status == 200
        answer = await response.json()
    assert [event["messageId"] for event in collector.intake.events] == ["one", "two"]
    assert (answer["success"], answer["accepted"]) == (True, 2)
    [rejected] = answer["rejected"]
    assert (rejected["index"], rejected["messageId"], rejected["reason"]) == (1, None, reason)
    assert message in rejected["message"]
    assert collector.intake.refused == {("web", reason): 1}
    assert collector.metric("offramp_collector_events_refused_total", reason=reason) == 1


async def test_half_surrogates_are_mended_beside_a_broken_event(
    collector: Running, http: aiohttp.ClientSession
) -> None:
    """What JavaScript cuts in two becomes U+FFFD; escapes that only look so stay."""
    cut = rb'{"type":"track","event":"\ud83d \\ud83d \ud83d\ude00","userId":"u"}'
    body = b'{"sentAt":"2026-11-23T12:00:00Z","batch":[%s,{"n":NaN}]}' % cut
    async with http.post(f"{collector.url}/v1/b", data=body, headers=HEADERS) as response:
        assert (await response.json())["accepted"] == 1
    [event] = collector.intake.events
    assert event["event"] == "\ufffd \\ud83d \U0001f600"
    assert event["sentAt"] == "2026-11-23T12:00:00.000Z"


async def test_the_write_key_is_found_beside_a_broken_event(
    collector: Running, http: aiohttp.ClientSession
) -> None:
    """All that stands around the events is read although the body is not JSON as a whole."""
    key = b"write-key-of-the-web"
    body = b'{"batch":[%s,{"n":NaN},],"context":{"groupId":"g"},"writeKey":"%s"}'
    async with http.post(f"{collector.url}/v1/b", data=body % (good("m"), key)) as response:
        assert response.status == 200
    assert collector.intake.events[0]["context"] == {"groupId": "g"}


async def test_an_id_is_told_where_there_is_one(
    collector: Running, http: aiohttp.ClientSession
) -> None:
    """Whoever sent the event can find it."""
    body = {"batch": [{"type": "track", "messageId": "m-1"}]}
    async with http.post(f"{collector.url}/v1/b", json=body, headers=HEADERS) as response:
        answer = await response.json()
    assert answer["accepted"] == 0
    assert answer["rejected"] == [
        {
            "index": 0,
            "messageId": "m-1",
            "reason": "no_user_anon_id",
            "message": "$.batch[0]: neither userId nor anonymousId is set; send one of them; "
            "$.batch[0].event: is missing; name the event of a track call",
        }
    ]


async def test_an_empty_batch_is_counted(collector: Running, http: aiohttp.ClientSession) -> None:
    """Nothing was lost, so the answer is success; the operator sees that a client idles."""
    async with http.post(f"{collector.url}/v1/b", json={"batch": []}, headers=HEADERS) as response:
        assert (response.status, await response.json()) == (200, {"success": True})
    assert collector.intake.refused == {("web", "empty_batch"): 1}


async def test_events_beyond_the_bound_are_refused_together(
    collector: Running, http: aiohttp.ClientSession
) -> None:
    """The first 2,500 arrive; the others make one line of the answer, and count each."""
    batch = [{"type": "page", "userId": "u", "messageId": str(number)} for number in range(2503)]
    async with http.post(
        f"{collector.url}/v1/b", json={"batch": batch}, headers=HEADERS
    ) as response:
        answer = await response.json()
    assert answer["accepted"] == len(collector.intake.events) == 2500
    [rejected] = answer["rejected"]
    assert (rejected["index"], rejected["reason"]) == (2500, "too_many_events")
    assert collector.intake.refused == {("web", "too_many_events"): 3}


async def test_what_a_batch_adds_counts_for_each_event(
    collector: Running, http: aiohttp.ClientSession
) -> None:
    """A large context cannot be multiplied by the events of its batch."""
    context = b'{"note":"%s"}' % (b"x" * 400 * KB)
    body = b'{"context":%s,"batch":[%s]}' % (context, b",".join([good("m")] * 900))
    async with http.post(f"{collector.url}/v1/b", data=body, headers=HEADERS) as response:
        assert (await response.json())["accepted"] == 0
    assert collector.intake.refused == {("web", "event_too_large"): 900}


@pytest.mark.parametrize("key", ["context", "integrations"])
async def test_what_a_batch_adds_nests_no_deeper_than_an_event(
    collector: Running, http: aiohttp.ClientSession, key: str
) -> None:
    """The whole batch is refused, with the place."""
    body = b'{"batch":[%s],"%s":{"a":%s}}' % (
        good("m"),
        key.encode(),
        b"[" * 64 + b"]" * 64,
    )
    async with http.post(f"{collector.url}/v1/b", data=body, headers=HEADERS) as response:
        assert response.status == 400
        answer = await response.json()
    assert answer["code"] == "nested_too_deeply"
    assert answer["message"] == f"$.{key}: nests deeper than 64 levels"


async def test_a_sent_at_that_is_no_text_is_not_laid_on_the_events(
    collector: Running, http: aiohttp.ClientSession
) -> None:
    """It could not correct anything."""
    body = b'{"batch":[%s],"sentAt":[1]}' % good("m")
    async with http.post(f"{collector.url}/v1/b", data=body, headers=HEADERS) as response:
        assert response.status == 200
    assert "sentAt" not in collector.intake.events[0]


async def test_limits_are_the_operators(start: Start, http: aiohttp.ClientSession) -> None:
    """Every bound can be set."""
    limits = Limits(max_batch_events=1, max_event_bytes=90, max_batch_bytes=400, depth=2)
    collector = await start(limits=limits)
    deep = b'{"type":"page","userId":"u","context":{"a":[]}}'
    body = b'{"batch":[%s,%s]}' % (deep, good("m"))
    async with http.post(f"{collector.url}/v1/b", data=body, headers=HEADERS) as response:
        reasons = [rejected["reason"] for rejected in (await response.json())["rejected"]]
    assert reasons == ["nested_too_deeply", "too_many_events"]


def reread(body: bytes) -> Any:
    batch = open_batch(body)
    return {
        "batch": [json.loads(bytes(raw)) for raw in batch.batch],
        "writeKey": json.loads(bytes(batch.write_key)),
        "sentAt": json.loads(bytes(batch.sent_at)),
        "context": json.loads(bytes(batch.context)),
        "integrations": json.loads(bytes(batch.integrations)),
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
ENVELOPES = st.fixed_dictionaries(
    {"batch": st.lists(JSON, max_size=4), "writeKey": JSON, "sentAt": JSON},
    optional={"other": JSON},
).map(lambda body: {"context": None, "integrations": None, **body})


@given(body=ENVELOPES, ascii_only=st.booleans())
def test_cutting_at_brackets_agrees_with_parsing(body: dict[str, Any], *, ascii_only: bool) -> None:
    """A broken event among others changes nothing of what is read of them."""
    whole = json.dumps(body, ensure_ascii=ascii_only).encode(errors="replace")
    expected = reread(whole)
    marked = {**body, "batch": [*body["batch"], "MARK"]}
    broken = json.dumps(marked, ensure_ascii=ascii_only).encode(errors="replace")
    batch = open_batch(broken.replace(b'"MARK"', b'{"n": NaN}'))
    assert bytes(batch.batch[-1]).strip() == b'{"n": NaN}'
    batch.batch.pop()
    assert [json.loads(bytes(raw)) for raw in batch.batch] == expected["batch"]
    assert json.loads(bytes(batch.write_key)) == expected["writeKey"]


def test_a_broken_body_is_not_cut_at_any_price() -> None:
    """Of a body made of nothing but commas, the end is one member: cutting it takes too long."""
    assert len(open_batch(b'{"batch":[%sNaN]}' % (b"1," * 99_000)).batch) == 99_001
    batch = open_batch(b'{"batch":[%sNaN]}' % (b"1," * 110_000)).batch
    assert len(batch) == 100_000
    assert bytes(batch[-1]) == b"1," * 10_001 + b"NaN"


@example(body=b'{"batch":["\\')
@example(body=b'"' + b'\\"' * 50_000 + b"\\")
@example(body=b"[" * 100_000)
@example(body=b'{"batch":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
@given(body=st.binary() | st.text(alphabet='{}[],:"\\batch 1', max_size=40).map(str.encode))
def test_opening_any_bytes_succeeds_or_is_told(body: bytes) -> None:
    """There is no third way, and no input that takes long."""
    refused = None
    try:
        open_batch(body)
    except EventError as error:
        refused = error
    assert refused is None or refused.reason in ("bad_request", "not_json")
