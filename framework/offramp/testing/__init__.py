"""The harness: test a destination on the production path, with a scripted partner.

The fixtures (`integration`, `partner`, `local_partner`, `clock`) come with the pytest plugin that
is installed with Offramp. Each name of this module is imported at its first use, so that pytest
starts quickly if none is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from offramp.testing.authorization_server import AuthorizationServer
    from offramp.testing.backwards import generate_test_event
    from offramp.testing.clock import TEST_TIME, FakeClock
    from offramp.testing.data import generate_test_data
    from offramp.testing.events import create_test_event
    from offramp.testing.exchanges import Answer, RecordedExchange, RecordedRequest
    from offramp.testing.integration import TestIntegration
    from offramp.testing.local_partner import LocalPartner
    from offramp.testing.making import MakeIntegration, create_test_integration
    from offramp.testing.partner import Partner
    from offramp.testing.recordings import Recording
    from offramp.testing.runs import ActionRun, AuthenticationRun
    from offramp.testing.suite import DestinationSuite
    from offramp.testing.tested import TestedDelivery

__all__ = [
    "TEST_TIME",
    "ActionRun",
    "Answer",
    "AuthenticationRun",
    "AuthorizationServer",
    "DestinationSuite",
    "FakeClock",
    "LocalPartner",
    "MakeIntegration",
    "Partner",
    "RecordedExchange",
    "RecordedRequest",
    "Recording",
    "TestIntegration",
    "TestedDelivery",
    "create_test_event",
    "create_test_integration",
    "generate_test_data",
    "generate_test_event",
]

_HOMES = {
    "TEST_TIME": "clock",
    "ActionRun": "runs",
    "Answer": "exchanges",
    "AuthenticationRun": "runs",
    "AuthorizationServer": "authorization_server",
    "DestinationSuite": "suite",
    "FakeClock": "clock",
    "LocalPartner": "local_partner",
    "MakeIntegration": "making",
    "Partner": "partner",
    "RecordedExchange": "exchanges",
    "RecordedRequest": "exchanges",
    "Recording": "recordings",
    "TestIntegration": "integration",
    "TestedDelivery": "tested",
    "create_test_event": "events",
    "create_test_integration": "making",
    "generate_test_data": "data",
    "generate_test_event": "backwards",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
