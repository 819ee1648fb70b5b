"""The sealing key is rotated under a running host, and in a folder that no host uses."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.cli.conftest import Offramp
from tests.cli.parts import running

from offramp.config import load_key_ring


@pytest.fixture
def folder(config: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of a host that ran once."""
    monkeypatch.chdir(config.parent)
    return config.parent / "data"


async def test_a_running_host_goes_on_with_the_new_key(
    offramp: Offramp, config: Path, folder: Path
) -> None:
    """It seals anew without a restart, and so does the next start."""
    async with running(config, folder) as host:
        before = load_key_ring(folder)
        rotated = await asyncio.to_thread(offramp, "rotate-keys", "--json", "--data-dir", folder)
        assert rotated.status == 0, rotated.err
        [row] = rotated.lines
        assert (row["old_keys"], row["resealed"]) == ([*before.ids], 1)
        assert host.engine.source_of("product-key") == "product"
        [entry] = await host.context.configs.audit_log(limit=1)
        assert (entry.kind, entry.id, entry.actor) == ("sealing_key", row["key"], "command line")
        assert entry.after == {"keys": [row["key"], *before.ids]}
    async with running(None, folder) as host:
        assert host.engine.source_of("product-key") == "product"


def test_a_folder_without_a_host(offramp: Offramp, config: Path, folder: Path) -> None:
    """The command does it itself, and can drop the old key."""

    async def serve(file: Path | None) -> None:
        async with running(file, folder) as host:
            assert host.engine.source_of("product-key") == "product"

    asyncio.run(serve(config))
    [before] = load_key_ring(folder).ids
    rotated = offramp("rotate-keys", "--drop-old-keys", "--data-dir", folder)
    assert rotated.status == 0, rotated.err
    [after] = load_key_ring(folder).ids
    assert after != before
    asyncio.run(serve(None))


def test_no_folder_is_made(offramp: Offramp, tmp_path: Path) -> None:
    """A wrong path is told, and nothing is written there."""
    result = offramp("rotate-keys", "--data-dir", tmp_path / "nowhere")
    assert result.status == 2
    assert "there is no data in the folder" in result.err
    assert not (tmp_path / "nowhere").exists()
