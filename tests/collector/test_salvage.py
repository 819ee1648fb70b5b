"""Of a broken batch each event that is whole is taken, each other is refused, in linear time."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from offramp.collector.batches import MAX_STEPS, open_batch

if TYPE_CHECKING:
    from tests.collector.conftest import Running

HEADERS = {"Authorization": "Basic d3JpdGUta2V5LW9mLXRoZS13ZWI6"}
TAIL = b'],"sentAt":"2026-11-23T12:00:00Z","context":{"a":[1]},"writeKey":"k"}'
#: Seconds of this process for a body of 500 KB; what is not linear takes minutes.
PATIENCE = 5.0


def event(name: str, **more: Any) -> bytes:
    properties = {"items": [{"id": 1, "tags": []}, {"id": 2}], "note": 'a "b", {c}, [d]', **more}
    body = {"type": "track", "event": "A", "messageId": name, "properties": properties}
    return json.dumps({**body, "userId": "u"}).encode()


A, B, C = event("a"), event("b"), event("c")

#: Bodies of bug reports and their kin; the ids of the events that are taken, `None` for each
#: member that is refused.
BROKEN: dict[str, tuple[bytes, list[str | None]]] = {
    "a comma is missing": (b'{"batch":[%s %s%s' % (A, B, TAIL), ["a", "b"]),
    "members are joined": (b'{"batch":[%s%s%s%s' % (A, B, C, TAIL), ["a", "b", "c"]),
    "a line each": (b'{"batch":[%s\n%s\n%s' % (A, B, TAIL), ["a", "b"]),
    "the last brace is missing": (b'{"batch":[%s,%s,%s%s' % (A[:-1], B, C, TAIL), [None, "b", "c"]),
    "the first brace is missing": (b'{"batch":[%s,%s%s' % (A, B[1:], TAIL), ["a", None]),
    "NULs behind an event": (b'{"batch":[%s\0\0,%s\0%s' % (A, B, TAIL), ["a", "b"]),
    "NULs as a member": (b'{"batch":[%s,\0\0,%s%s' % (A, B, TAIL), ["a", "b"]),
    "NULs behind the envelope": (b'{"batch":[%s,%s%s\0\0' % (A, B, TAIL), ["a", "b"]),
    "NULs before the envelope": (b'\0{"batch":[%s,%s%s' % (A, B, TAIL), ["a", "b"]),
    "a NUL in a text": (b'{"batch":[%s,%s%s' % (A, B.replace(b"[d]", b"\0"), TAIL), ["a", None]),
    "commas that are too many": (b'{"batch":[,%s,,%s,%s' % (A, B, TAIL), ["a", "b"]),
    "a brace that is too many": (b'{"batch":[%s},%s%s' % (A, B, TAIL), ["a", "b"]),
    "a bracket that is too many": (b'{"batch":[%s],%s%s' % (A, B, TAIL), ["a", "b"]),
    "a quote that is too many": (b'{"batch":[%s",%s%s' % (A, B, TAIL), ["a", None, "b"]),
    "a quote is missing": (
        b'{"batch":[%s,%s%s' % (A.replace(b'"u"', b'"u'), B, TAIL),
        [None, "b"],
    ),
    "another quote is missing": (
        b'{"batch":[%s,%s%s' % (A.replace(b'"u"', b'u"'), B, TAIL),
        [None, "b"],
    ),
    "the list does not end": (b'{"batch":[%s,%s%s' % (A, B, TAIL[1:]), ["a", "b"]),
    "cut off behind an event": (b'{"batch":[%s,%s' % (A, B), ["a", "b"]),
    "cut off in an event": (b'{"batch":[%s,%s' % (A, B[:60]), ["a", None]),
    "cut off behind the list": (b'{"batch":[%s,%s],"sentAt":' % (A, B), ["a", "b", None]),
    "garbage behind it": (b'{"batch":[%s,%s%sxyz' % (A, B, TAIL), ["a", "b", None]),
    "another batch behind it": (b'{"batch":[%s%s{"batch":[%s]}' % (A, TAIL, B), ["a", None]),
    "garbage before the list": (b'{"x":"y" z "batch":[%s,%s%s' % (A, B, TAIL), ["a", "b"]),
    "commas around the list are missing": (
        b'{"writeKey":"k" "sentAt":1 "context":{"a":[1]} "batch":[%s,%s] "userId":"u"}' % (A, B),
        ["a", "b"],
    ),
    "the colon before the list is missing": (b'{"batch" [%s,%s%s' % (A, B, TAIL), ["a", "b"]),
    "two in a row": (b'{"batch":[%s,%s,%s%s' % (A[:-1], B[:-1], C, TAIL), [None, None, "c"]),
    "words": (b'{"batch":[%s,undefined,%s%s' % (A, B, TAIL), ["a", None, "b"]),
}


@pytest.mark.parametrize("body", BROKEN)
async def test_each_event_that_is_whole_is_taken(
    collector: Running, http: aiohttp.ClientSession, body: str
) -> None:
    """Each that is not is refused by itself, with its position."""
    text, expected = BROKEN[body]
    async with http.post(f"{collector.url}/v1/b", data=text, headers=HEADERS) as response:
        assert response.status == 200
        answer = await response.json()
    assert [event["messageId"] for event in collector.intake.events] == [
        name for name in expected if name is not None
    ]
    refused = [index for index, name in enumerate(expected) if name is None]
    assert [row["index"] for row in answer.get("rejected", [])] == refused
    assert {row["reason"] for row in answer.get("rejected", [])} <= {"not_json", "bad_request"}
    if text.endswith(TAIL):
        assert all(event["context"] == {"a": [1]} for event in collector.intake.events)


@pytest.mark.parametrize("key", ["writeKey", "sentAt"])
@pytest.mark.parametrize(
    "value", ["NaN", "1e9999999999999999999", "[" * 20_000, '"\\x"', "undefined"]
)
async def test_what_stands_around_the_events_costs_none(
    collector: Running, http: aiohttp.ClientSession, key: str, value: str
) -> None:
    """The header then names the write key; a time that is none corrects nothing."""
    body = b'{"%s":%s,"batch":[%s]}' % (key.encode(), value.encode(), A)
    async with http.post(f"{collector.url}/v1/b", data=body, headers=HEADERS) as response:
        assert await response.json() == {"success": True}
    assert [event["messageId"] for event in collector.intake.events] == ["a"]
    assert "sentAt" not in collector.intake.events[0]


@pytest.mark.parametrize("body", [b'{"batch":[', b'{"batch":[ ,', b'{"batch":[\0]', b'{"batch":[}'])
async def test_a_broken_body_without_any_event_is_no_success(
    collector: Running, http: aiohttp.ClientSession, body: bytes
) -> None:
    """Its events may have been cut off: an empty batch would be answered with 200."""
    async with http.post(f"{collector.url}/v1/b", data=body, headers=HEADERS) as response:
        assert response.status == 400
        assert (await response.json())["code"] == "not_json"


@pytest.mark.parametrize(
    "text",
    [
        # An object of a broken event is no event, although it looks like one.
        b'{"batch":[{"type":"track","properties":{"of":%s,"items":[%s]},%s%s' % (B, B, A, TAIL),
        b'{"batch":[{"type":"track" "properties":{"of":%s,"items":[%s]}},%s%s' % (B, B, A, TAIL),
        b'{"batch":[{"x":"y" "context":{"a":[0]},"tags":["b" "c"],"context":{}},%s%s' % (A, TAIL),
    ],
)
def test_nothing_in_a_broken_event_is_taken_for_what_it_is_not(text: bytes) -> None:
    """Neither for an event nor for what all events share."""
    batch = open_batch(text)
    assert [bytes(raw) for raw in batch.batch[1:]] == [A]
    assert bytes(batch.context) == b'{"a":[1]}'
    with pytest.raises(ValueError, match="Expecting"):
        json.loads(bytes(batch.batch[0]))


@st.composite
def damaged(draw: st.DrawFn) -> tuple[bytes, list[bytes], int]:
    """A batch of which one event is damaged: the body, its events, the damaged one's number."""
    more = st.dictionaries(
        st.sampled_from(["x", 'q"', "deep"]),
        st.text(max_size=6) | st.integers() | st.lists(st.integers(), max_size=2),
        max_size=2,
    )
    events = [event(f"m{number}", **draw(more)) for number in range(draw(st.integers(2, 5)))]
    which = draw(st.integers(0, len(events) - 1))
    whole = events[which]
    start = draw(st.integers(0, len(whole)))
    gone = draw(st.integers(0, 3) | st.integers(0, len(whole)))
    new = draw(st.sampled_from([b"", b"\0", b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"x"]))
    texts = [*events]
    texts[which] = whole[:start] + new + whole[start + gone :]
    comma = draw(st.sampled_from([b",", b", ", b"\n,\n"]))
    end = draw(st.sampled_from([TAIL, TAIL, b"]}", b"]"]))
    return b'{"batch":[' + comma.join(texts) + end, events, which


