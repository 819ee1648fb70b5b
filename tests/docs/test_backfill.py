"""The page on a trigger that was wrong for a day, followed on a host that runs."""

from __future__ import annotations

import re
import shlex
import urllib.request
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Live, Offramp, live, offramp
from tests.docs.pages import Session, blocks, read_page, section, sessions

from offramp import _json

PAGE = read_page("how-to/backfill.md")
TOKEN = "a-secret-metronome-token"
HEAD = """
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
    request = urllib.request.Request(  # noqa: S310 - our own host
        f"{live.host.url}/v1/batch",
        data=_json.dumps({"batch": events}),
        headers={
            "Authorization": f"Basic {b64encode(b'product-key:').decode()}",
            "Content-Type": "application/json",
        },
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


def test_an_earlier_event_reaches_a_new_and_an_enabled_subscription(
    offramp: Offramp, live: Live
) -> None:
    """The two other cases of the page: the command is the same, with other reasons or without."""
    send(live, [usage("report-1")])
    seats = '[[instances.metronome.subscriptions]]\nname = "Seats"\naction = "sendEvent"\n'
    seats += "trigger = 'type = \"track\"'\n"
    live.file.write_text(f"{WRONG}\n{seats}enabled = false\n")
    assert offramp("apply", "--yes").status == 0
    send(live, [usage("report-2")])
    [session] = sessions(section(PAGE, "A new subscription gets earlier events"))
    arguments = shlex.split(session.command)[1:]
    refused = offramp(*arguments)
    assert "metronome/Seats is disabled" in refused.err
    live.file.write_text(f"{WRONG}\n{seats}")
    assert offramp("apply", "--yes").status == 0
    assert "would be sent, of 2 events looked at" in offramp(*arguments).out
    which = ("--filtered", "--subscription", "metronome/Seats", "--since", "7d", "--yes")
    assert "2 deliveries due again" in offramp("replay", *which).out
    live.settle()
    assert live.emulator.effects() == {"report-1": 1, "report-2": 1}
