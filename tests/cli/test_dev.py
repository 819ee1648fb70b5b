"""`offramp dev` shows a destination as its source is now, and what is wrong with it."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from offramp.cli.scaffold import ProjectNames, declare, write_project

OFFRAMP = Path(sys.executable).with_name("offramp")
PATIENCE = 30.0
ACTION = "send_event.py"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project as `offramp init` makes it, which sends batches."""
    names = ProjectNames(name="pinboard")
    for path, text in write_project(declare(names, "token", batch=True), names).items():
        place = tmp_path / "pinboard" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return tmp_path / "pinboard"


def source(project: Path) -> Path:
    """The module with the project's action."""
    return project / "offramp_pinboard" / ACTION


def edit(path: Path, old: str, new: str) -> None:
    """Change a file as an editor does."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def dev(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run it once, 80 columns wide."""
    return subprocess.run(
        [OFFRAMP, "dev", str(project), "--once", *options],
        env={**os.environ, "COLUMNS": "80"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("200", "if the partner answers 200: delivered"),
        ("400", "if the partner answers 400: rejected 400"),
        ("401", "if the partner answers 401: retrying 401"),
        ("429", "again within 30 s"),
        ("500", "if the partner answers 500: retrying 500"),
        ("time-out", "if the partner answers time-out: retrying ETIMEDOUT"),
    ],
)
def test_a_page_has_fields_request_and_outcome(project: Path, answer: str, outcome: str) -> None:
    """Each usual answer of a partner leads to the outcome that the host would store."""
    done = dev(project, "--answer", answer)
    assert done.returncode == 0, done.stderr
    assert "✓ matches Send all tracked events" in done.stdout
    assert re.search(r"userId +userid-\w+ +@path \$\.userId", done.stdout)
    assert "POST https://api.example.com/send-event" in done.stdout
    assert "Authorization: ***" in done.stdout
    assert outcome in " ".join(done.stdout.split())
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_events_settings_and_answers_come_from_files(project: Path, tmp_path: Path) -> None:
    """What is made up by default can be given; an event that is filtered says why."""
    events = tmp_path / "events.ndjson"
    events.write_text(
        '{"type": "track", "event": "Paid", "messageId": "m1", "timestamp": "2026-01-01"}\n'
        '{"type": "page", "name": "Home", "messageId": "m2"}\n'
    )
    settings = tmp_path / "settings.json"
    settings.write_text('{"apiKey": "key-of-a-test"}')
    answers = tmp_path / "answers.json"
    answers.write_text('{"busy": {"status": 503, "headers": {"Retry-After": "7"}, "json": {}}}')
    done = dev(
        project,
        *("--events", str(events), "--settings", str(settings)),
        *("--answers", str(answers), "--answer", "busy"),
    )
    assert done.returncode == 0, done.stderr
    assert "event 1 of 2, answer busy" in done.stdout
    assert "retrying 503" in done.stdout
    assert "again within 7 s" in " ".join(done.stdout.split())
    assert "✗ does not match Send all tracked events" in done.stdout
    assert "key-of-a-test" not in done.stdout


FAULTS: dict[str, tuple[str, str, int, str]] = {
    "a name that is not defined": (
        'default=path("$.messageId")',
        'default=pth("$.messageId")',
        2,
        rf"NameError: name 'pth' is not defined \({ACTION}:\d+, in SendEvent\w*\)",
    ),
    "no Python": ("class SendEvent(", "class (SendEvent(", 2, rf"SyntaxError: .*{ACTION}"),
    "a field without a type": (
        "id: str = field(",
        "id = field(",
        2,
        r"\.id: has no annotation: write id: str = field",
    ),
    "an action that raises": (
        "await request.",
        "await {}[1] or request.",
        1,
        rf"the plugin raised KeyError: 1 \({ACTION}:\d+, in perform_batch\)",
    ),
    "a request that is not awaited": (
        "await request.",
        "request.",
        1,
        rf"did not await it: POST .* \({ACTION}:\d+, in perform_batch\)",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_has_its_line_and_a_status_for_scripts(project: Path, name: str) -> None:
    """2 if there is nothing to show, 1 if the plugin's own code fails for an event."""
    old, new, status, wanted = FAULTS[name]
    edit(source(project), old, new)
    done = dev(project)
    shown = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == status, shown
    assert re.search(wanted, shown), shown
    assert "Traceback" not in shown


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (["--answer", "tea"], "there is no answer 'tea'; there are 200, 400, 401, 429, 500"),
        (["--events", "none.ndjson"], "none.ndjson cannot be read: No such file"),
    ],
)
def test_what_is_not_there_is_told(project: Path, options: list[str], wanted: str) -> None:
    """In one line, with what there is."""
    done = dev(project, *options)
    assert done.returncode == 2
    assert wanted in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("option", "text", "wanted"),
    [
        (
            "--answers",
            '{"busy": {"status": "503"}}',
            "the answer 'busy': Expected `int`, got `str` - at `$.status`",
        ),
        ("--answers", '{"busy": {"staus": 503}}', "the answer 'busy': Object contains unknown"),
        ("--answers", "[]", "is not a JSON object"),
        ("--settings", "{", "is not JSON"),
        ("--events", '{"type": "track"}\n{', ", line 2: "),
        ("--events", "\n", "has no event: write one in each line, as JSON"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_name(
    project: Path, tmp_path: Path, option: str, text: str, wanted: str
) -> None:
    """It is the author's slip in a file, and not a fault of the plugin."""
    file = tmp_path / "given.json"
    file.write_text(text)
    done = dev(project, option, str(file))
    message = " ".join(done.stderr.split())
    assert done.returncode == 2, message
    assert "given.json" in message
    assert wanted in message


@contextmanager
def terminal(project: Path) -> Iterator[tuple[Callable[[str], str], Callable[[str], None]]]:
    """The command in a terminal: a function that waits for a text, and one that presses a key."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [OFFRAMP, "dev", str(project)],
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)

    def wait_for(wanted: str) -> str:
        seen, end = "", time.monotonic() + PATIENCE
        # The line of keys is the end of each page.
        while wanted not in seen or "q quit" not in seen.partition(wanted)[2]:
            assert time.monotonic() < end, seen
            if select.select([ours], [], [], 0.1)[0]:
                seen += os.read(ours, 65536).decode(errors="replace")
        return seen

    try:
        yield wait_for, lambda key: void(os.write(ours, key.encode()))
        os.write(ours, b"q")
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def void(_: object) -> None:
    """Forget a result."""


def test_a_terminal_is_drawn_again_at_a_change_and_at_a_key(project: Path) -> None:
    """A broken source says so, and a mended one is shown again; `a` chooses another answer."""
    with terminal(project) as (wait_for, press):
        assert "\x1b[2J" in wait_for("delivered"), "each page begins on an empty screen"
        edit(source(project), "class SendEvent(", "class (SendEvent(")
        wait_for("SyntaxError")
        edit(source(project), "class (SendEvent(", "class SendEvent(")
        wait_for("answer 200")
        edit(project / "offramp_pinboard" / "partner.py", "api.example.com", "pins.example")
        wait_for("https://pins.example/send-event")
        press("a")
        wait_for("the content is refused")
        press("n")
        wait_for("event 1 of 1, answer 400")
