"""Events whose values try to change a request's URL, as anybody with a write key can."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from offramp.definition import Fields
from offramp.plugins import CatalogAction
from offramp.testing.exchanges import RecordedRequest
from offramp.testing.probe import Probe, Way
from offramp.testing.runs import ActionRun

#: Longer than any partner's id, and short enough for a request line.
LONG: Final = 4_000
#: Ids that change the URL if they are not quoted.
HOSTILE: Final = (
    "../../../admin/delete?x=1#",
    "../../../admin/delete?x=1",
    "a/b",
    "..",
    "%2e%2e",
    "%2e%2e%2fadmin",
    "a?admin=1",
    "a&admin=1",
    "a;admin=1",
    "a\r\nX-Admin: 1",
    "a\x00b",
    "a b",
    "žluťoučký ☃\u200b",
    "a@b.example:1//c",
    "x" * LONG,
)
#: Ids that quoting cannot make safe, so that refusing them is right.
_UNSPEAKABLE: Final = frozenset({"..", "."})
_MEND: Final = (
    "build the address with offramp.join_url or offramp.quote_path, and queries with `params=`"
)


def misled_requests(probe: Probe) -> Iterator[str]:
    """Actions whose requests go to another URL, or fail, because of an event's values."""
    for slug, action in probe.entry.actions.items():
        for way in probe.ways(action):
            fault = _misled(probe, action, way)
            if fault is not None:
                yield f"action {slug!r}{way.mode}: {fault}"


def _misled(probe: Probe, action: CatalogAction, way: Way) -> str | None:
    """The first fault that an id leads to; `None` without one."""
    keys = _free_texts(action.fields)
    if not keys:
        return None
    well = [_run(probe, action, keys, text, way) for text in ("harmless", "another")]
    if not all(run.requests for run in well):
        return None
    for text in HOSTILE:
        run = _run(probe, action, keys, text, way)
        fault = _fault(text, well, run)
        if fault is not None:
            return f"with an id such as {text[:40]!a}, {fault}; {_MEND}\n{run!r}"
    return None


def _free_texts(fields: Fields) -> list[str]:
    """The fields that hold any text of an event."""
    return [
        key
        for key, field in fields.items()
        if field.type in {"string", "text"} and not field.choices and not field.format
    ]


def _run(
    probe: Probe, action: CatalogAction, keys: Sequence[str], text: str, way: Way
) -> ActionRun:
    values: dict[str, Any] = {key: [text] if action.fields[key].multiple else text for key in keys}
    event = probe.event(
        action, probe.mapping(action), f"{action.slug} hostile", values=values, messageId=text
    )
    return probe.run(action, [event], probe.well, way)


def _fault(text: str, well: Sequence[ActionRun], run: ActionRun) -> str | None:
    delivery = run.delivery
    if delivery.code == "INTERNAL":
        return "the action breaks"
    if delivery.code == "INVALID_URL" and text not in _UNSPEAKABLE:
        return "the address cannot be sent"
    for first, second, made in zip(well[0].requests, well[1].requests, run.requests, strict=False):
        fault = _elsewhere(first, second, made)
        if fault is not None:
            return fault
    return None


def _elsewhere(
    first: RecordedRequest, second: RecordedRequest, made: RecordedRequest
) -> str | None:
    """How a request's URL differs from what two harmless ones have in common, or None."""
    one, two, here = urlsplit(first.url), urlsplit(second.url), urlsplit(made.url)
    if (one.scheme, one.netloc) != (here.scheme, here.netloc):
        return f"a request goes to another host: {made.url}"
    segments = here.path.split("/")
    fixed = list(zip(one.path.split("/"), two.path.split("/"), strict=False))
    if len(segments) != len(fixed) or any(unquote(each) in {".", ".."} for each in segments):
        return f"a request goes to another path: {made.url}"
    for segment, (a, b) in zip(segments, fixed, strict=True):
        if a == b and segment != a:
            return f"a request goes to another path: {made.url}"
    if here.fragment or _names(here) != _names(one):
        return f"a request has another query: {made.url}"
    return None


def _names(address: SplitResult) -> list[str]:
    return [name for name, _ in parse_qsl(address.query, keep_blank_values=True)]
