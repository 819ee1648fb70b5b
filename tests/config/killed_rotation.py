"""Rotates the sealing key again and again, and dies at another line each time.

Run as `python -m tests.config.killed_rotation FOLDER`: copies of the folder are rotated in
processes that kill themselves; each copy must open afterwards. Prints how many were killed.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from offramp.config import Config, ConfigStore, load_key_ring, rotate_keys
from offramp.plugins import Catalog, load_catalog, load_plugins
from offramp.storage import Store

#: The files at whose lines a process dies, and every how many: what writes keys, at each.
PLACES = {
    "config/rotation.py": 1,
    "config/keyring.py": 1,
    "storage/files.py": 1,
    "config/store.py": 2,
    "storage/writer.py": 4,
    "config/documents.py": 9,
}


class Deadly:
    """Kills the process at the `n`-th line of those that count."""

    def __init__(self, n: int) -> None:
        self._left = n
        self._seen = 0

    def __call__(self, frame: FrameType, event: str, _: Any) -> Any:
        every = next(
            (each for place, each in PLACES.items() if frame.f_code.co_filename.endswith(place)), 0
        )
        if not every:
            return None
        if event == "line":
            self._seen += 1
            if self._seen % every == 0:
                self._left -= 1
                if self._left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
        return self


async def rotate(folder: Path, catalog: Catalog, deadly: Deadly | None) -> None:
    """Rotate, and drop the old keys."""
    async with Store.open(folder) as store:
        configs = ConfigStore(store, load_key_ring(folder, environ={}), catalog)
        await rotate_keys(configs, folder, actor="me", drop_old=True, environ={})


async def opened(folder: Path, catalog: Catalog) -> Config:
    """The configuration with its secrets, as a start would read it."""
    async with Store.open(folder) as store:
        _, config = await ConfigStore(store, load_key_ring(folder, environ={}), catalog).load()
    return config


def killed(folder: Path, catalog: Catalog, n: int) -> bool:
    """Whether a process of its own died at its `n`-th line."""
    child = os.fork()
    if child == 0:
        deadly = Deadly(n)
        threading.settrace(deadly)
        sys.settrace(deadly)
        asyncio.run(rotate(folder, catalog, deadly))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status) and os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"the rotation failed at line {n}")
    return os.WIFSIGNALED(status)


def main(source: Path) -> None:
    """Die at each line, one after another, until a rotation comes to its end."""
    catalog = load_catalog(load_plugins())
    expected = asyncio.run(opened(source, catalog))
    n = 0
    while True:
        folder = source.with_name(f"{source.name}-{n}")
        shutil.copytree(source, folder)
        died = killed(folder, catalog, n)
        if asyncio.run(opened(folder, catalog)) != expected:
            raise SystemExit(f"killed at line {n}, the folder holds another configuration")
        shutil.rmtree(folder)
        if not died:
            break
        n += 1
    sys.stdout.write(f"{n}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
