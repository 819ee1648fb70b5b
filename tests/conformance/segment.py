"""Segment's engine as a process: installing it, starting it, asking it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from offramp import _json

HERE = Path(__file__).parent
#: What `npm ci` leaves behind when it is done.
INSTALLED = HERE / "node_modules" / ".package-lock.json"
#: The oldest Node.js that Segment's packages ask for.
NODE_MAJOR = 18
INSTALL_SECONDS = 300


def missing() -> str | None:
    """Tell what this machine lacks for running Segment's engine; None if nothing."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not (node and npm):
        return f"Segment's engine needs Node.js {NODE_MAJOR} or newer with npm, which are not here"
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.lstrip("v").split(".")[0]) < NODE_MAJOR:
        return (
            f"Segment's engine needs Node.js {NODE_MAJOR} or newer, and here is {version.strip()}"
        )
    return None


def install() -> None:
    """Install Segment's packages as the lock has them, unless that has been done."""
    lock = HERE / "package-lock.json"
    if INSTALLED.exists() and INSTALLED.stat().st_mtime >= lock.stat().st_mtime:
        return
    command = [shutil.which("npm") or "npm", "ci", "--ignore-scripts"]
    done = subprocess.run(
        command, cwd=HERE, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS
    )
    if done.returncode:
        raise RuntimeError(f"`npm ci` in {HERE} failed:\n{done.stdout}{done.stderr}")
    INSTALLED.touch()


@attrs.frozen
class Segment:
    """A running engine."""

    _process: subprocess.Popen[bytes]

    def ask(self, questions: Sequence[dict[str, Any]]) -> list[Any]:
        """Put questions to it, all at once, and give their answers in order."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(_json.dumps(questions) + b"\n")
        stdin.flush()
        line = stdout.readline()
        if not line:
            raise RuntimeError("Segment's engine ended; its last words are on the error output")
        answers: list[Any] = _json.loads(line)
        assert len(answers) == len(questions)
        return answers

    def ask_one(self, question: dict[str, Any]) -> Any:
        """Put one question to it."""
        [answer] = self.ask([question])
        return answer


@contextmanager
def running() -> Iterator[Segment]:
    """A process that answers until the end of the block."""
    process = subprocess.Popen(
        [shutil.which("node") or "node", str(HERE / "segment.cjs")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "TZ": "UTC"},
    )
    try:
        yield Segment(process)
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.stdout.close()
        process.wait()
