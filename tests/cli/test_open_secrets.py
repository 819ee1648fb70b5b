"""`offramp check` tells of secrets that stand in the clear, as their field is not declared so."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import Offramp

PLUGIN = """
import attrs
from offramp import Action, Destination, field, hookimpl, path, setting

@attrs.frozen
class Login:
    api_key: str | None = field(required=False, key="apiKey")

@attrs.frozen
class Settings:
    bot_token: str | None = setting(required=False, key="botToken")
    signing: str | None = setting(required=False, key="signingSecret", secret=True)
    public: str | None = setting(required=False, key="publicToken", secret=False)
    login: Login | None = setting(required=False)

@attrs.frozen
class Note:
    id: str = field(default=path("$.messageId"))
    token: str | None = field(required=False)

class Pin(Action[Settings, Note]):
    slug, title = "pin", "Pin"

    async def perform(self, request, payload):
        await request.put("https://a.example")

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
settings = SETTINGS

[[instances.board.subscriptions]]
name = "Notes"
action = "pin"
trigger = 'type = "track"'
mapping = { id = { "@path" = "$.messageId" }, token = MAPPED }
"""
SETTING = "instances.board.settings."
PLACE = "instances.board.subscriptions[0].mapping.token"
EVENT = '{ "@path" = "$.properties.token" }'


@pytest.mark.parametrize(
    ("written", "messages"),
    [
        (("{}", EVENT), []),
        (('{ botToken = "x0xb-1" }', EVENT), [f"{SETTING}botToken"]),
        (('{ botToken = "env:BOT_TOKEN" }', EVENT), []),
        (('{ signingSecret = "s3cr3t", publicToken = "p" }', EVENT), []),
        (('{ login = { apiKey = "k" } }', EVENT), [f"{SETTING}login.apiKey"]),
        (("{}", '"x0xb-2"'), [PLACE]),
        (("{}", '{ "@literal" = "x0xb-2" }'), [PLACE]),
    ],
)
def test_a_secret_in_the_clear_is_told(
    offramp: Offramp,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    written: tuple[str, str],
    messages: list[str],
) -> None:
    """With its place and what to do; references and what comes from events are none."""
    settings, mapped = written
    monkeypatch.setenv("BOT_TOKEN", "x0xb-1")
    monkeypatch.setenv("COLUMNS", "1000")
    (tmp_path / "pinboard.py").write_text(PLUGIN)
    config = tmp_path / "offramp.toml"
    config.write_text(CONFIG.replace("SETTINGS", settings).replace("MAPPED", mapped))
    result = offramp("check", "--config", config)
    assert result.status == 0, result.err
    lines = [line for line in result.err.splitlines() if "looks like a secret" in line]
    assert [line.partition(": looks")[0].split()[-1] for line in lines] == messages
    assert all("secret=True" in line for line in lines)
    assert "x0xb" not in result.err


def test_a_secret_that_is_too_short_to_mask_is_told(offramp: Offramp, tmp_path: Path) -> None:
    """By its place, and without its value."""
    (tmp_path / "pinboard.py").write_text(PLUGIN)
    config = tmp_path / "offramp.toml"
    written = CONFIG.replace("SETTINGS", '{ signingSecret = "qZ7" }').replace("MAPPED", EVENT)
    config.write_text(written)
    result = offramp("check", "--config", config)
    assert result.status == 0
    assert f"{SETTING}signingSecret: has fewer than 4 characters" in " ".join(result.err.split())
    assert "qZ7" not in result.out + result.err
