"""`make torture`: hours of it if wanted, with progress, and figures at the end."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import attrs
from rich.console import Console
from rich.table import Table
from tests.torture.driver import torture
from tests.torture.episodes import EPISODES

MAX_SEED = 1_000_000
LINE_SECONDS = 30.0


def _lines(console: Console) -> Callable[[str], None]:
    """Print progress for a log: a line each half minute."""
    last = 0.0

    def report(progress: str) -> None:
        nonlocal last
        if time.monotonic() - last > LINE_SECONDS:
            last = time.monotonic()
            console.print(progress)

    return report


def main() -> int:
    """Run it; the status is 1 if anything was lost or doubled."""
    parser = argparse.ArgumentParser(prog="make torture", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1_800)
    parser.add_argument("--seed", type=int, default=random.randrange(MAX_SEED))
    parser.add_argument("--older", type=Path, help="checkout of an older version to begin with")
    parser.add_argument(
        "--only", nargs="+", choices=EPISODES, default=[*EPISODES], help="kinds of episodes"
    )
    arguments = parser.parse_args()
    console = Console(highlight=False)
    console.print(f"seed {arguments.seed}, {arguments.seconds:g} seconds")
    with (
        tempfile.TemporaryDirectory(prefix="offramp-torture-") as folder,
        console.status("starting") as status,
    ):
        report = status.update if console.is_terminal else _lines(console)
        run = torture(
            Path(folder),
            seed=arguments.seed,
            seconds=arguments.seconds,
            report=report,
            older=arguments.older and arguments.older.resolve(),
            kinds=arguments.only,
        )
        result = asyncio.run(run)
    table = Table("figure", "value", box=None)
    values = attrs.asdict(result)
    values |= {f"episodes: {kind}": count for kind, count in values.pop("episodes").items()}
    for name, value in values.items():
        table.add_row(name, f"{value:,}" if isinstance(value, int) else str(value))
    console.print(table)
    return 0 if result.good else 1


if __name__ == "__main__":
    sys.exit(main())
