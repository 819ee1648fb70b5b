"""Every module can be the first of its room that a program imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import groupby
from pathlib import Path

from tests.policy.conftest import PACKAGES
from tests.policy.rows import place_of

#: Goes row by row. Within a row it forks a process for each module, which imports that one module
#: and nothing of its room before; then it imports the row itself, on which later rows may stand.
#: What `import offramp` loads is loaded in every process, since it is the parent of all rooms.
#: Libraries are imported first, because what they do on import is theirs.
IMPORT_EACH_ALONE = """
import json, os, sys, importlib, traceback
import aiohttp.web, attrs, cattrs, cyclopts, liquid, msgspec, pluggy, prometheus_client, rich.table
import cryptography.hazmat.primitives.ciphers.aead, aioresponses, pytest, rich.progress
assert not [name for name in sys.modules if name.startswith("offramp")]
AT_ONCE = 2
failed = 0
for row in json.loads(sys.argv[1]):
    running = 0
    for name in row:
        if name in sys.modules:
            continue
        if running == AT_ONCE:
            failed |= os.wait()[1]
            running -= 1
        running += 1
        if not os.fork():
            try:
                importlib.import_module(name)
            except BaseException:
                print(name, traceback.format_exc(), flush=True)
                os._exit(1)
            os._exit(0)
    for _ in range(running):
        failed |= os.wait()[1]
    if failed:
        sys.exit("no later row was tried")
    for name in row:
        importlib.import_module(name)
"""


def test_every_module_imports_alone(
    modules: dict[str, Path], checkout: Path, tmp_path: Path
) -> None:
    """In an interpreter of its own, with warnings as errors, each module finds all it needs."""
    # A `__main__` starts the program when it is imported; the window is imported with any other.
    names = [name for name in modules if not name.endswith(".__main__") and place_of(name) >= 0]
    rows = [list(row) for _, row in groupby(sorted(names, key=place_of), key=place_of)]
    environment = {
        **{key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"},
        "PYTHONPATH": os.pathsep.join(str(checkout / folder) for folder in PACKAGES),
        "PYTHONPYCACHEPREFIX": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORT_EACH_ALONE, json.dumps(rows)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    output = done.stdout + done.stderr
    assert (done.returncode, output) == (0, ""), output
