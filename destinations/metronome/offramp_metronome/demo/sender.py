"""The application of the demonstration: a separate process that uses Segment's SDK."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from segment.analytics.client import Client

from offramp_metronome.demo.scenario import WRITE_KEY, calls

#: A host on this machine answers at once or not at all; by default the SDK tries for minutes.
MAX_RETRIES: Final = 3


def main(url: str, now: str) -> None:
    """Make all calls of the demonstration against the collector at `url`, without any proxy.

    Ends with an error if the SDK could not send.
    """
    failures: list[Exception] = []
    client = Client(
        WRITE_KEY,
        host=url,
        max_retries=MAX_RETRIES,
        # The SDK would obey HTTP_PROXY even for this machine.
        proxies={"no_proxy": urlsplit(url).hostname},
        on_error=lambda error, _: failures.append(error),
    )
    for call in calls(datetime.fromisoformat(now)):
        getattr(client, call.method)(**call.arguments)
    client.flush()
    client.join()
    if failures:
        sys.exit(f"the SDK could not send to {url}: {failures[0]}")


if __name__ == "__main__":
    main(*sys.argv[1:])
