"""A host that is killed after the partner answered a refresh, before the answer is stored.

Run as `python -m tests.host.killed_refresh FOLDER URL`; the folder has a connected instance.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from tests.api.granted import SLUG
from tests.host.granting import hosting

from offramp.config import Grant


async def main(folder: Path, url: str) -> None:
    """Refresh once, and die."""
    async with hosting(folder, url) as host:
        grants, runtime = host.context.grants, host.engine.snapshot.runtimes[SLUG]
        put, stale = grants.put, runtime.auth

        async def dying(grant: Grant) -> None:
            if grant.tokens is not stale:
                os.kill(os.getpid(), signal.SIGKILL)
            await put(grant)

        grants.put = dying  # type: ignore[method-assign]
        await runtime.refresh(stale)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
