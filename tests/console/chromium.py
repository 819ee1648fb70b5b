"""Finds a Chromium on PATH, or unpacks one of the npm registry below the virtual environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import attrs
import hatch_build

#: `package.json`, its lock, and what unpacks the browser.
SOURCE = Path(__file__).with_name("browser")
#: What they install: no root is needed, and `make clean` removes it.
INSTALLED = Path(sys.prefix) / "browser"
UNPACKED = INSTALLED / "unpacked"
#: A full Chromium; Google's own browser is one too.
COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
UNPACK_SECONDS = 120
REMEDY = """\
The console is tested in a browser. There are two ways to one:
  1. install Chromium, so that PATH has it (Debian: apt-get install chromium), or
  2. on x86-64 Linux, let npm fetch one, which needs Node.js and a registry of npm packages."""
#: The browser's own font first, so that a picture looks the same on every machine.
FONTS = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir>{folder}/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>{folder}/font-cache</cachedir>
  <alias binding="strong">
    <family>system-ui</family><prefer><family>Open Sans</family></prefer>
  </alias>
  <alias binding="strong">
    <family>sans-serif</family><prefer><family>Open Sans</family></prefer>
  </alias>
</fontconfig>
"""


class NoBrowserError(Exception):
    """There is no browser, and none could be fetched: why, and what to do."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}\n{REMEDY}")


@attrs.frozen
class Chromium:
    """A browser that runs, and the environment that it needs."""

    path: Path
    environment: dict[str, str]


def find_chromium(progress: Callable[[str], object]) -> Chromium:
    """Find a browser, or fetch it, and tell `progress` what takes long; raises `NoBrowserError`.

    The npm packages of the tests are in `INSTALLED` afterwards.
    """
    found = next(filter(None, map(shutil.which, COMMANDS)), None)
    if found is not None:
        _install(progress, "--omit=dev")
        return Chromium(Path(found), dict(os.environ))
    node = _install(progress)
    path = UNPACKED / "chromium"
    if not path.exists():
        progress("unpacking Chromium ...")
        _unpack(node)
    chromium = Chromium(path, {**os.environ, "FONTCONFIG_FILE": str(UNPACKED / "fonts.conf")})
    if not _starts(chromium):
        # A slim container has no NSS: the package brings what it was built with.
        libraries = [str(UNPACKED / "al2023" / "lib"), os.environ.get("LD_LIBRARY_PATH", "")]
        chromium.environment["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, libraries))
    if not _starts(chromium):
        raise NoBrowserError(f"{path} does not start on this machine.")
    return chromium


def _install(progress: Callable[[str], object], *options: str) -> str:
    """Install the npm packages, unless they are there; return the command of Node.js."""
    INSTALLED.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(SOURCE / name, INSTALLED)
    if not (INSTALLED / "node_modules").exists():
        size = "14 MB" if options else "81 MB with Chromium"
        progress(f"fetching what the console is tested with from npm, once ({size}) ...")
    try:
        return hatch_build.install_packages(INSTALLED, *options)[0]
    except hatch_build.BuildFailedError as error:
        raise NoBrowserError(error.reason) from error


def _unpack(node: str) -> None:
    # Whole or not at all: an interrupted run leaves nothing that looks complete.
    partial = INSTALLED / "partial"
    for folder in (partial, UNPACKED):
        shutil.rmtree(folder, ignore_errors=True)
    partial.mkdir()
    done = subprocess.run(
        [node, str(SOURCE / "unpack.mjs"), str(INSTALLED)],
        env={**os.environ, "TMPDIR": str(partial)},
        capture_output=True,
        text=True,
        check=False,
        timeout=UNPACK_SECONDS,
    )
    if done.returncode:
        raise NoBrowserError(f"Chromium could not be unpacked:\n{done.stdout}{done.stderr}")
    (partial / "fonts.conf").write_text(FONTS.format(folder=UNPACKED))
    partial.rename(UNPACKED)


def _starts(chromium: Chromium) -> bool:
    try:
        done = subprocess.run(
            [chromium.path, "--version"],
            env=chromium.environment,
            capture_output=True,
            check=False,
            timeout=UNPACK_SECONDS,
        )
    except OSError:
        return False
    return done.returncode == 0
