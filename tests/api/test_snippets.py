"""Snippets: what a person copies sends an event to this host."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
from tests.api.conftest import PATIENCE, WRITE_KEY, Running
from tests.docs.pages import read_page

from offramp.api.operations import Call
from offramp.api.snippet_texts import SDKS
from offramp.api.snippets import PLACEHOLDER, Address, SnippetsResource

PATH = "/api/sources/site/snippets"
#: The address of the documentation.
EXAMPLE = "https://events.example"


async def snippets_of(host: Running) -> dict[str, dict[str, Any]]:
    """Snippet by SDK."""
    answer = await host.get(PATH)
    assert answer["placeholder"] == PLACEHOLDER
    return {each["sdk"]: each for each in answer["snippets"]}


async def run(*command: str | Path) -> None:
    """Run a program that must succeed."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 0, out.decode()


async def arrived(host: Running) -> Sequence[Any]:
    """The events of the source."""
    rows: Sequence[Any] = (await host.get("/api/events"))["rows"]
    return [row for row in rows if row["source"] == "site"]


async def test_the_snippet_of_python_sends_an_event(host: Running, tmp_path: Path) -> None:
    """With the write key in its place, the code runs as it stands, by the real SDK."""
    file = tmp_path / "snippet.py"
    code = (await snippets_of(host))["python"]["code"]
    file.write_text(code.replace(PLACEHOLDER, WRITE_KEY))
    await run(sys.executable, file)
    [event] = await arrived(host)
    assert event["name"] == "Test Event"


async def test_the_snippet_of_curl_sends_an_event(host: Running, tmp_path: Path) -> None:
    """Pasted into a shell, it is answered with success."""
    if shutil.which("curl") is None:
        pytest.skip("there is no curl")
    file = tmp_path / "snippet.sh"
    code = (await snippets_of(host))["curl"]["code"]
    file.write_text(
        code.replace("curl ", "curl --fail --silent ", 1).replace(PLACEHOLDER, WRITE_KEY)
    )
    await run("sh", file)
    [event] = await arrived(host)
    assert event["name"] == "Test Event"


async def test_no_stored_key_is_shown(host: Running) -> None:
    """A key is a secret: it is shown when it is made, and nowhere else."""
    assert WRITE_KEY not in (await host.ask("GET", PATH)).text


@pytest.mark.parametrize("name", ["evil'.example", 'a"b', "a b"])
async def test_no_code_comes_from_a_header(host: Running, name: str) -> None:
    """A host name that would end a text in a snippet is refused."""
    heard = await host.ask("GET", PATH, headers={"Host": name})
    assert heard.status in (400, 422)
    assert name not in heard.text.replace('\\"', '"') or heard.status == 400


@pytest.mark.parametrize("sdk", SDKS, ids=lambda sdk: sdk.sdk)
def test_every_setting_is_documented(sdk: Any) -> None:
    """The page of the collector names the setting of each SDK as the snippet has it."""
    code = Address(EXAMPLE).snippet(sdk)["code"]
    [row] = [
        line
        for line in read_page("reference/collector.md").splitlines()
        if line.startswith(f"| {sdk.label} |")
    ]
    settings = re.findall(r"`([^`]+)`", row)
    assert settings
    for setting in settings:
        assert setting in code


@pytest.mark.parametrize("sdk", SDKS, ids=lambda sdk: sdk.sdk)
@pytest.mark.parametrize("url", [EXAMPLE, "http://127.0.0.1:8585", "https://proxy.example/seg"])
def test_no_part_is_left_to_fill_in_but_the_key(sdk: Any, url: str) -> None:
    """Each snippet has the address, and the write key once."""
    snippet = Address(url).snippet(sdk)
    assert not re.search(r"<[A-Z_]+>", snippet["code"])
    assert snippet["code"].count(PLACEHOLDER) == 1
    host = url.partition("://")[2]
    assert host in snippet["code"] or sdk.sdk == "ruby"


def test_ruby_gets_host_port_and_path_apart() -> None:
    """Its options are three."""
    [ruby] = [sdk for sdk in SDKS if sdk.sdk == "ruby"]
    code = Address("https://proxy.example:8443/seg").snippet(ruby)["code"]
    assert "host: 'proxy.example', port: 8443, path: '/seg/v1/import'" in code


def test_an_sdk_that_needs_https_says_so() -> None:
    """On plain HTTP some SDKs cannot send; on HTTPS nothing stands in the way."""
    for sdk in SDKS:
        assert (Address("http://127.0.0.1:8585").snippet(sdk)["note"] is None) != sdk.https_only
        assert Address(EXAMPLE).snippet(sdk)["note"] is None
    assert any(sdk.https_only for sdk in SDKS)


async def test_the_public_address_comes_first(host: Running) -> None:
    """Behind a proxy, senders use its address; without one, that of the caller."""
    assert (await host.get(PATH))["url"] == host.url
    context = attrs.evolve(host.context, public_url=f"{EXAMPLE}/")
    call = Call(path={"name": "site"}, query={}, host_url="http://127.0.0.1:1")
    assert (await SnippetsResource(context).show(call)).data["url"] == EXAMPLE
