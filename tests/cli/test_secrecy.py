"""Planted secrets: nothing that a host writes or answers holds one of them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import aiohttp
from tests.cli.conftest import CONFIG, usage

from offramp_metronome.emulator import Emulator

API_TOKEN = "planted-api-token-5d1c9e7a"
WRITE_KEY = "planted-write-key-83b2f64d"
PATIENCE = 20.0
ENDPOINTS = (
    "/metrics",
    "/readyz",
    "/api/status",
    "/api/sources",
    "/api/instances",
    "/api/subscriptions",
    "/api/config",
    "/api/audit-log",
    "/api/events",
    "/api/events/leak-1",
)


async def test_no_secret_is_in_anything_that_a_host_writes(tmp_path: Path) -> None:
    """Not in the data folder, the log, the metrics or any answer; not even after a refusal."""
    config = tmp_path / "offramp.toml"
    config.write_text(
        CONFIG.replace("env:METRONOME_TOKEN", API_TOKEN).replace("product-key", WRITE_KEY)
    )
    log = tmp_path / "log"
    async with Emulator(token="another-token") as emulator, aiohttp.ClientSession() as session:
        with log.open("wb") as stream:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", "from offramp.cli import main; main()",
                "serve", "offramp.toml", "--port", "0",
                cwd=tmp_path,
                env={**os.environ, "METRONOME_BASE_URL": emulator.url, "COLUMNS": "200"},
                stdout=stream,
                stderr=stream,
            )  # fmt: skip
        try:
            url = await _url(log)
            body = {"writeKey": WRITE_KEY, "batch": [usage("leak-1"), usage("leak-2")]}
            async with session.post(f"{url}/v1/batch", json=body) as answer:
                assert answer.status == 200
            await asyncio.sleep(1)
            token = (tmp_path / "offramp-data" / "token").read_text().strip()
            answers = [await _get(session, url + endpoint, token) for endpoint in ENDPOINTS]
        finally:
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), PATIENCE)
    assert "403" in answers[-1], "the refusal itself has to be told"
    written = {
        str(f): f.read_bytes() for f in (tmp_path / "offramp-data").rglob("*") if f.is_file()
    }
    written["the log"] = log.read_bytes()
    written |= {endpoint: text.encode() for endpoint, text in zip(ENDPOINTS, answers, strict=True)}
    leaks = [
        (where, secret)
        for where, text in written.items()
        for secret in (API_TOKEN, WRITE_KEY)
        if secret.encode() in text
    ]
    assert not leaks


async def _url(log: Path) -> str:
    async with asyncio.timeout(PATIENCE):
        while "/v1/batch" not in (text := log.read_text()):  # noqa: ASYNC110, ASYNC240
            await asyncio.sleep(0.05)
    return text.split("accepts events at ")[1].split("/v1/batch")[0]


async def _get(session: aiohttp.ClientSession, url: str, token: str) -> str:
    headers = {"Authorization": f"Bearer {token}"}
    async with session.get(url, headers=headers) as answer:
        assert answer.status == 200, (url, await answer.text())
        return await answer.text()
