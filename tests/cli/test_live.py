"""The commands that ask a running host, as an operator and a billing engineer type them."""

from __future__ import annotations

import asyncio
import re
import time
import tomllib
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import (
    CONFIG,
    PATIENCE,
    SUBSCRIPTION,
    TOKEN,
    Live,
    Offramp,
    flat,
    nobody,
    usage,
)

from offramp import _json
from offramp.host import health

KEY = "product-key"


def test_events_tells_why_an_event_was_not_billed(offramp: Offramp, live: Live) -> None:
    """The condition that was false, and what it found."""
    live.send(usage("colleague", userId="ada@company.com"))
    result = offramp("events", "colleague")
    assert result.status == 0
    message = flat(result.out)
    assert f"filtered {SUBSCRIPTION}" in message
    assert '!contains(userId, "@company.com") is false (userId is "ada@company.com")' in message
    assert '✓ type = "track"' in message


def test_events_tells_what_to_change_and_what_to_run(offramp: Offramp, live: Live) -> None:
    """A rejected event: the fault, the path that gave nothing, and the command that follows."""
    live.send(nobody())
    message = flat(offramp("events", "nobody").out)
    assert "payload @ $.customer_id: nothing came, but it is required" in message
    assert "customer_id comes from $.properties.cid, which this event lacks" in message
    command = re.search(r"then offramp (replay \d+)", message)
    assert command is not None
    assert offramp(*command[1].split()).status == 0


def test_events_shows_request_and_answer(offramp: Offramp, live: Live) -> None:
    """A delivered event: what was sent, what came back, how long it took."""
    live.send(usage("good"))
    message = flat(offramp("events", "good").out)
    assert f"delivered {SUBSCRIPTION} OK, 1 attempt" in message
    assert "POST http://127.0.0.1" in message
    assert "answer 200 OK in" in message
    assert TOKEN not in message


def test_events_as_json_holds_the_whole_story(offramp: Offramp, live: Live) -> None:
    """One line, with everything that the words leave out."""
    live.send(usage("good"))
    [record] = offramp("events", "good", "--json").lines
    assert record["event"]["properties"]["cid"] == "533c3db43f22"
    assert record["deliveries"][0]["exchange"]["status"] == 200


def test_events_without_an_id_lists_the_latest(offramp: Offramp, live: Live) -> None:
    """A listing, latest first, of one source if asked."""
    live.send(usage("m1"), usage("m2"))
    assert [row["message_id"] for row in offramp("events", "--json").lines] == ["m2", "m1"]
    assert offramp("events", "--json", "--source=other").lines == []
    assert "m1" in offramp("events").out


def test_status_shows_counts_and_that_the_sums_hold(offramp: Offramp, live: Live) -> None:
    """One glance, status 0; the same after a recount."""
    live.send(usage("m1"), nobody(), usage("m3", type="page"))
    for more in ((), ("--reconcile",)):
        result = offramp("status", *more)
        assert result.status == 0
        assert "the sums hold" in result.out
        assert "requests flow" in result.out
    answer = _json.loads(offramp("status", "--json").out)
    [row] = answer["subscriptions"]
    assert (row["delivered"], row["rejected"], row["filtered"]) == (1, 1, 1)


@pytest.mark.parametrize("command", [["events"], ["status"], ["dead-letters"], ["audit-log"]])
def test_tables_fit_a_terminal_of_100_columns(
    offramp: Offramp, live: Live, command: list[str]
) -> None:
    """No line is longer, whatever the ids are."""
    live.send(nobody("n" * 150), usage("m" * 150))
    assert max(map(len, offramp(*command).out.splitlines())) <= 100


def test_an_event_does_not_reach_into_the_terminal(offramp: Offramp, live: Live) -> None:
    """Control characters and marks that turn lines around are shown, not sent."""
    nasty = "\x1b[2J\x1b]0;title\x07\x9b31m\u202e\x7f"
    live.send(nobody(f"m{nasty}") | {"event": "billing_event"}, usage("m2", event=nasty))
    outs = [offramp(*arguments) for arguments in (
        ["events"], ["events", f"m{nasty}"], ["events", "m2"], ["events", f"x{nasty}"],
        ["dead-letters"],
    )]  # fmt: skip
    for result in outs:
        text = result.out + result.err
        assert not set(nasty) - set("[2J]0;title31m") & set(text)
    assert "\u241b[2J" in outs[1].out


def test_dead_lists_what_failed_with_its_reason(offramp: Offramp, live: Live) -> None:
    """By every filter."""
    live.send(nobody("n1"), nobody("n2"), usage("good"))
    answer = offramp("dead-letters")
    assert "PAYLOAD_VALIDATION_FAILED" in answer.out
    assert "n1" in answer.out
    rows = offramp(
        "dead-letters", "--json", "--reason=PAYLOAD_VALIDATION_FAILED", "--since=1h"
    ).lines
    assert [row["message_id"] for row in rows] == ["n2", "n1"]
    for more in ("--reason=422", "--stage=expired", "--until=1h", "--subscription=other"):
        assert offramp("dead-letters", "--json", more).lines == []


