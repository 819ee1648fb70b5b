"""Tokens of the control API, by label: added, used side by side, revoked, and read anew."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.cli.conftest import CONFIG, Offramp, Result
from tests.cli.parts import running, write

from offramp.api import ADDED_FILE, TOKEN_FILE
from offramp.host.run import Host


async def status_of(host: Host, token: str, path: str = "status", **request: Any) -> int:
    """The status of a request with a token."""
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.request(
            request.pop("method", "GET"), f"{host.url}/api/{path}", **request
        ) as answer,
    ):
        return answer.status


async def test_a_token_is_replaced_and_each_change_says_which_one_made_it(
    config: Path, offramp: Offramp
) -> None:
    """Add, change the caller, revoke; both work meanwhile, and the folder has only a hash."""
    folder = config.parent / "data"

    async def command(*arguments: str) -> Result:
        return await asyncio.to_thread(offramp, *arguments, "--data-dir", folder)

    async with running(config, folder) as host:
        own = host.token.value
        added = await command("tokens", "add", "ci")
        assert added.status == 0
        token = added.out.strip()
        assert await status_of(host, own) == await status_of(host, token) == 200
        assert (await command("tokens", "add", "für Ï")).status == 0
        assert (await command("tokens", "revoke", "für Ï")).status == 0
        for each, rate in ((own, 5), (token, 6)):
            body = {"requests_per_second": rate}
            change = {"method": "PATCH", "json": body}
            assert await status_of(host, each, "instances/metronome", **change) == 200
        rows = (await command("audit-log", "--json")).lines
        assert [row["token"] for row in rows[:2]] == ["ci", "default"]
        assert [(row["what"], row["kind"], row["id"]) for row in rows[2:5]] == [
            ("removed", "token", "für Ï"),
            ("added", "token", "für Ï"),
            ("added", "token", "ci"),
        ]
        assert {row["token"] for row in rows[2:5]} == {"default"}
        assert token not in str(rows)
        listed = (await command("tokens", "list", "--json")).lines
        assert {row["label"]: row["origin"] for row in listed} == {
            "default": "data folder",
            "ci": "api",
        }
        assert all(row["last_used_at"] for row in listed)
        path = folder / ADDED_FILE
        assert token not in await asyncio.to_thread(path.read_text)
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600  # noqa: PTH116 - a look
    async with running(None, folder) as host:
        assert await status_of(host, token) == 200
        assert (await command("tokens", "revoke", "ci")).out == "revoked: ci\n"
        assert await status_of(host, token) == 401
        assert await status_of(host, own) == 200


MISTAKES = [
    (("add",), "name the token: `offramp tokens add LABEL`"),
    (("add", "default"), "there is a token 'default' already"),
    (("add", "a/b"), "the label 'a/b' must be printable, without '/'"),
    (("revoke", "gone"), "there is no token 'gone'; there are: default"),
    (("revoke", "default"), "delete its file `token`, and send the host SIGHUP"),
]


async def test_what_cannot_be_added_or_revoked_is_told(config: Path, offramp: Offramp) -> None:
    """Each mistake in a line with what to do; nobody can lock himself out."""
    folder = config.parent / "data"
    async with running(config, folder) as host:
        for arguments, message in MISTAKES:
            result = await asyncio.to_thread(offramp, "tokens", *arguments, "--data-dir", folder)
            assert result.status == 2, arguments
            assert message in " ".join(result.err.split()), arguments
        assert dict(host.context.tokens.origins()) == {"default": "data folder"}


async def test_the_token_of_the_folder_is_replaced_by_deleting_its_file(
    config: Path, offramp: Offramp
) -> None:
    """The next reload makes another, and the old one is refused from then on."""
    folder = config.parent / "data"
    async with running(config, folder) as host:
        own = host.token.value
        write(folder / TOKEN_FILE, None)
        assert (await host.reload(by="test")).changed == (str(folder / TOKEN_FILE),)
        assert await status_of(host, own) == 401
        result = await asyncio.to_thread(offramp, "status", "--data-dir", folder)
        assert result.status == 0


OPS = '{{ label = "ops", token = "file:{0}" }}'
CI = '{{ label = "ci", token = "ci-token" }}'


@pytest.mark.parametrize(
    "written",
    [
        'api_tokens = {{ ops = "file:{0}", ci = "ci-token" }}',
        f"api_tokens = [{OPS}, {CI}]",
        'api_token = "ci-token"\napi_tokens = {{ ops = "file:{0}" }}',
    ],
    ids=["a table", "a list", "with the shorthand"],
)
async def test_tokens_of_the_file_are_all_valid_and_read_anew(config: Path, written: str) -> None:
    """A reference is replaced by a reload; one that cannot be read leaves the token in force."""
    path = config.parent / "ops-token"
    write(path, "first-token\n")
    write(config, f"[host]\n{written.format(path)}\n{CONFIG}")
    folder = config.parent / "data"
    async with running(config, folder) as host:
        for token, status in (("first-token", 200), ("ci-token", 200), ("other", 401)):
            assert await status_of(host, token) == status
        assert not (folder / TOKEN_FILE).exists()
        write(path, "second-token\n")
        assert (await host.reload(by="test")).changed == ("host.api_tokens.ops",)
        assert await status_of(host, "second-token") == 200
        assert await status_of(host, "first-token") == 401
        write(path, None)
        done = await host.reload(by="test")
        assert [fault.place for fault in done.kept] == ["host.api_tokens.ops"]
        assert await status_of(host, "second-token") == 200
        revoked = await status_of(host, "ci-token", "tokens/ops", method="DELETE")
        assert revoked == 409
