"""The application of the demonstration: a separate process that uses Segment's SDK."""

from __future__ import annotations

import sys
from datetime import datetime

from segment.analytics.client import Client

from offramp_metronome.demo.scenario import WRITE_KEY, calls


def main(url: str, now: str) -> None:
    """Make all calls of the demonstration against the collector at `url`."""
    client = Client(WRITE_KEY, host=url)
    for call in calls(datetime.fromisoformat(now)):
        getattr(client, call.method)(**call.arguments)
    client.flush()
    client.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
