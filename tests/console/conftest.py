"""The bundle of the console, which the tests of this folder need."""

from __future__ import annotations

import hatch_build
import pytest


@pytest.fixture(scope="session")
def bundle() -> None:
    """Build the console unless it is fresh; `make test` has done so already."""
    if not hatch_build.is_fresh():
        hatch_build.build()
