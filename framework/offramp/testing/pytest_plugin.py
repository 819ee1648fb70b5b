"""The pytest plugin: fixtures that import the harness only when a test uses them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import pytest

from offramp import testing

if TYPE_CHECKING:
    from offramp.testing import FakeClock, LocalPartner, MakeIntegration, Partner


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that writes snapshots."""
    parser.getgroup("offramp", "destinations of Offramp").addoption(
        "--offramp-update",
        action="store_true",
        help="write the snapshots of requests anew, as destinations send them now",
    )


@pytest.fixture
def clock() -> FakeClock:
    """A clock that shows `TEST_TIME` until the test changes it."""
    return testing.FakeClock()


@pytest.fixture
def partner() -> Iterator[Partner]:
    """A partner that answers as scripted; no request leaves this machine."""
    with testing.Partner() as scripted:
        yield scripted


@pytest.fixture
def local_partner() -> Iterator[LocalPartner]:
    """A partner that is a real HTTP server on this machine, and answers as scripted."""
    with testing.LocalPartner() as server:
        yield server
    if server.unscripted:
        asked = "\n".join(f"  {each}" for each in server.unscripted)
        pytest.fail(f"the test has no answer for these requests:\n{asked}", pytrace=False)


@pytest.fixture
def integration(partner: Partner, clock: FakeClock) -> MakeIntegration:  # noqa: ARG001 - blocks the network
    """Configures a destination for a test: `integration(destination, settings=...)`."""
    return partial(testing.create_test_integration, clock=clock)
