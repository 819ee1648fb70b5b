"""CONTRIBUTING says where each kind of thing is added; here the smallest of each is added there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import attrs
import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "framework" / "offramp"
PAGE = (ROOT / "CONTRIBUTING.md").read_text()
#: The anchor of a new file.
NEW = ""


@attrs.frozen(kw_only=True)
class Addition:
    """What is added, and how it shows that it is there."""

    what: str
    #: File -> a part of the line behind which a text is put, and the text.
    edits: Mapping[str, tuple[str, str]]
    #: Prints `added`, as a word, where the package knows the new thing.
    probe: str


SHOUT = '''"""@shout: always the same word."""

from offramp.mapping.check import any_json
from offramp.mapping.compiler import Directive


def compile_shout(spec, compiler):
    return compiler.apply(lambda _: "added", compiler.node(spec))


SHOUT = Directive(compile=compile_shout, check=any_json)
'''
GREET = '''"""`offramp greet`: says hello."""

from offramp.cli.context import Context


def greet(context: Context) -> None:
    """Say hello."""
    print("added")
'''
OPERATION = """
        yield Operation(
            method="GET", path="/api/added", tag="stats", summary="Tell", serve=self.latency,
            answer=LatencyAnswer,
        )
"""
ADDITIONS = [
    Addition(
        what="a directive",
        edits={
            "mapping/directives/shout.py": (NEW, SHOUT),
            "mapping/directives/__init__.py": (
                '"@template": TEMPLATE',
                '"@shout": __import__("offramp.mapping.directives.shout", fromlist="x").SHOUT,\n',
            ),
        },
        probe="""
from offramp.mapping import transform
print(transform({"a": {"@shout": {"@path": "$.b"}}}, {"b": 1})["a"])
""",
    ),
    Addition(
        what="a field type",
        edits={
            "payload/types.py": (
                '"text": TypeDefinition',
                '"added": TypeDefinition(accepts=(STRING,)),\n',
            ),
            "definition/fields.py": ("FieldType: TypeAlias = Literal[", '"added",\n'),
        },
        probe="""
from typing import get_args
from offramp.definition import Field, FieldType
from offramp.payload import compile_check
check = compile_check({"a": Field(label="A", type="added")})
print(*get_args(FieldType) if check({"a": "x"}) == {"a": "x"} else ())
""",
    ),
    Addition(
        what="an operation of the API",
        edits={"api/stats.py": ('"""The operations of this module."""', OPERATION)},
        probe="""
from unittest.mock import MagicMock
from offramp.api import operations_of
print(*[each.path.rpartition("/")[2] for each in operations_of(MagicMock())])
""",
    ),
    Addition(
        what="a command",
        edits={
            "cli/commands/greet.py": (NEW, GREET),
            "cli/commands/__init__.py": (
                "COMMANDS: Final",
                '__import__("offramp.cli.commands.greet", fromlist="x").greet,\n',
            ),
        },
        probe="from offramp.cli.program import run; run(['greet'])",
    ),
    Addition(
        what="a metric",
        edits={
            "host/metrics.py": (
                '"""List all metrics with their values at the last `refresh`."""',
                "        yield GaugeMetricFamily('added', 'A metric.', value=1)\n",
            )
        },
        probe="""
from offramp.host.metrics import DeliveryMetrics
print(next(DeliveryMetrics.collect(None)).name)
""",
    ),
    Addition(
        what="an option",
        edits={
            "config/host.py": (
                '"""The table `[host]`',
                '    added: int = option(default=1, description="a number")\n',
            )
        },
        probe="""
from offramp.config import HostSettings, parse_config
from offramp.config.options import reference_rows
from offramp.plugins import load_catalog, load_plugins
loaded = parse_config({"host": {"added": 2}}, load_catalog(load_plugins()))
rows = " ".join(reference_rows(HostSettings))
print("added" if loaded.host.added == 2 and "`added`" in rows else "")
""",
    ),
]


def row_of(what: str) -> str:
    """The row of CONTRIBUTING's table."""
    found = re.search(rf"^\| {re.escape(what)} \|.*$", PAGE, re.MULTILINE)
    assert found is not None, f"CONTRIBUTING.md has no row for {what}"
    return found[0]


def is_named(file: str, row: str) -> bool:
    """Whether a row names a file, or its folder."""
    return f"`{file}`" in row or f"`{file.rpartition('/')[0]}/`" in row


def add(package: Path, addition: Addition) -> None:
    for name, (anchor, text) in addition.edits.items():
        path = package / name
        assert path.exists() == (anchor != NEW)
        lines = path.read_text().splitlines(keepends=True) if anchor else []
        at = next((number for number, line in enumerate(lines) if anchor in line), -1)
        path.write_text("".join([*lines[: at + 1], text, *lines[at + 1 :]]))


def printed(folder: Path, addition: Addition) -> tuple[list[str], str]:
    """The words that the probe prints with the package below a folder, and its complaints."""
    done = subprocess.run(
        [sys.executable, "-c", addition.probe],
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.split(), done.stderr


@pytest.mark.parametrize("addition", ADDITIONS, ids=lambda each: each.what)
def test_each_kind_of_thing_is_added_where_the_map_says(addition: Addition, tmp_path: Path) -> None:
    """The files of an addition are those of its row; the package knows it then, and not before."""
    row = row_of(addition.what)
    assert [file for file in addition.edits if not is_named(file, row)] == []
    package = tmp_path / "offramp"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    before, _ = printed(tmp_path, addition)
    assert "added" not in before
    add(package, addition)
    after, complaints = printed(tmp_path, addition)
    assert "added" in after, complaints
