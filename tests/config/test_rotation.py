"""The sealing key is rotated: by hand or by itself, and a kill at any moment loses nothing."""

from __future__ import annotations

import asyncio
import base64
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from offramp.config import (
    Config,
    ConfigStore,
    Instance,
    KeyRing,
    Source,
    load_key_ring,
    rotate_keys,
)
from offramp.config.keyring import new_key
from offramp.errors import ConfigError
from offramp.plugins import load_catalog, load_plugins
from offramp.storage import Store

PATIENCE = 120.0
#: Lines of the code that writes keys, at the least, at which a process is killed.
KILLS = 60
CATALOG = load_catalog(load_plugins())
CONFIG = Config(
    sources={"site": Source(name="site", write_key="a-secret-write-key")},
    instances={
        "meter": Instance(
            name="meter",
            source="site",
            destination="metronome-actions",
            settings={"apiToken": "a-secret-token-of-a-partner"},
        )
    },
)


@asynccontextmanager
async def opened(folder: Path, ring: KeyRing | None = None) -> AsyncIterator[ConfigStore]:
    """The configuration of a folder, which has one from the start."""
    async with Store.open(folder) as store:
        configs = ConfigStore(store, ring or load_key_ring(folder, environ={}), CATALOG)
        revision, _ = await configs.load()
        if not revision:
            await configs.replace(CONFIG, 0, actor="test")
        yield configs


async def test_everything_opens_with_the_new_key_alone(tmp_path: Path) -> None:
    """The old key is kept for older backups, and goes if that is asked for."""
    async with opened(tmp_path) as configs:
        [old] = await configs.sealing_keys()
        rotation = await rotate_keys(configs, tmp_path, actor="me", environ={})
        assert (rotation.old_keys, rotation.resealed) == ((old,), 2)
        assert await configs.sealing_keys() == {rotation.key} != {old}
        again = await rotate_keys(configs, tmp_path, actor="me", drop_old=True, environ={})
        assert again.old_keys == ()
        assert await configs.load() == (1, CONFIG)
    assert load_key_ring(tmp_path, environ={}).ids == (again.key,)
    async with opened(tmp_path) as configs:
        assert await configs.load() == (1, CONFIG)


async def test_what_is_changed_after_a_rotation_has_the_new_key(tmp_path: Path) -> None:
    """A running host seals with it at once."""
    async with opened(tmp_path) as configs:
        rotation = await rotate_keys(configs, tmp_path, actor="me", environ={})
        await configs.replace(Config(), 1, actor="test")
        await configs.replace(CONFIG, 2, actor="test")
        assert await configs.sealing_keys() == {rotation.key}


async def test_the_configuration_can_be_read_at_every_moment_of_a_rotation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the secrets are sealed anew on disk, and whoever asked for it does not know yet."""
    async with opened(tmp_path) as configs:
        store, write = configs._store, configs._store.write
        found = []

        async def write_and_read(work: Any) -> Any:
            done = await write(work)
            found.append(await configs.load())
            return done

        monkeypatch.setattr(store, "write", write_and_read)
        await rotate_keys(configs, tmp_path, actor="me", environ={})
        assert found[0] == (1, CONFIG)


@pytest.mark.parametrize("named", ["OFFRAMP_SECRET_KEY", "OFFRAMP_SECRET_KEY_FILE"])
async def test_keys_that_a_person_keeps(tmp_path: Path, named: str) -> None:
    """The first of them seals; without a new one nothing is changed, and the message says what."""
    old, new = (base64.b64encode(new_key()).decode() for _ in range(2))

    def variable(*keys: str) -> dict[str, str]:
        if named == "OFFRAMP_SECRET_KEY":
            return {named: ",".join(keys)}
        (tmp_path / "keys").write_text("\n".join(keys))
        return {named: str(tmp_path / "keys")}

    folder = tmp_path / "data"
    environ = variable(old)
    async with opened(folder, load_key_ring(folder, environ=environ)) as configs:
        with pytest.raises(ConfigError, match="put a new key before it"):
            await rotate_keys(configs, folder, actor="me", environ=environ)
        with pytest.raises(ConfigError, match="remove the old ones there yourself"):
            await rotate_keys(configs, folder, actor="me", environ=environ, drop_old=True)
        rotation = await rotate_keys(configs, folder, actor="me", environ=variable(new, old))
        assert await configs.sealing_keys() == {rotation.key}
    async with opened(folder, load_key_ring(folder, environ=variable(new))) as configs:
        assert await configs.load() == (1, CONFIG)
    assert not (folder / "secret.key").exists()


async def test_a_kill_at_any_line_leaves_what_can_be_opened(tmp_path: Path) -> None:
    """Whatever was written until then: the folder opens, and holds the same configuration."""
    async with opened(tmp_path / "data"):
        pass
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.config.killed_rotation", str(tmp_path / "data"),
        cwd=Path(__file__).parents[2],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 0, err.decode()
    assert int(out) > KILLS
