"""What became of one event in a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from offramp.errors import DeliveryError
from offramp.http import Exchange
from offramp.queue import Stage


@attrs.frozen(kw_only=True)
class TestedDelivery:
    """What became of one event in a test."""

    __test__ = False  # pytest takes what is called Test… for tests

    event: Mapping[str, Any]
    #: delivered, rejected, retrying, expired or filtered; compares with plain strings.
    outcome: Stage
    #: The reason code, such as `PAYLOAD_VALIDATION_FAILED`; empty where it was delivered.
    code: str = ""
    #: As the ledger would keep it, secrets masked.
    message: str = ""
    #: The partner's, or the one that means the same; nothing where it was delivered or filtered.
    status: int | None = None
    #: Seconds until the next attempt at the latest, where the outcome is `retrying`.
    retry_in: float | None = None
    #: What `perform` got; nothing where the event did not become a payload.
    payload: Any = None
    #: The payload as JSON data, by wire names.
    fields: Mapping[str, Any] | None = None
    error: DeliveryError | None = attrs.field(default=None, repr=False)
    #: The last exchange as the ledger would keep it, secrets masked.
    kept: Exchange | None = attrs.field(default=None, repr=False)
