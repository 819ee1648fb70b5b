"""A collector that runs, and a client, as its own tests have them."""

from __future__ import annotations

from tests.collector.conftest import collector, http, start

__all__ = ["collector", "http", "start"]
