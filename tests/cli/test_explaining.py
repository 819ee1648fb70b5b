"""`offramp explain` of actions that make several requests, or fail."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from tests.cli.parts import COMMAND

PLUGIN = """
from typing import Any

import attrs

from offramp import Action, Destination, Request, SyncMode, field, hookimpl, path


@attrs.frozen
class Settings:
    pass


@attrs.frozen
class Item:
    id: str = field(description="Which.", default=path("$.messageId"))


class Send(Action[Settings, Item]):
    slug, title, description = "send", "Send", "Sends."
    choices = (("add", "Add"), ("upsert", "Upsert"))
    sync_mode = SyncMode(default="upsert", label="How", description="", choices=choices)

    async def perform(self, request: Request[Settings], payload: Item) -> None:
        {code}


@hookimpl
def offramp_destinations() -> list[Destination]:
    return [Destination(slug="steps", name="Steps", settings=Settings, actions=[Send])]
"""
CONFIG = """
plugin_files = ["steps.py"]

[sources.site]
write_key = "key-of-the-site"

[instances.steps]
destination = "steps"
source = "site"

[[instances.steps.subscriptions]]
name = "Send"
action = "send"
trigger = 'type = "track"'
"""


def _explained(folder: Path, code: str, config: str = CONFIG) -> subprocess.CompletedProcess[str]:
    (folder / "steps.py").write_text(PLUGIN.replace("{code}", code))
    (folder / "offramp.toml").write_text(config)
    return subprocess.run(
        [*COMMAND, "explain", "--config", folder / "offramp.toml"],
        input=json.dumps({"type": "track", "event": "e", "messageId": "m1", "userId": "u"}),
        capture_output=True,
        env={**os.environ, "COLUMNS": "200"},
        text=True,
        check=False,
    )


def test_the_text_shows_the_sync_mode_that_the_action_gets(tmp_path: Path) -> None:
    """It is that of the subscription, and the request is made with it."""
    code = 'await request.post("https://p.example/" + request.sync_mode)'
    ran = _explained(tmp_path, code, f'{CONFIG}sync_mode = "add"\n')
    assert "✓ matches steps/Send in the sync mode add" in ran.stdout
    assert "POST https://p.example/add" in ran.stdout


@pytest.mark.parametrize(
    ("code", "status", "shown"),
    [
        ("raise KeyError(payload.id)", 1, "the plugin raised KeyError: 'm1' (steps.py:"),
        (
            'for step in ("find", "save"): await request.post(f"https://p.example/{step}")',
            0,
            "as if the partner answered each request with 200 and {}",
        ),
        (
            '(await request.post("https://p.example/save")).json()["id"]',
            0,
            "the action does not go on with the answer 200 and {}: the plugin raised KeyError",
        ),
    ],
)
def test_the_text_shows_each_request_and_why_there_are_no_more(
    tmp_path: Path, code: str, status: int, shown: str
) -> None:
    """The exit status is 1 only where the action fails whatever the partner answers."""
    ran = _explained(tmp_path, code)
    assert (ran.returncode, "Traceback" in ran.stderr) == (status, False), ran.stderr
    assert shown in ran.stdout
    steps = [f"POST https://p.example/{step}" for step in ("find", "save") if step in code]
    assert [line.strip() for line in ran.stdout.splitlines() if "POST" in line] == steps
