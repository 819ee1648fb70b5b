"""Tables that fit the terminal, and what is no terminal."""

from __future__ import annotations

import io
from typing import Any

import pytest
from tests.cli.conftest import Offramp

from offramp.cli.render.columns import FittingTable, number
from offramp.cli.render.tables import (
    render_audit_log,
    render_dead_letters,
    render_events,
    render_status,
)
from offramp.cli.render.terminal import SafeConsole

LONG = "an-instance-with-a-long-name/A subscription with a long name as well, as some are"
ID = "3f0c1b7e-9f3a-4d55-8c9b-6f3f5a1c2d4e-and-some-more-of-it-because-ids-may-be-long-0123456789"
DELIVERY = {"subscription": LONG, "stage": "rejected"}
STATUS = {
    "version": "1",
    "started_at": "2026-11-28T10:00:00.000Z",
    "revision": 1,
    "since": "2026-11-28T10:00:00.000Z",
    "subscriptions": [
        {
            "id": LONG,
            "configured": True,
            "enabled": True,
            "running": True,
            "paused": False,
            **dict.fromkeys(("waiting", "retrying", "delivered", "filtered"), 1_234_567),
            "rejected": 0,
            "expired": 0,
            "latency": {"p50": 0.012, "p95": 1.5, "p99": 70},
        }
    ],
    "instances": [
        {
            "name": LONG,
            "destination": "metronome-actions",
            "enabled": True,
            "paused": False,
            "sandbox": True,
            "circuit_breaker": {"reason": None, "state": "closed"},
            "concurrency": 4,
        }
    ],
    "sources": [{"name": LONG, "enabled": True, "accepted": 5, "duplicate": 0, "refused": 0}],
    "paused": [],
    "degraded": [],
    "catalog": {
        "built": 1_001,
        "listed": 213,
        "failed": 1,
        "destinations": [
            {"slug": "a", "plugin": "own", "fallbacks": ["theirs"], "reason": None},
            {"slug": "b", "plugin": None, "fallbacks": [], "reason": "it cannot be loaded"},
            {"slug": "c", "plugin": "own", "fallbacks": [], "reason": None},
        ],
    },
    "unknown_paths": [
        {
            "method": "POST",
            "path": f"/{n}/v1/batch/of/a/long/path/that/a/sender/was/given",
            "nearest": "POST /v1/batch",
            "requests": 1_234_567,
            "last_at": "2026-11-28T10:00:00.000Z",
        }
        for n in range(7)
    ],
    "sums": {"ok": True, "faults": []},
}
EVENTS = {
    "cursor": None,
    "rows": [
        {
            "received_at": "2026-11-28T10:00:00.000Z",
            "name": "Report Rendered",
            "type": "track",
            "message_id": ID,
            "source": "product",
            "deliveries": [DELIVERY],
        }
    ],
}
DEAD = {
    "cursor": None,
    "rows": [
        {
            "id": "65536",
            "updated_at": "2026-11-28T10:00:00.000Z",
            "message_id": ID,
            "reason": "PAYLOAD_VALIDATION_FAILED",
            "message": "nothing came for a field that is required " * 3,
        }
    ],
}
GROUPS = [{**DELIVERY, "reason": "PAYLOAD_VALIDATION_FAILED", "n": 3}]
AUDIT_LOG = {
    "rows": [
        {
            "revision": 7,
            "at": "2026-11-28T10:00:00.000Z",
            "actor": "file",
            "token": "ci",
            "what": "added",
            "kind": "subscription",
            "id": LONG,
            "before": None,
            "after": None,
        }
    ]
}


def test_the_status_tells_what_became_of_destinations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which one makes way, which is left out, how many are not built yet; no line for others."""
    lines = printed(monkeypatch, render_status(STATUS), None).splitlines()
    start = lines.index(
        "the destination a is that of the plugin own; the fallback of theirs makes way"
    )
    assert lines[start + 1 : start + 3] == [
        "the destination b is not offered: it cannot be loaded",
        "213 destinations are built when somebody asks for one; 1,001 of the catalog built so far",
    ]
    assert not any("destination c" in line for line in lines)


def printed(monkeypatch: pytest.MonkeyPatch, shown: Any, width: int | None) -> str:
    """What a console of that width prints, or one that is no terminal."""
    if width is None:
        monkeypatch.delenv("COLUMNS", raising=False)
    else:
        monkeypatch.setenv("COLUMNS", str(width))
    console = SafeConsole()
    console.file = io.StringIO()
    console.print(shown)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [40, 80, 100])
@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (render_status(STATUS), [LONG, "1,234,567", "12 ms", "(sandbox)"]),
        (render_events(EVENTS), [LONG, ID, "Report Rendered"]),
        (render_dead_letters(DEAD, GROUPS), [LONG, ID, "65536", "PAYLOAD_VALIDATION_FAILED"]),
        (render_audit_log(AUDIT_LOG), [LONG, "revision"]),
    ],
    ids=["status", "events", "dead-letters", "audit-log"],
)
def test_no_name_and_no_id_is_cut(
    monkeypatch: pytest.MonkeyPatch, shown: Any, words: list[str], width: int
) -> None:
    """In a narrow terminal every line fits, and names and ids can be read whole."""
    text = printed(monkeypatch, shown, width)
    assert max(map(len, text.splitlines())) <= width
    together = "".join(text.split())
    for word in words:
        assert "".join(word.split()) in together
    assert "…" not in text


@pytest.mark.parametrize("width", [30, 80])
def test_the_catalog_cuts_no_slug(
    offramp: Offramp, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """A slug that is cut cannot be copied into a configuration."""
    monkeypatch.setenv("COLUMNS", str(width))
    words = [*offramp("catalog").out.split(), *offramp("catalog", "metronome-actions").out.split()]
    assert {"metronome-actions", "sendEvent", "transaction_id"} <= set(words)


def test_a_pipe_gets_each_row_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no terminal has no width: nothing is folded or cut."""
    text = printed(monkeypatch, render_events(EVENTS), None)
    head, row = text.splitlines()
    assert head.split("  ")[0] == "received"
    assert ID in row
    assert f"{LONG} rejected" in row


def test_a_table_that_fits_stays_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """The prose column is wrapped before a row becomes a block."""
    table = FittingTable("name", "text", prose="text", numbers=("n",))
    table.add_row("a", "a sentence " * 12, number(0))
    lines = printed(monkeypatch, table, 60).splitlines()
    assert lines[0].split() == ["name", "text", "n"]
    assert len(lines) > 2
