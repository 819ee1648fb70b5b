"""Pins other releases of Segment's packages, and writes what that changes for users."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parent
sys.path[:0] = [str(ROOT), str(ROOT.parent.parent)]

import hatch_build  # noqa: E402 - as above

import build_worker  # noqa: E402 - found by the line above: these are scripts of a checkout

PACKAGES: Final = ("@segment/action-destinations", "@segment/actions-core")
#: What a change of a destination or an action is described by: the rest is its code.
PARTS: Final = ("name", "authentication", "presets", "audienceFields", "needs")

Definitions = Mapping[str, Mapping[str, Any]]


def main() -> int:
    """Pin, lock, build, and print the differences as Markdown; the comparison is made after it."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("destinations", help=f"release of {PACKAGES[0]}")
    parser.add_argument("core", help=f"release of {PACKAGES[1]} that goes with it")
    given = parser.parse_args()
    build_worker.build()
    before = read_definitions(build_worker.BUILT)
    pin(dict(zip(PACKAGES, (given.destinations, given.core), strict=True)))
    build_worker.build()
    lines = list(differences(before, read_definitions(build_worker.BUILT)))
    sys.stdout.write("\n".join(lines or ["Nothing that a user declares has changed."]) + "\n")
    return 0


def pin(versions: Mapping[str, str]) -> None:
    """Write exact versions into `package.json`, and what they need into the lock."""
    found = hatch_build.find_node()
    if found is None:
        raise SystemExit(build_worker.REMEDY)
    path = build_worker.WORKER / "package.json"
    declared = json.loads(path.read_text())
    declared["dependencies"].update(versions)
    path.write_text(json.dumps(declared, indent=2) + "\n")
    command = [*found[1:], "install", "--package-lock-only", "--ignore-scripts"]
    subprocess.run(command, cwd=build_worker.WORKER, check=True)  # noqa: S603 - npm of this machine


def read_definitions(built: Path) -> Definitions:
    """All definitions of a build, by slug."""
    loaded = [json.loads(path.read_text()) for path in (built / "definitions").glob("*.json")]
    return {each["slug"]: each for each in sorted(loaded, key=lambda each: str(each["slug"]))}


def differences(before: Definitions, after: Definitions) -> Iterator[str]:
    """A line for every destination, action and field that is new, gone or declared otherwise."""
    yield from _named("destination", before, after)
    for slug in sorted(before.keys() & after.keys()):
        old, new = before[slug], after[slug]
        for part in PARTS:
            if old[part] != new[part]:
                yield f"- `{slug}`: {part} changed"
        yield from _named(f"`{slug}`: action", old["actions"], new["actions"])
        for key in sorted(old["actions"].keys() & new["actions"].keys()):
            yield from _of_action(f"`{slug}`, `{key}`", old["actions"][key], new["actions"][key])


def _of_action(place: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    yield from _named(f"{place}: field", old["fields"], new["fields"])
    for key in sorted(old["fields"].keys() & new["fields"].keys()):
        if old["fields"][key] != new["fields"][key]:
            yield f"- {place}: field `{key}` changed"
    for part in sorted((old.keys() | new.keys()) - {"fields"}):
        if old.get(part) != new.get(part):
            yield f"- {place}: {part} changed"


def _named(what: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted(new.keys() - old.keys()):
        yield f"- {what} `{key}` is new"
    for key in sorted(old.keys() - new.keys()):
        yield f"- {what} `{key}` is gone"


if __name__ == "__main__":
    raise SystemExit(main())
