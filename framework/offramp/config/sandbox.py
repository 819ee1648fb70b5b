"""What an instance that uses its destination's sandbox is configured with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from offramp.config.model import Instance
from offramp.definition import Destination


def sandbox_settings(destination: Destination, *, used: bool) -> Mapping[str, Any]:
    """The settings that an instance has while it uses the sandbox; empty if it does not."""
    return destination.sandbox.settings if used and destination.sandbox is not None else {}


def in_sandbox(instance: Instance, destination: Destination) -> Instance:
    """The instance as it runs: if it uses the sandbox, with that one's settings over its own.

    So no credentials of the partner reach the sandbox, and no reference to them is followed.
    """
    if not instance.sandbox:
        return instance
    over = sandbox_settings(destination, used=True)
    return attrs.evolve(instance, settings={**instance.settings, **over}, oauth={})