def test_a_wrong_mapping_is_mended_and_nothing_is_lost(offramp: Offramp, live: Live) -> None:
    """Dry run with a candidate, apply the file, replay: the events are billed after all."""
    live.send(nobody("n1"), nobody("n2"))
    candidate = '{"customer_id": {"@path": "$.userId"}}'
    which = ("--subscription", SUBSCRIPTION)
    tried = offramp("replay", *which, "--dry-run", "--mapping", candidate)
    assert tried.out.count("user_42") == 2
    assert "nothing was sent" in tried.out
    assert live.emulator.effects() == {}
    live.file.write_text(CONFIG.replace("$.properties.cid", "$.userId"))
    applied = offramp("apply", live.file, "--yes")
    assert 'mapping.customer_id: {"@path":"$.properties.cid"}' in applied.out
    replayed = offramp("replay", *which, "--reason=PAYLOAD_VALIDATION_FAILED")
    assert "2 deliveries due again" in replayed.out
    live.settle()
    assert live.emulator.effects() == {"n1": 1, "n2": 1}


def test_apply_shows_the_difference_and_asks(offramp: Offramp, live: Live) -> None:
    """Without --yes and without a terminal nothing is applied; a dry run only shows."""
    live.file.write_text(CONFIG.replace("billing_event", "usage_event"))
    for more in (["--dry-run"], []):
        result = offramp("apply", live.file, *more)
        assert "usage_event" in result.out
        assert result.status == (0 if more else 2)
    assert "add --yes" in result.err
    trigger = live.host.engine.snapshot.config.subscriptions[SUBSCRIPTION].trigger
    assert trigger is not None
    assert "usage" not in trigger
    assert offramp("apply", live.file, "-y").status == 0
    assert "nothing to change" in offramp("apply", live.file, "-y").out
    [first, *_] = offramp("audit-log", "--json").lines
    assert (first["actor"], first["what"], first["id"]) == ("command line", "changed", SUBSCRIPTION)
    assert "command line" in offramp("audit-log").out


def test_apply_tells_every_fault_with_its_place(offramp: Offramp, live: Live) -> None:
    """The host's own check, as `offramp check` tells it; a line break in a write key is one."""
    line_break = "sources.product.write_key: must be printable ASCII"
    changes = {("sendEvent", "sendEvnt"): "[0].action", ("product-key", r"key\r\n"): line_break}
    for change, place in changes.items():
        live.file.write_text(CONFIG.replace(*change))
        result = offramp("apply", live.file, "--yes")
        assert result.status == 2
        assert place in result.err


def test_an_export_applies_as_no_change(offramp: Offramp, live: Live, tmp_path: Path) -> None:
    """TOML or JSON, masked, and read back as what is there."""
    for suffix in ("toml", "json"):
        out = offramp("export", "--format", suffix).out
        assert KEY not in out
        path = tmp_path / f"exported.{suffix}"
        path.write_text(out)
        assert "nothing to change" in offramp("apply", path).out


def test_secrets_are_exported_from_the_data_folder_alone(offramp: Offramp, live: Live) -> None:
    """With --secrets they are read from disk; no answer of the host holds one."""
    document = tomllib.loads(offramp("export", "--secrets").out)
    assert document["sources"]["product"]["write_key"] == KEY
    assert offramp("export", "--secrets", "--data-dir", "elsewhere").status == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["events", "unknown"], "no event with the messageId 'unknown'"),
        (["events", "x", "--token=wrong"], "no token of the host"),
        (["events", "x", "--url=http://127.0.0.1:1", "--token=t"], "1 (connection refused): start"),
        (["events", "x", "--url=http://127.0.0.1:1"], "offramp serve"),
        (["status", "--since=yesterday"], "90m, 24h or 7d"),
        (["replay"], "--all means all of them"),
        (["replay", "--all", "--mapping={}"], "is for a dry run"),
        (["replay", "--all", "--dry-run", "--mapping=nonsense"], "write JSON"),
        (["dead-letters", "--data-dir=elsewhere"], "there is no token in elsewhere"),
        (["apply", "nothing.toml"], "nothing.toml"),
    ],
)
def test_what_goes_wrong_is_told_with_what_to_do(
    offramp: Offramp, live: Live, arguments: list[str], message: str
) -> None:
    """Status 2, a message that helps, and no traceback."""
    result = offramp(*arguments)
    assert result.status == 2
    assert message in flat(result.err)
    assert "Traceback" not in result.err


