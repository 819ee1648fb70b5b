"""Secrets that a mapping writes out: sealed at rest, masked for people, put back where masked."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import attrs
import pytest

from offramp import Action, Destination, Request, field, path
from offramp.config import (
    Config,
    ConfigStore,
    diff_configs,
    export_config,
    mask_mapping,
    parse_config,
    rotate_key_file,
    to_toml,
)
from offramp.config.keyring import load_key_ring
from offramp.errors import ConfigError
from offramp.hooks import hookimpl
from offramp.payload import json_schema
from offramp.plugins import Catalog, load_catalog, load_plugins
from offramp.storage import Store

URL = "https://hooks.example.com/canary-url-0001"
PASSWORD = "canary-password-0002"
PROPERTY = "canary-property-0003"
SECRETS = (URL, PASSWORD, PROPERTY)


@attrs.frozen
class Settings:
    """There are none."""


@attrs.frozen
class Login:
    """An object of which one property is secret."""

    name: str | None = field(required=False)
    key: str | None = field(required=False, secret=True)


@attrs.frozen
class Message:
    """A payload with every way to mark a secret."""

    url: str = field(secret=True)
    text: str = field(default=path("$.event"))
    password: str | None = field(type="password", required=False)
    login: Login | None = field(required=False)
    logins: list[Login] | None = field(required=False)
    box: Login | None = field(required=False, secret=True)


class Post(Action[Settings, Message]):
    """Sends nothing here."""

    slug, title = "post", "Post"

    async def perform(self, request: Request[Settings], payload: Message) -> None:
        """Do nothing: no test here sends."""


class Hooks:
    """Declares the one destination."""

    @hookimpl
    def offramp_destinations(self) -> list[Destination]:
        """A chat whose webhook is a field."""
        return [Destination(slug="chat", name="Chat", settings=Settings, actions=(Post,))]


@pytest.fixture(scope="module")
def chats() -> Catalog:
    return load_catalog(load_plugins(extra=[Hooks()], installed=False))


def document(**mapping: Any) -> dict[str, Any]:
    subscription = {"name": "s", "action": "post", "trigger": 'type = "track"', "mapping": mapping}
    return {
        "sources": {"web": {"write_key": "wk"}},
        "instances": {
            "chat": {"destination": "chat", "source": "web", "subscriptions": [subscription]}
        },
    }


WRITTEN = document(
    url=URL, password={"@template": PASSWORD}, login={"name": "shown", "key": PROPERTY}
)
CONDITION = {"exists": {"@path": "$.a"}, "then": URL, "else": {"@path": "$.url"}}

MASKED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("a literal", {"url": URL}, {"url": "***0001"}),
    ("a short one", {"url": "short"}, {"url": "***"}),
    ("a number", {"url": 12}, {"url": "***"}),
    ("a reference", {"url": "env:URL"}, {"url": "env:URL"}),
    ("nothing", {"url": None}, {"url": None}),
    ("a path", {"url": {"@path": "$.url"}}, {"url": {"@path": "$.url"}}),
    (
        "within a directive",
        {"url": {"@if": CONDITION}},
        {"url": {"@if": {**CONDITION, "then": "***0001"}}},
    ),
    (
        "a property",
        {"login": {"name": "n", "key": PROPERTY}},
        {"login": {"name": "n", "key": "***0003"}},
    ),
    (
        "a property in a list",
        {"logins": [{"name": "n", "key": PROPERTY}]},
        {"logins": [{"name": "n", "key": "***0003"}]},
    ),
    (
        "a property that a directive makes",
        {"login": {"@if": {"true": True, "then": {"key": PROPERTY}}}},
        {"login": {"@if": {"true": "***", "then": {"key": "***0003"}}}},
    ),
    ("all of an object", {"box": {"name": PROPERTY}}, {"box": {"name": "***0003"}}),
    ("an unknown field", {"gone": PROPERTY}, {"gone": "***0003"}),
    (
        "a directive around everything",
        {"@merge": {"objects": [{"url": URL}]}},
        {"@merge": {"objects": [{"url": "***0001"}]}},
    ),
    (
        "no secret",
        {"text": URL, "__segment_internal_sync_mode": "add"},
        {"text": URL, "__segment_internal_sync_mode": "add"},
    ),
]


@pytest.mark.parametrize(
    ("mapping", "shown"), [row[1:] for row in MASKED], ids=[row[0] for row in MASKED]
)
def test_a_person_sees_no_secret_of_a_mapping(
    mapping: dict[str, Any], shown: dict[str, Any], chats: Catalog
) -> None:
    """Of a secret field every literal is masked; paths, references and other fields are shown."""
    assert mask_mapping(chats["chat"].action("post").fields, mapping) == shown


def test_a_secret_field_is_told_in_the_schema_and_not_in_the_repr(chats: Catalog) -> None:
    """Forms know it by `writeOnly`, and a payload in a log does not show it."""
    properties = json_schema(chats["chat"].action("post").fields)["properties"]
    assert [key for key, each in properties.items() if each.get("writeOnly")] == ["url", "password"]
    message = Message(url=URL, text="t", password=PASSWORD, login=Login(key=PROPERTY))
    assert not any(secret in repr(message) for secret in SECRETS)


async def test_no_secret_of_a_mapping_lies_on_disk(tmp_path: Path, chats: Catalog) -> None:
    """Sealed in the tables, masked in the audit log, and whole again when it loads."""
    config = parse_config(WRITTEN, chats).config
    changed = parse_config(document(url=f"{URL}9"), chats).config
    async with Store.open(tmp_path) as disk:
        store = ConfigStore(disk, load_key_ring(tmp_path, environ={}), chats)
        await store.replace(config, 0, actor="me")
        assert await store.load() == (1, config)
        await store.replace(changed, 1, actor="me")
        await store.rotate(rotate_key_file(tmp_path))
        assert await store.load() == (2, changed)
        await store.replace(Config(), 2, actor="me")
        entries = await store.audit_log()
    on_disk = await asyncio.to_thread(
        lambda: b"".join(file.read_bytes() for file in tmp_path.iterdir())
    )
    assert b"shown" in on_disk
    for secret in SECRETS:
        assert secret.encode() not in on_disk
        assert secret not in str(entries)


async def test_a_sealed_mapping_opens_for_its_subscription_only(
    tmp_path: Path, chats: Catalog
) -> None:
    """Who can write the file cannot move a secret to where it would be sent elsewhere."""
    config = parse_config(WRITTEN, chats).config
    async with Store.open(tmp_path) as disk:
        store = ConfigStore(disk, load_key_ring(tmp_path, environ={}), chats)
        await store.replace(config, 0, actor="me")
        await disk.write(
            lambda connection: connection.execute(
                'UPDATE config SET doc = replace(doc, \'"id":"chat/s"\', \'"id":"chat/t"\')'
            )
        )
        _, loaded = await store.load()
        assert "was sealed for another place" in loaded.unreadable["subscription", "chat/s"]
        assert "chat/t" not in loaded.subscriptions


def test_an_export_and_a_diff_show_no_secret_of_a_mapping(chats: Catalog) -> None:
    """Both tell that there is one and that it is another, and never which."""
    config = parse_config(WRITTEN, chats).config
    other = parse_config(document(url=f"{URL[:-5]}x0001"), chats).config
    text = to_toml(export_config(config, chats))
    text += "".join(map(str, diff_configs(config, other, chats)))
    text += "".join(map(str, diff_configs(Config(), config, chats)))
    assert 'mapping.url: "***0001" (another value)' in text
    assert not any(secret in text for secret in SECRETS)


def test_masked_secrets_of_a_mapping_stand_for_those_in_place(chats: Catalog) -> None:
    """An exported file can be edited and applied; what has no secret in place is a fault."""
    config = parse_config(WRITTEN, chats).config
    masked = export_config(config, chats)
    assert parse_config(masked, chats, current=config).config == config
    with pytest.raises(ConfigError) as caught:
        parse_config(document(url="***", password="***0009"), chats, current=config)
    assert [fault.place.rpartition(".")[2] for fault in caught.value.faults] == ["password"]
    with pytest.raises(ConfigError, match="there is no secret in place yet"):
        parse_config(masked, chats)


def test_a_fault_of_a_mapping_does_not_quote_a_secret(chats: Catalog) -> None:
    """The place is told, and that more is hidden."""
    with pytest.raises(ConfigError, match=r"mapping\.url.*quotes a secret") as caught:
        parse_config(document(url={"@if": PASSWORD}), chats)
    assert "canary" not in str(caught.value)
