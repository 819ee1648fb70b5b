"""Write keys of a source, by label: added, used side by side, and revoked without loss."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.cli.conftest import CONFIG, Offramp, Result, usage
from tests.cli.parts import running, write

from offramp import _json

OLD = "product-key"


class Sender:
    """Sends one event after the other with its present key, and notes every status."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, url
        self.key = OLD
        self.statuses: list[int] = []

    async def send(self) -> int:
        """Send one event; answers the status."""
        event = {**usage(f"m{len(self.statuses)}"), "writeKey": self.key}
        async with self._session.post(f"{self._url}/v1/track", json=event) as answer:
            self.statuses.append(answer.status)
        return self.statuses[-1]


@pytest.mark.parametrize("way", ["command", "api"])
async def test_a_write_key_is_replaced_under_flow_and_nothing_is_refused(
    config: Path, offramp: Offramp, way: str
) -> None:
    """Add, change the sender, revoke: no request is refused but those with the revoked key."""
    folder = config.parent / "data"
    async with running(config, folder) as host, aiohttp.ClientSession() as session:
        token = {"Authorization": f"Bearer {host.token.value}"}

        async def command(*arguments: str) -> Result:
            return await asyncio.to_thread(offramp, "keys", *arguments, "--data-dir", folder)

        async def api(method: str, path: str = "", body: Any = None) -> Any:
            url = f"{host.url}/api/sources/product/keys{path}"
            data = None if body is None else _json.dumps(body)
            async with session.request(method, url, headers=token, data=data) as answer:
                return await answer.json()

        sender = Sender(session, host.url)
        stop = asyncio.Event()

        async def flow() -> None:
            while not stop.is_set():
                await sender.send()

        task = asyncio.create_task(flow())
        if way == "command":
            added = await command("add", "product", "new")
            assert added.status == 0
            key = added.out.strip()
        else:
            key = (await api("POST", body={"label": "new"}))["key"]
        assert await command_lists(command) == {"default": True, "new": False}
        sender.key = key
        await sender.send()
        assert await command_lists(command) == {"default": True, "new": True}
        if way == "command":
            assert (await command("revoke", "product", "default")).out == "revoked: default\n"
        else:
            assert (await api("DELETE", "/default"))["revoked"] == "default"
        stop.set()
        await task
        assert set(sender.statuses) == {200}
        async with session.get(f"{host.url}/metrics") as answer:
            metrics = await answer.text()
        name = "offramp_write_key_last_used_timestamp_seconds"
        assert f'{name}{{key="new",source="product"}} 1.' in metrics
        assert 'key="default"' not in metrics
        sender.key = OLD
        assert await sender.send() == 401
        assert OLD not in host.engine.key_used_at
        last = await command("revoke", "product", "new")
        assert last.status == 2
        assert "'new' is the only key of the source 'product': add another first" in last.err
        log = await asyncio.to_thread(offramp, "audit-log", "--json", "--data-dir", folder)
        assert f"***{key[-4:]}" in log.out
        assert key not in log.out
    assert key.encode() not in await asyncio.to_thread(all_bytes, folder)
    async with running(None, folder) as host:
        assert host.engine.source_of(key) == "product"
        assert host.engine.source_of(OLD) is None


def all_bytes(folder: Path) -> bytes:
    """Everything in a folder."""
    return b"".join(each.read_bytes() for each in folder.rglob("*") if each.is_file())


async def command_lists(command: Any) -> dict[str, bool]:
    """The labels of `offramp keys list`, and whether each was used."""
    listed = await command("list", "product", "--json")
    assert listed.status == 0
    assert all(row["key"].startswith("***") for row in listed.lines)
    return {row["label"]: row["last_used_at"] is not None for row in listed.lines}


async def test_what_cannot_be_a_key_is_told(config: Path, offramp: Offramp) -> None:
    """Each mistake in one line with what to do, and nothing is changed."""
    folder = config.parent / "data"
    mistakes = [
        (("add", "product"), "name the key: `offramp keys add product LABEL`"),
        (("add", "product", "default"), "has a key 'default' already"),
        (("add", "product", "a/b"), "the label 'a/b' must be printable, without '/'"),
        (("add", "product", "new", "--key", OLD), "is the write key of the source 'product' too"),
        (("add", "product", "new", "--key", "file:/etc/hostname"), "is not followed"),
        (("add", "other", "new"), "'other'"),
        (("revoke", "product", "gone"), "'gone'"),
    ]
    async with running(config, folder) as host:
        for arguments, message in mistakes:
            result = await asyncio.to_thread(offramp, "keys", *arguments, "--data-dir", folder)
            assert result.status == 2, arguments
            assert message in " ".join(result.err.split()), arguments
        assert host.context.config.sources["product"].labelled_keys == {"default": OLD}


async def test_keys_of_a_file_may_be_references_and_are_read_anew(
    config: Path, offramp: Offramp
) -> None:
    """Two keys are in force at once, as a table of labels or as a list says."""
    folder = config.parent / "data"
    write(config.parent / "key", "key-of-the-app")
    by_label = f'write_keys = {{ web = "key-of-the-web", app = "file:{config.parent}/key" }}'
    write(config, CONFIG.replace(f'write_key = "{OLD}"', by_label))
    async with running(config, folder) as host:
        for key in ("key-of-the-web", "key-of-the-app"):
            assert host.engine.source_of(key) == "product"
        result = await asyncio.to_thread(offramp, "keys", "list", "product", "--data-dir", folder)
        assert f"file:{config.parent}/key" in "".join(result.out.split())
        exported = await asyncio.to_thread(offramp, "export", "--data-dir", folder)
        assert 'web = "***"' in exported.out
