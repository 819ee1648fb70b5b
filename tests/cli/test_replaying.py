"""`offramp replay` for what a subscription did not get, and into another subscription."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from tests.cli.conftest import CONFIG, SUBSCRIPTION, Live, Offramp, flat, nobody, usage

WRONG = CONFIG.replace('event = "billing_event"', 'event = "biling_event"')
WHICH = ("--filtered", "--subscription", SUBSCRIPTION, "--since", "1h")


def misspelt(offramp: Offramp, live: Live, n: int) -> None:
    """So many events are filtered by a trigger that is mended afterwards."""
    live.file.write_text(WRONG)
    assert offramp("apply", "--yes").status == 0
    live.send(*(usage(f"m{number}") for number in range(n)))
    assert live.emulator.effects() == {}
    live.file.write_text(CONFIG)
    assert offramp("apply", "--yes").status == 0


def test_filtered_events_are_sent_only_if_somebody_says_yes(offramp: Offramp, live: Live) -> None:
    """Shown first; without a terminal and without --yes nothing is sent."""
    misspelt(offramp, live, 7)
    refused = offramp("replay", *WHICH)
    assert refused.status == 2
    assert "7 events would be sent, of 7 events looked at; the latest 5 are shown" in refused.out
    assert "nothing was sent: there is no terminal to ask at, so add --yes" in flat(refused.err)
    live.settle()
    assert live.emulator.effects() == {}
    sent = offramp("replay", *WHICH, "-y")
    assert sent.status == 0
    assert "7 deliveries due again" in sent.out
    live.settle()
    assert live.emulator.effects() == {f"m{number}": 1 for number in range(7)}
    assert offramp("replay", *WHICH).out.startswith("0 events would be sent")


@pytest.mark.parametrize(("answer", "n"), [("y\n", 1), ("n\n", 0), ("\n", 0)])
def test_the_terminal_is_asked(
    offramp: Offramp, live: Live, monkeypatch: pytest.MonkeyPatch, answer: str, n: int
) -> None:
    """With the number of events and the subscription in the question."""
    misspelt(offramp, live, 1)
    asked: list[str] = []

    def read(question: Any) -> str:
        asked.append(str(question))
        return answer

    monkeypatch.setattr("offramp.cli.render.terminal.SafeConsole.input", lambda _, text: read(text))
    terminal = SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("offramp.cli.context.sys", terminal)
    result = offramp("replay", *WHICH)
    assert asked == [f"send 1 event through {SUBSCRIPTION}? [y/N] "]
    assert result.status == (0 if n else 2)
    live.settle()
    assert len(live.emulator.effects()) == n


def test_a_replay_of_filtered_events_as_json(offramp: Offramp, live: Live) -> None:
    """A dry run writes each event that it shows, then the count; a replay writes its end."""
    misspelt(offramp, live, 2)
    *rows, counted = offramp("replay", *WHICH, "--dry-run", "--json").lines
    assert [row["delivery"]["message_id"] for row in rows] == ["m1", "m0"]
    assert (counted["total"], counted["replayed"], counted["dry_run"]) == (2, 0, True)
    [ended] = offramp("replay", *WHICH, "--yes", "--json").lines
    assert (ended["state"], ended["replayed"]) == ("done", 2)


@pytest.mark.parametrize("width", [80, 100])
def test_a_dry_run_fits_the_terminal(
    offramp: Offramp, live: Live, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """Payloads, counts and reasons."""
    monkeypatch.setenv("COLUMNS", str(width))
    misspelt(offramp, live, 2)
    live.send(usage("off", integrations={"All": False}), usage("other", type="page"))
    out = offramp("replay", *WHICH, "--dry-run").out
    assert max(map(len, out.splitlines())) <= width
    assert '"customer_id":"533c3db43f22"' in flat(out).replace(" ", "")
    assert "the trigger, as it is now, does not" in flat(out)


def test_a_long_dry_run_shows_how_far_it_is(
    offramp: Offramp, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the terminal of standard error: the time that the search has come back to."""
    misspelt(offramp, live, 2)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "counting, back to 20" in offramp("replay", *WHICH, "--dry-run", "--json").err


def test_dead_letters_of_a_deleted_subscription_go_into_another(
    offramp: Offramp, live: Live
) -> None:
    """They are not made due, and the command says what to do instead."""
    live.send(nobody("n1"), nobody("n2"))
    renamed = CONFIG.replace('name = "Billing events"', 'name = "Usage"')
    live.file.write_text(renamed.replace("$.properties.cid", "$.userId"))
    assert offramp("apply", "--yes").status == 0
    refused = offramp("replay", "--subscription", SUBSCRIPTION)
    assert refused.status == 2
    assert "does not exist any more" in refused.err
    nothing = flat(offramp("replay", "--all").out)
    assert "nothing is due again" in nothing
    assert "SUBSCRIPTION_GONE its subscription is deleted: replay it into another" in nothing
    into = ("--subscription", SUBSCRIPTION, "--into", "metronome/Usage")
    shown = offramp("replay", *into, "--dry-run").out
    assert shown.count("user_42") == 2
    assert "2 deliveries due again" in offramp("replay", *into).out
    live.settle()
    assert live.emulator.effects() == {"n1": 1, "n2": 1}
    again = flat(offramp("replay", *into).out)
    assert "HAS_DELIVERY the subscription has a delivery of it already 2" in again


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--filtered", "--since", "1h"], "--filtered needs --subscription"),
        (["--filtered", "--subscription", SUBSCRIPTION], "and --since, from when on"),
        ([*WHICH, "--where", "type = "], "where: column 8: the trigger ends"),
        ([*WHICH, "--mapping", "{}"], "--mapping is for a dry run"),
        ([*WHICH, "--stage", "rejected"], "stage: is for dead letters"),
        (["--all", "--where", 'type = "track"'], "--where is for filtered events: add --filtered"),
        (["--yes"], "--all means all of them"),
        (["--subscription", SUBSCRIPTION, "--into", SUBSCRIPTION], "leave it out"),
        (["--all", "--since", "1h", "--until", "2h"], "--until 2h is not after --since 1h"),
    ],
)
def test_a_replay_that_cannot_be_read_is_refused(
    offramp: Offramp, live: Live, arguments: list[str], message: str
) -> None:
    """The place, and what to do; nothing is sent."""
    result = offramp("replay", *arguments)
    assert result.status == 2
    assert message in flat(result.err)
