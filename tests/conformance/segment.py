"""Segment's engine as a process: installing it, starting it, asking it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import hatch_build
from tests.node_process import running_node

from offramp import _json

HERE = Path(__file__).parent


def install() -> str:
    """Install Segment's packages as the lock has them, unless that has been done; return Node.js.

    Raises `RuntimeError` where there is no Node.js, or npm fails.
    """
    try:
        return hatch_build.install_packages(HERE)[0]
    except hatch_build.BuildFailedError as error:
        raise RuntimeError(f"Segment's engine cannot be run: {error.reason}") from error


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
def running(node: str) -> Iterator[Segment]:
    """A process of Node.js that answers until the end of the block."""
    with running_node(node, HERE / "segment.cjs", {}) as process:
        yield Segment(process)
