"""The page on a trigger that was wrong for a day, followed on a host that runs."""

from __future__ import annotations

import re
import shlex
import urllib.request
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tests.cli.conftest import Live, Offramp, flat, live, offramp
from tests.docs.pages import Session, blocks, read_page, section, sessions

from offramp import _json

PAGE = read_page("how-to/backfill.md")
TOKEN = "a-secret-metronome-token"
HEAD = """
[host.egress]
allow = ["127.0.0.0/8", "::1"]

[sources.product]
write_key = "product-key"

[instances.metronome]
destination = "metronome-actions"
source = "product"
settings = { apiToken = "env:METRONOME_TOKEN" }

"""
WRONG, RIGHT = (HEAD + block for block in blocks(PAGE, "toml"))
EVENTS = 25
#: What differs in each run, and where the page's line may end.
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z")

__all__ = ["live", "offramp"]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page's configuration, with the trigger that is wrong."""
    monkeypatch.setenv("METRONOME_TOKEN", TOKEN)
    path = tmp_path / "offramp.toml"
    path.write_text(WRONG)
    return path


def usage(message_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "type": "track",
        "event": "Report Rendered",
        "userId": "ada",
        "messageId": message_id,
        "context": {"groupId": f"acme-{int(message_id.partition('-')[2]) % 2}"},
        "properties": {"pages": 12},
        "timestamp": datetime.now(UTC).isoformat(),
        **changes,
    }


def send(live: Live, events: list[dict[str, Any]]) -> None:
    """As an SDK sends them."""
    key = b64encode(b"product-key:").decode()
    post(live, "/v1/batch", f"Basic {key}", {"batch": events})


def post(live: Live, path: str, credentials: str, body: Any = None) -> None:
    """Send a request that must be good."""
    request = urllib.request.Request(  # noqa: S310 - our own host
        f"{live.host.url}{path}",
        data=_json.dumps(body or {}),
        headers={"Authorization": credentials, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - our own host
        assert answer.status == 200


def prints(session: Session, out: str) -> None:
    """Each line of the page is among what the command prints, in this order."""
    rest = shown(out)
    for line in session.output.splitlines():
        if line.strip() not in {"", "…"}:
            before, found, rest = rest.partition(shown(line))
            assert found, f"{session.command}: {line!r} is not in {before!r}"


def shown(text: str) -> str:
    """Without what differs in each run, and without spaces that only fill a line."""
    return re.sub(r"\s+", " ", TIME.sub("TIME", text)).strip()


def test_the_page_can_be_followed(offramp: Offramp, live: Live) -> None:
    """Filtered events are found, counted, shown, and delivered once, as each output says."""
    others = [
        usage("report-90", event="Report Opened"),
        usage("report-91", context={}, integrations={"All": False}),
    ]
    send(live, [*others, *(usage(f"report-{number}") for number in range(1, EVENTS + 1))])
    live.settle()
    assert live.emulator.effects() == {}
    followed = 0
    for heading in (
        "Find what was filtered",
        "Fix the trigger first",
        "Count them, and look at some",
        "Send one, then all",
        "Check that it is over",
    ):
        for session in sessions(section(PAGE, heading)):
            program, *arguments = shlex.split(session.command)
            assert program == "offramp"
            if arguments[0] == "apply":
                live.file.write_text(RIGHT)
            result = offramp(*arguments)
            assert result.status == 0, result.err
            prints(session, result.out)
            live.settle()
            followed += 1
    assert followed == 9
    assert live.emulator.effects() == {f"report-{number}": 1 for number in range(1, EVENTS + 1)}
    assert offramp("status", "--reconcile").status == 0


SEATS = """
[[instances.metronome.subscriptions]]
name = "Seats"
action = "sendEvent"
trigger = 'type = "track"'
"""


def apply(offramp: Offramp, live: Live, text: str) -> None:
    live.file.write_text(text)
    result = offramp("apply", "--yes")
    assert result.status == 0, result.err


def test_an_earlier_event_reaches_a_new_subscription(offramp: Offramp, live: Live) -> None:
    """The page's second case: the same command, with another reason."""
    send(live, [usage("report-1"), usage("report-2")])
    apply(offramp, live, WRONG + SEATS)
    [session] = sessions(section(PAGE, "A new subscription gets earlier events"))
    arguments = shlex.split(session.command)[1:]
    assert "2 events would be sent, of 2 events looked at" in offramp(*arguments).out
    assert offramp(*arguments[:-1], "--yes").status == 0
    live.settle()
    assert live.emulator.effects() == {"report-1": 1, "report-2": 1}


def test_what_came_while_it_was_disabled_is_sent(offramp: Offramp, live: Live) -> None:
    """The page's third case, for each of what can be disabled."""
    apply(offramp, live, WRONG + SEATS)
    enable, replay = sessions(section(PAGE, "It was disabled"))
    for number, (kind, name) in enumerate(
        [("subscription", "metronome/Seats"), ("instance", "metronome"), ("source", "product")]
    ):
        reason = f"{kind.upper()}_DISABLED"
        post(
            live, f"/api/{kind}s/{quote(name, safe='')}/disable", f"Bearer {live.host.token.value}"
        )
        send(live, [usage(f"report-{number}")])
        arguments = [*shlex.split(replay.command)[1:-1], reason, "--yes"]
        assert "enable that first" in flat(offramp(*arguments).err)
        shown = flat(offramp("events", f"report-{number}").out)
        assert f"--reason {reason} --since 7d` sends what came meanwhile" in shown
        enabled = offramp("enable", name)
        assert enabled.status == 0
        if enable.command.endswith(f" {name}"):
            prints(enable, enabled.out)
        shown = flat(offramp("events", f"report-{number}").out)
        assert "then offramp replay --filtered --subscription metronome/Seats --since 20" in shown
        assert "1 delivery due again" in offramp(*arguments).out
        live.settle()
        assert live.emulator.effects() == {f"report-{each}": 1 for each in range(number + 1)}
