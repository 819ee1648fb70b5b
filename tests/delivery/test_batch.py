"""What was prepared is cut into requests by number, size, batch keys and earlier failures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.delivery.parts import NOW, event, make_plan

from offramp import Batch, Response, _json
from offramp.delivery import Preparation
from offramp.delivery.memory import Past
from offramp.http import Client

TWO, ALONE = Past(together=2), Past(together=1)


def made_of(checked: Sequence[dict[str, Any]]) -> Preparation:
    """A preparation that made these payloads."""
    made = Preparation(bodies=[b"{}"] * len(checked))
    made.checked, made.payloads = list(checked), list(checked)
    made.finish()
    return made


def cut(
    batch: Batch | None, checked: Sequence[dict[str, Any]], pasts: Mapping[int, Past]
) -> list[list[int]]:
    return [list(each.positions) for each in made_of(checked).batches(batch, pasts=pasts)]


@pytest.mark.parametrize(
    ("batch", "pasts", "batches"),
    [
        (None, {}, [[0], [1], [2], [3]]),
        (Batch(max_events=9), {}, [[0, 1, 2, 3]]),
        (Batch(max_events=3), {}, [[0, 1, 2], [3]]),
        (Batch(max_bytes=24), {}, [[0, 1], [2, 3]]),
        (Batch(max_bytes=23), {}, [[0], [1], [2], [3]]),
        (Batch(keys=("k",)), {}, [[0, 2], [1, 3]]),
        (Batch(), {1: ALONE}, [[1], [0, 2, 3]]),
        (Batch(), {0: TWO, 2: TWO, 3: TWO}, [[0, 2], [3], [1]]),
    ],
    ids=["no batch", "all", "number", "bytes", "bytes of one", "keys", "alone", "together"],
)
def test_what_shares_a_request(
    batch: Batch | None, pasts: Mapping[int, Past], batches: list[list[int]]
) -> None:
    """Each payload, such as `{"k":"aaa"}`, takes 12 bytes with its comma where that counts."""
    checked = [{"k": kind} for kind in ("aaa", "bbb", "aaa", "bbb")]
    assert sorted(cut(batch, checked, pasts)) == sorted(batches)


@given(
    texts=st.lists(st.text(max_size=40), max_size=30),
    most=st.integers(1, 10),
    size=st.integers(1, 200),
)
def test_no_batch_exceeds_its_limits_and_none_is_left_out(
    texts: list[str], most: int, size: int
) -> None:
    """Except a payload that is too large by itself, which goes alone."""
    checked = [{"text": text} for text in texts]
    batches = cut(Batch(max_events=most, max_bytes=size), checked, {})
    assert sorted(at for each in batches for at in each) == list(range(len(texts)))
    for each in batches:
        assert len(each) <= most
        whole = _json.dumps([checked[at] for at in each])
        assert len(each) == 1 or len(whole) - 1 <= size


def test_a_payload_without_a_json_form_fails_alone() -> None:
    """A directive of a plugin may make anything; the other events are sent."""
    made = made_of([{"k": 1}, {"k": object()}, {"k": 3}])
    assert isinstance(made.failures[1], TypeError)
    [batch] = made.batches(Batch())
    assert (list(batch.positions), batch.payloads) == ([0, 2], [{"k": 1}, {"k": 3}])
    assert batch.pick([1]).wires() == [b'{"k":3}']


async def test_events_are_parsed_for_a_plugin_that_asks_for_them() -> None:
    """Once, and each whole, though the mapping reads little of it."""
    plan = make_plan(mapping={"id": {"@path": "$.messageId"}})
    made = Preparation(bodies=[_json.dumps(event(each, kind="k")) for each in ("m1", "m2")])
    plan.prepare(made, now=NOW, settings_of=None)
    [batch] = made.batches(plan.batch)
    asked = 0

    def read() -> list[dict[str, Any]]:
        nonlocal asked
        asked += 1
        return batch.events()

    async def handler(_: Any) -> Response:
        raise AssertionError

    client = Client(handler=handler, settings=None, read_events=read)
    assert asked == 0
    assert client.events == [event("m1", kind="k"), event("m2", kind="k")]
    assert client.events[1]["properties"] == {"kind": "k"}
    assert asked == 1
