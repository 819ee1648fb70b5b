"""The demonstration's sender, apart from the host that it sends to."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime

PATIENCE = 20.0


async def test_a_sender_that_reaches_no_host_says_so_soon() -> None:
    """It ends with an error instead of trying for minutes and ending as if it had sent."""
    sender = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "offramp_metronome.demo.sender",
        "http://127.0.0.1:9", datetime.now(UTC).isoformat(),
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, err = await asyncio.wait_for(sender.communicate(), PATIENCE)
    assert sender.returncode == 1
    assert "the SDK could not send to http://127.0.0.1:9" in err.decode()
