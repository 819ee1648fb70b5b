"""The result of one event in a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from offramp.errors import DeliveryError
from offramp.http import Exchange
from offramp.queue import Stage


@attrs.frozen(kw_only=True)
class TestedDelivery:
    """The result of one event in a test."""

    __test__ = False  # pytest collects classes named Test…

    event: Mapping[str, Any]
    #: delivered, rejected, retrying, expired or filtered; compares with plain strings.
    outcome: Stage
    #: The reason code, such as `PAYLOAD_VALIDATION_FAILED`; empty if it was delivered.
    code: str = ""
    #: As the ledger would keep it, secrets masked.
    message: str = ""
    #: The partner's status, or the equivalent one; None if it was delivered or filtered.
    status: int | None = None
    #: Most seconds until the next attempt, if the outcome is `retrying`.
    retry_in: float | None = None
    #: The payload that `perform` got; None if the event did not become one.
    payload: Any = None
    #: The payload as JSON data, by wire names.
    fields: Mapping[str, Any] | None = None
    error: DeliveryError | None = attrs.field(default=None, repr=False)
    #: The last exchange as the ledger would keep it, secrets masked.
    kept: Exchange | None = attrs.field(default=None, repr=False)