@example(damage=(b'{"batch":[%s,%s%s' % (A[:-1], B, TAIL), [A, B], 0))
@example(damage=(b'{"batch":[{"x":[{"id": 1,},%s%s' % (B, TAIL), [A, B], 0))
@settings(deadline=None)
@given(damage=damaged())
def test_damage_to_one_event_harms_no_other(damage: tuple[bytes, list[bytes], int]) -> None:
    """Each other event is among the members, as it was, once."""
    body, events, which = damage
    assume(breaks_by_itself(body, events, which))
    members = [bytes(raw) for raw in open_batch(body).batch]
    for number, text in enumerate(events):
        if number != which:
            assert members.count(text) == 1, (text, members)


def breaks_by_itself(body: bytes, events: list[bytes], which: int) -> bool:
    """Whether the damaged event's own text is no JSON, with no help of what follows it.

    A lost bracket can put the next events into a list of the damaged one: nobody can tell.
    """
    start = len(b'{"batch":[')
    if which > 0:
        start = body.index(events[which - 1]) + len(events[which - 1])
        start += len(body[start:]) - len(body[start:].lstrip(b" \n,"))
    follower = body.index(events[which + 1], start) if which + 1 < len(events) else len(body)
    try:
        _, end = json.JSONDecoder().raw_decode(body.decode(), start)
    except json.JSONDecodeError as error:
        end = error.pos
    return end < follower


