"""The pytest plugin: fixtures that import the harness only when a test uses them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import pytest

from offramp import testing

if TYPE_CHECKING:
    from offramp.testing import FakeClock, LocalPartner, MakeIntegration, Partner, Recording


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options that write snapshots and recordings."""
    group = parser.getgroup("offramp", "destinations of Offramp")
    group.addoption(
        "--offramp-update",
        action="store_true",
        help="write the snapshots of requests anew, as destinations send them now",
    )
    group.addoption(
        "--offramp-record",
        action="store_true",
        help="let tests with `recorded_partner` ask their real partners, and record the answers",
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
def recorded_partner(request: pytest.FixtureRequest) -> Iterator[Recording]:
    """The real partner with `--offramp-record`, and else the answers that it gave then."""
    file = testing.Recording.file_of(request.path, request.node.name)
    record = request.config.getoption("offramp_record")
    if not record and not file.exists():
        pytest.fail(f"there is no {file}: `pytest --offramp-record` writes it", pytrace=False)
    recording = testing.Recording(file, record=record)
    yield recording
    recording.close()


@pytest.fixture
def integration(request: pytest.FixtureRequest, clock: FakeClock) -> MakeIntegration:
    """Configures a destination for a test: `integration(destination, settings=...)`."""
    if "recorded_partner" in request.fixturenames:
        recording = request.getfixturevalue("recorded_partner")
        return partial(testing.create_test_integration, clock=clock, recording=recording)
    request.getfixturevalue("partner")  # which blocks the network
    return partial(testing.create_test_integration, clock=clock)
