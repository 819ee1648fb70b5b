"""Segment's own engine as a process that makes cases and says what it makes of them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
from tests.node_process import running_node

from offramp import _json

HERE = Path(__file__).parent


@attrs.frozen
class Engine:
    """A running engine."""

    _process: subprocess.Popen[bytes]

    def ask(self, question: str, **details: Any) -> Any:
        """Put a question to it; raises `RuntimeError` with its error."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(_json.dumps({"ask": question, **details}) + b"\n")
        stdin.flush()
        line = stdout.readline()
        if not line:
            raise RuntimeError("Segment's engine ended; its last words are on the error output")
        answer = _json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"Segment's engine failed at {question}: {answer['error']}")
        return answer["value"]


@contextmanager
def running(node: str, environment: dict[str, str]) -> Iterator[Engine]:
    """An engine that answers until the end of the block."""
    production = {**environment, "NODE_ENV": "production"}
    with running_node(node, HERE / "engine.cjs", production) as process:
        yield Engine(process)
