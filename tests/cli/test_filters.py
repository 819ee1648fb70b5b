"""`transform` and `match` as parts of a shell pipe, with good and with bad input."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from offramp import _json

if TYPE_CHECKING:
    from tests.cli.conftest import Offramp

EVENT = {"type": "track", "event": "Sold", "messageId": "m1", "properties": {"price": 12}}


def line(*events: object) -> bytes:
    return b"".join(_json.dumps(event) + b"\n" for event in events)


def test_transform_shapes_each_line(offramp: Offramp) -> None:
    """Events in, shaped values out, a line each."""
    mapping = '{"id": {"@path": "$.messageId"}, "paid": {"@path": "$.properties.price"}}'
    result = offramp("transform", mapping, stdin=line(EVENT, {**EVENT, "messageId": "m2"}))
    assert result.lines == [{"id": "m1", "paid": 12}, {"id": "m2", "paid": 12}]
    assert result.status == 0


def test_transform_keeps_numbers_exact(offramp: Offramp) -> None:
    """Every digit arrives as it came."""
    stdin = b'{"n": 12345678901234567890123, "d": 0.10}\n'
    result = offramp("transform", '{"n": {"@path": "$.n"}, "d": {"@path": "$.d"}}', stdin=stdin)
    assert result.out == '{"n":12345678901234567890123,"d":0.10}\n'


def test_transform_starts_from_the_defaults_of_an_action(offramp: Offramp) -> None:
    """Naming a destination and an action lays the mapping over its defaults."""
    result = offramp(
        "transform",
        '{"customer_id": "fixed"}',
        "--destination=metronome-actions",
        "--action=sendEvent",
        stdin=line(EVENT),
    )
    assert result.lines == [
        {
            "transaction_id": "m1",
            "customer_id": "fixed",
            "event_type": "Sold",
            "properties": {"price": 12},
        }
    ]


def test_transform_reads_a_mapping_from_a_file(offramp: Offramp, tmp_path: Path) -> None:
    """`@FILE` names a file."""
    path = tmp_path / "mapping.json"
    path.write_text('{"id": {"@path": "$.messageId"}}')
    assert offramp("transform", f"@{path}", stdin=line(EVENT)).lines == [{"id": "m1"}]


def test_transform_goes_on_after_an_event_that_cannot_be_shaped(offramp: Offramp) -> None:
    """The fault names the event, the others are shaped, and the status tells."""
    mapping = '{"id": {"@path": {"@path": "$.messageId"}}}'
    result = offramp("transform", mapping, stdin=line({"messageId": 5}, {"messageId": "$.x"}))
    assert result.status == 1
    assert "event 1" in result.err
    assert len(result.lines) == 1


def test_match_passes_on_what_the_trigger_selects(offramp: Offramp) -> None:
    """A filter: selected events come out unchanged."""
    other = {**EVENT, "type": "page"}
    assert offramp("match", 'type = "track"', stdin=line(EVENT, other)).lines == [EVENT]


def test_match_tells_a_verdict_and_why(offramp: Offramp) -> None:
    """With --why each event gets its verdict and the truth of each condition."""
    [answer] = offramp("match", 'event = "Sold"', "--why", stdin=line(EVENT)).lines
    assert (answer["messageId"], answer["matches"]) == ("m1", True)
    assert answer["why"]["result"] is True


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["transform", '{"a": {"@pathh": "$.x"}}'], "@path"),
        (["transform", "not json"], "write JSON"),
        (["transform", "[]"], "a mapping is an object"),
        (["transform", "@/nowhere/mapping.json"], "/nowhere/mapping.json"),
        (["transform", "--destination=metronom-actions"], "metronome-actions"),
        (["transform", "--destination=metronome-actions", "--action=send"], "sendEvent"),
        (["match", "type = "], "column"),
        (["match", 'type = "track'], "column"),
        (["manifest", "metronome"], "metronome-actions"),
        (["catalog", "nothing"], "metronome-actions"),
    ],
)
def test_bad_input_is_told_with_what_to_do(
    offramp: Offramp, arguments: list[str], message: str
) -> None:
    """Status 2, nothing on standard output, and a message that helps."""
    result = offramp(*arguments, stdin=line(EVENT))
    assert result.status == 2
    assert result.out == ""
    assert message in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize("text", ["not json", "[1]", '{"a": '])
def test_a_line_that_is_no_event_is_named(offramp: Offramp, text: str) -> None:
    """The message names the line."""
    result = offramp("match", 'type = "track"', stdin=line(EVENT) + text.encode() + b"\n")
    assert result.status == 2
    assert "line 2" in result.err


def test_catalog_and_manifest_show_what_is_declared(offramp: Offramp) -> None:
    """The catalog lists destinations, shows one in full, and prints its manifest."""
    assert "metronome-actions" in offramp("catalog").out
    shown = offramp("catalog", "metronome-actions").out
    assert all(word in shown for word in ("apiToken", "transaction_id", "$.messageId", "100"))
    manifest = _json.loads(offramp("manifest", "metronome-actions").out)
    assert manifest["slug"] == "metronome-actions"
