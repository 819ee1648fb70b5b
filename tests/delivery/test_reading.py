"""Of a stored event a plan reads what its mapping reads, and prepares the same from that."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.delivery.parts import NOW, event, make_plan

from offramp import _json

PADDED = _json.dumps({**event("m1", kind="k", other=[1.50]), "context": {"page": {"url": "u"}}})


@pytest.mark.parametrize(
    ("kind", "read"),
    [
        ({"@path": "$.properties.kind"}, {"messageId": "m1", "properties": {"kind": "k"}}),
        (
            {"@template": "{{context.page.url}}"},
            {"messageId": "m1", "context": {"page": {"url": "u"}}},
        ),
        ("constant", {"messageId": "m1"}),
        ({"@path": {"@template": "$.{{event}}"}}, _json.loads(PADDED)),
        ({"@liquid": "{{ properties[event] }}"}, None),
    ],
)
def test_a_plan_reads_what_its_mapping_reads(kind: Any, read: Any) -> None:
    """All of the event where the mapping computes what it reads."""
    plan = make_plan(mapping={"id": {"@path": "$.messageId"}, "kind": kind})
    part = plan.read(PADDED)
    assert read is None or part == read
    whole = _json.loads(PADDED)
    now = datetime.fromtimestamp(NOW, UTC)
    assert plan.payload_of(part, now, None) == plan.payload_of(whole, now, None)


def test_a_plan_reads_the_last_of_equal_keys() -> None:
    """As the collector stores them: what it adds stands behind the event's own text."""
    body = b'{"messageId":"old","properties":{"kind":"a"},"messageId":"new"}'
    assert make_plan().read(body) == {"messageId": "new", "properties": {"kind": "a"}}
