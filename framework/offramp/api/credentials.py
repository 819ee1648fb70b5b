"""Whether the partner takes an instance's credentials: good, bad, or it could not be told."""

from __future__ import annotations

import asyncio
from typing import Final

from offramp.api.config_shapes import TestAnswer
from offramp.api.host_context import HostContext
from offramp.config import Instance
from offramp.delivery import InstanceRuntime
from offramp.errors import DeliveryError, InvalidAuthenticationError, OfframpError
from offramp.place import describe_error

#: Twice the longest single request, so that its own time-out is told where it is the cause.
TEST_SECONDS: Final = 20.0


async def check_credentials(host: HostContext, instance: Instance) -> TestAnswer:
    """Run the destination's own test with the instance's settings; never raises for its result."""
    if instance.destination not in host.catalog:
        return _unknown(f"the destination {instance.destination!r} is not installed")
    try:
        async with host.engine.borrow(instance) as runtime:
            return await _ask(runtime)
    except OfframpError as error:  # the settings do not hold, or a reference leads nowhere
        return _unknown(str(error))


async def _ask(runtime: InstanceRuntime) -> TestAnswer:
    test = runtime.entry.destination.test_authentication
    if test is None:
        return _unknown("the destination has no test of credentials")
    try:
        async with asyncio.timeout(TEST_SECONDS):
            await runtime.perform(runtime.client(), test)
    except InvalidAuthenticationError as error:
        return {"result": "bad", "message": runtime.mask(error.message)}
    except DeliveryError as error:
        return _unknown(runtime.mask(error.message))
    except TimeoutError:
        return _unknown(f"there was no answer within {TEST_SECONDS:g} s")
    except Exception as error:  # noqa: BLE001 - the plugin's bug is an answer too
        return _unknown(runtime.mask(f"the plugin raised {describe_error(error)}"))
    return {"result": "good", "message": "the partner takes the credentials"}


def _unknown(message: str) -> TestAnswer:
    return {"result": "unknown", "message": message}
