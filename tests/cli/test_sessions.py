"""Every connection is closed: Python's development mode has nothing to say of a command's end."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from pathlib import Path

import aiohttp
import pytest
from tests.cli.conftest import CONFIG, TOKEN, ndjson, usage
from tests.cli.parts import COMMAND, PATIENCE

#: Nobody listens there.
NOWHERE = "http://127.0.0.1:9"
LEFT_OPEN = re.compile(r"unclosed|ResourceWarning|never awaited|never retrieved", re.IGNORECASE)


@pytest.fixture
def environ() -> dict[str, str]:
    """Development mode, in which whatever is not closed is told."""
    return {
        **os.environ,
        "PYTHONDEVMODE": "1",
        "METRONOME_TOKEN": TOKEN,
        "METRONOME_BASE_URL": NOWHERE,
        "COLUMNS": "200",
    }


def written(folder: Path, text: str = CONFIG) -> Path:
    config = folder / "offramp.toml"
    config.write_text(text)
    return config


@pytest.mark.parametrize("command", ["send", "explain"])
async def test_a_command_that_fails_closes_what_it_opened(
    tmp_path: Path, environ: dict[str, str], command: str
) -> None:
    """Also where the partner cannot be reached."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND, command, "--config", str(written(tmp_path)),
        env=environ,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await asyncio.wait_for(process.communicate(ndjson(usage())), PATIENCE)
    assert process.returncode == (1 if command == "send" else 0), output.decode()
    assert not LEFT_OPEN.search(output.decode()), output.decode()


async def test_a_host_closes_what_it_opened(tmp_path: Path, environ: dict[str, str]) -> None:
    """After an event was tried, an instance was changed, and the host was stopped."""
    log = tmp_path / "log"
    with log.open("wb") as err:
        process = await asyncio.create_subprocess_exec(
            *COMMAND, "serve", str(written(tmp_path)), "--port", "0",
            cwd=tmp_path,
            env=environ,
            stderr=err,
        )  # fmt: skip
    found = tmp_path / "offramp-data" / "url"
    try:
        async with asyncio.timeout(PATIENCE):
            while not found.exists() or not found.read_text():
                assert process.returncode is None, log.read_text()
                await asyncio.sleep(0.05)
            url = found.read_text().strip()
            headers = {"Authorization": "Basic cHJvZHVjdC1rZXk6"}
            async with (
                aiohttp.ClientSession(headers=headers) as session,
                session.post(f"{url}/v1/batch", json={"batch": [usage("m1")]}) as answer,
            ):
                assert answer.status == 200
            while "ECONNREFUSED" not in log.read_text():  # noqa: ASYNC110 - a file sends no signal
                await asyncio.sleep(0.05)
            changed = await asyncio.create_subprocess_exec(
                *COMMAND, "apply", "--yes",
                str(written(tmp_path, CONFIG.replace("env:METRONOME_TOKEN", "another-token"))),
                cwd=tmp_path,
                env=environ,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
            output, _ = await changed.communicate()
            assert changed.returncode == 0, output.decode()
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    for text in (output.decode(), log.read_text()):
        assert not LEFT_OPEN.search(text), text