def test_address_and_token_come_from_the_environment(
    offramp: Offramp, live: Live, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """From any folder, by OFFRAMP_URL and OFFRAMP_TOKEN."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert offramp("status").status == 2
    monkeypatch.setenv("OFFRAMP_URL", live.host.url)
    monkeypatch.setenv("OFFRAMP_TOKEN", live.host.token.value)
    assert offramp("status").status == 0


def test_what_answers_and_is_no_host_is_told(offramp: Offramp, live: Live) -> None:
    """Another server at the address."""
    result = offramp("status", "--url", live.emulator.url)
    assert result.status == 2
    assert "Traceback" not in result.err


def test_figures_of_deliveries_are_there_for_prometheus(live: Live) -> None:
    """Outcomes by subscription and reason, depths, latencies, gates, what was refused."""
    live.send(usage("m1"), nobody())
    live.host.engine.refuse("product", "event_too_large", 2)
    with urllib.request.urlopen(f"{live.host.url}/metrics") as answer:  # noqa: S310 - our own host
        metrics = answer.read().decode()
    subscription = f'subscription="{SUBSCRIPTION}"'
    for line in (
        f'offramp_deliveries_total{{outcome="delivered",reason="OK",{subscription}}} 1.0',
        'offramp_source_events_total{outcome="accepted",source="product"} 2.0',
        'offramp_source_events_total{outcome="refused: event_too_large",source="product"} 2.0',
        f'offramp_queue_depth{{state="waiting",{subscription}}} 0.0',
        'offramp_circuit_breaker_open{instance="metronome",reason="failures"} 0.0',
        'offramp_degraded{kind="instance"} 0.0',
    ):
        assert line in metrics
    assert f'offramp_delivery_latency_seconds{{quantile="0.95",{subscription}}}' in metrics
    assert TOKEN not in metrics


def test_counters_go_on_where_they_were(live: Live) -> None:
    """Two readings: what was counted once is counted once."""
    for number in range(2):
        live.send(usage(f"m{number}"))
        with urllib.request.urlopen(f"{live.host.url}/metrics") as answer:  # noqa: S310 - our own host
            metrics = answer.read().decode()
        counted = f'offramp_source_events_total{{outcome="accepted",source="product"}} {number + 1}'
        assert counted in metrics


def test_the_host_is_ready_and_says_so(live: Live) -> None:
    """Storage, ledger and configuration are asked."""
    with urllib.request.urlopen(f"{live.host.url}/readyz") as answer:  # noqa: S310 - our own host
        assert _json.loads(answer.read()) == {"ready": True}


def asked(live: Live, path: str) -> Any:
    """What the host answers to a GET without a token."""
    with urllib.request.urlopen(f"{live.host.url}{path}") as answer:  # noqa: S310 - our own host
        return answer.read().decode()


def with_token(live: Live, token: str) -> None:
    """Change the token of the instance, as the console does."""
    request = urllib.request.Request(  # noqa: S310 - our own host
        f"{live.host.url}/api/instances/metronome",
        method="PATCH",
        data=_json.dumps({"settings": {"apiToken": token}}),
        headers={
            "Authorization": f"Bearer {live.host.token.value}",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - our own host
        assert answer.status == 200


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_revoked_token_holds_the_instance_until_it_is_mended(
    offramp: Offramp, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status, readiness and metrics name the reason and the remedy; nothing is rejected.

    Only after five minutes it is degraded, and `offramp status` fails.
    """
    with_token(live, "a-token-that-was-revoked")
    events = [usage(f"m{number}") for number in range(250)]
    asyncio.run_coroutine_threadsafe(live.host.engine.accept("product", events), live.loop).result(
        PATIENCE
    )
    until(lambda: "metronome" in live.host.engine.held)
    shown = offramp("status")
    assert shown.status == 0
    assert "credentials" in flat(shown.out)
    assert "metronome is held back: change the settings of the instance" in flat(shown.out)
    assert _json.loads(asked(live, "/readyz")) == {"ready": True}
    monkeypatch.setattr(health, "HELD_SECONDS", 0.0)
    assert offramp("status").status == 1
    ready = _json.loads(asked(live, "/readyz"))
    assert ready["ready"] is True
    [degraded] = ready["degraded"]
    assert (degraded["kind"], degraded["pointer"]) == ("held", "#/instances/metronome")
    assert "(credentials); change the settings" in degraded["detail"]
    assert 'offramp_degraded{kind="held"} 1.0' in asked(live, "/metrics")
    held = 'offramp_circuit_breaker_open{instance="metronome",reason="credentials"} 1.0'
    assert held in asked(live, "/metrics")
    waiting = flat(offramp("events", "m0").out)
    assert "it waits, as metronome is held back: change the settings of the instance" in waiting
    assert "its last attempt: " in waiting
    assert "answered 403" in waiting
    with_token(live, TOKEN)
    live.settle()
    assert held not in asked(live, "/metrics")
    assert _json.loads(asked(live, "/readyz")) == {"ready": True}
    metrics = asked(live, "/metrics")
    assert 'outcome="delivered",reason="OK"' in metrics
    assert 'outcome="rejected"' not in metrics
    assert live.emulator.effects() == {f"m{number}": 1 for number in range(250)}