HOSTILE: dict[str, bytes] = {
    "lists in lists": b"[",
    "empty lists": b"[],",
    "braces": b"{",
    "objects in objects": b'{"a":',
    "objects in lists": b'[{"a":',
    "events that break": b'{"type":"track"',
    "texts that never end": b',{"',
    "escaped quotes": b'{"\\"',
    "keys of lists": b":[",
    "ends of lists": b"]",
    "ends that go on": b'],"a":1',
    "commas": b",",
    "white space": b"] ",
    "words": b"x ",
    "backslashes": b"\\",
    "quotes": b'"',
    "colons": b'": ',
    "batches": b'{"batch":[',
}


@pytest.mark.parametrize("before", [b'{"batch":[', b'{"batch":[{"a":"x', b'{"batch":[{x'])
@pytest.mark.parametrize("unit", HOSTILE)
def test_a_hostile_body_is_read_in_linear_time(unit: str, before: bytes) -> None:
    """Whatever is repeated up to the largest body, and the event in front arrives."""
    text = before.replace(b"[", b"[%s," % A, 1) + HOSTILE[unit] * (500_000 // len(HOSTILE[unit]))
    started = time.process_time()
    batch = open_batch(text)
    assert time.process_time() - started < PATIENCE
    assert bytes(batch.batch[0]) == A


def test_work_is_bounded_and_what_was_read_is_kept() -> None:
    """Behind the bound, the rest is one member that is refused."""
    brackets = b"NaN,[]," * MAX_STEPS
    batch = open_batch(b'{"batch":[%s,%s%s%s' % (A, brackets, B, TAIL))
    assert bytes(batch.batch[0]) == A
    assert bytes(batch.batch[-1]).endswith(B + TAIL.rstrip(b"}"))
    assert len(batch.batch) <= MAX_STEPS + 2
