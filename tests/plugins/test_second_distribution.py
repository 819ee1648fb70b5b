"""A plugin needs no more than a distribution of its own: no line of Offramp knows of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from offramp.plugins import hook_names

PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "offramp-tiny"
version = "0.0.1"
dependencies = ["offramp"]

[project.entry-points.offramp]
tiny = "offramp_tiny"
torn = "offramp_tiny.torn"
unmarked = "offramp_tiny.unmarked"
empty = "offramp_tiny.empty"

[project.entry-points."offramp.plugins"]
astray = "offramp_tiny"
"""
PLUGIN = '''
"""A destination in a distribution of its own."""

import attrs

from offramp import Action, Destination, field, hookimpl, path, setting


@attrs.frozen
class Settings:
    token: str = setting(type="password")


@attrs.frozen
class Payload:
    id: str = field(default=path("$.messageId"))


class Send(Action[Settings, Payload]):
    slug, title = "send", "Send"

    async def perform(self, request, payload):
        await request.post("https://tiny.example", json=payload.id)


@hookimpl
def offramp_destinations():
    return [Destination(slug="tiny-actions", name="Tiny", settings=Settings, actions=[Send])]
'''
LIST = """
import json
from offramp.plugins import load_catalog
catalog = load_catalog()
print(json.dumps({
    "destinations": {slug: entry.plugin for slug, entry in catalog.items()},
    "problems": [str(problem) for problem in catalog.problems],
}))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which a second distribution was built and installed, as pip does it."""
    source = tmp_path_factory.mktemp("source")
    package = source / "offramp_tiny"
    package.mkdir()
    (source / "pyproject.toml").write_text(PYPROJECT)
    (package / "__init__.py").write_text(PLUGIN)
    (package / "torn.py").write_text("raise RuntimeError('torn on purpose')")
    (package / "unmarked.py").write_text("def offramp_destinations(): return []")
    (package / "empty.py").write_text("import offramp")
    target = tmp_path_factory.mktemp("target")
    run(
        *(sys.executable, "-m", "pip", "install", "--quiet", "--no-index"),
        *("--no-deps", "--no-build-isolation", "--target", str(target), str(source)),
    )
    return target


def run(*command: str, path: Path | None = None) -> str:
    added = {} if path is None else {"PYTHONPATH": os.pathsep.join([str(path), *sys.path])}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **added}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_an_installed_distribution_is_in_the_catalog(installed: Path) -> None:
    """Its entry point is all it takes, and its broken neighbour does no harm."""
    answer = json.loads(run(sys.executable, "-c", LIST, path=installed))
    assert answer["destinations"]["tiny-actions"] == "tiny"
    assert answer["destinations"]["metronome-actions"] == "metronome"
    causes = {
        "astray": "cannot be loaded: PluginError: its entry point is in the group "
        "'offramp.plugins', which is not read: move it to the group 'offramp'",
        "empty": "cannot be loaded: PluginError: it registers no hook; is it the module whose "
        f"functions carry @hookimpl? There are {', '.join(hook_names())}",
        "torn": "cannot be loaded: RuntimeError: torn on purpose (torn.py:1, in <module>)",
        "unmarked": "cannot be loaded: PluginError: offramp_destinations is not marked as a hook: "
        "write @hookimpl above it",
    }
    assert answer["problems"] == [
        f"plugin {name!r}: {cause}; it is left out: fix or uninstall it, or block it with "
        f"OFFRAMP_BLOCKED_PLUGINS={name}"
        for name, cause in causes.items()
    ]


def test_an_operator_can_block_it(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable keeps out what is installed, by the names of entry points."""
    monkeypatch.setenv("OFFRAMP_BLOCKED_PLUGINS", "torn,tiny,unmarked,empty,astray")
    answer = json.loads(run(sys.executable, "-c", LIST, path=installed))
    assert "tiny-actions" not in answer["destinations"]
    assert answer["problems"] == []
