"""Every module can be the first of its package that a program imports."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

#: Forks a process for each module: a fresh interpreter in a few milliseconds. Libraries are
#: imported before, since what they do on import is theirs; the packages under test are not.
IMPORT_EACH_ALONE = """
import os, sys, importlib, traceback
import aiohttp.web, attrs, cattrs, cyclopts, liquid, msgspec, pluggy, prometheus_client, rich.table
import cryptography.hazmat.primitives.ciphers.aead, aioresponses, pytest, rich.progress
assert not [name for name in sys.modules if name.startswith("offramp")]
failed = 0
for name in sys.argv[1:]:
    child = os.fork()
    if not child:
        try:
            importlib.import_module(name)
        except BaseException:
            print(name, traceback.format_exc(), flush=True)
            os._exit(1)
        os._exit(0)
    failed |= os.waitpid(child, 0)[1]
sys.exit(bool(failed))
"""
AT_ONCE = 2


def test_every_module_imports_alone(
    modules: dict[str, Path], checkout: Path, tmp_path: Path
) -> None:
    """In an interpreter of its own, with warnings as errors, each module finds all it needs."""
    environment = {
        **{key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"},
        "PYTHONPATH": f"{checkout / 'framework'}{os.pathsep}{checkout / 'destinations/metronome'}",
        "PYTHONPYCACHEPREFIX": str(tmp_path),
    }

    def run(names: list[str]) -> str:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", IMPORT_EACH_ALONE, *names],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )
        return "" if done.returncode == 0 else done.stdout + done.stderr

    # A `__main__` starts the program when it is imported.
    names = [name for name in modules if not name.endswith(".__main__")]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        told = "".join(pool.map(run, [names[start::AT_ONCE] for start in range(AT_ONCE)]))
    assert not told, told
