"""`explain` and `send` with a plugin that forgets what it should do: told, with status 1."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import Offramp, ndjson, usage

PLUGIN = """
import attrs
from offramp import Action, Destination, field, hookimpl, path

@attrs.frozen
class Settings:
    pass

@attrs.frozen
class Note:
    id: str = field(default=path("$.messageId"))

class Pin(Action[Settings, Note]):
    slug, title = "pin", "Pin"

    async def perform(self, request, payload):
        {body}

@hookimpl
def offramp_destinations():
    return [Destination(slug="pinboard", name="Pinboard", settings=Settings, actions=[Pin])]
"""
CONFIG = """
plugin_files = ["pinboard.py"]

[sources.app]
write_key = "key"

[instances.board]
source = "app"
destination = "pinboard"

[[instances.board.subscriptions]]
name = "Notes"
action = "pin"
trigger = 'type = "track"'
"""


@pytest.mark.parametrize("command", ["explain", "send"])
@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            'request.put("https://a.example")',
            "did not await it: PUT https://a.example (pinboard.py:17, in perform)",
        ),
        ("pass", "perform (pinboard.py:16, in perform) sent nothing"),
        ('{}["nope"]', "the plugin raised KeyError: 'nope' (pinboard.py:17, in perform)"),
    ],
    ids=["no await", "nothing", "raises"],
)
def test_a_plugin_that_delivers_nothing_is_told(
    offramp: Offramp, tmp_path: Path, command: str, body: str, message: str
) -> None:
    """Never as delivered: file and line, on the screen and in JSON."""
    (tmp_path / "pinboard.py").write_text(PLUGIN.replace("{body}", body))
    config = tmp_path / "offramp.toml"
    config.write_text(CONFIG)
    shown = offramp(command, "--config", config, stdin=ndjson(usage()))
    result = offramp(command, "--config", config, "--json", stdin=ndjson(usage()))
    assert (shown.status, result.status) == (1, 1)
    assert "delivered" not in shown.out
    [line] = result.lines
    found = line["errors"][0]["detail"] if command == "explain" else line["error"]["message"]
    assert message in found
