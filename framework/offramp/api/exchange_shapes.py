"""Types of requests and their answers in answers of the control API."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class RequestShape(TypedDict):
    """One request, secrets masked."""

    method: str
    url: str
    headers: dict[str, str]
    body: str
    #: If the action makes several requests: those before it, oldest first.
    earlier: NotRequired[list[RequestShape]]
    #: How many earlier ones are not shown.
    left_out: NotRequired[int]


class ExchangeShape(TypedDict):
    """One request and its answer, secrets masked; `error` if there was no answer."""

    method: str
    url: str
    request_headers: dict[str, str]
    request_body: str
    status: int | None
    #: What the partner wrote beside the status, if it wrote anything.
    reason: NotRequired[str]
    response_headers: dict[str, str]
    response_body: str
    error: str | None
    seconds: float
    #: If the action made several requests: those before it, oldest first.
    earlier: NotRequired[list[ExchangeShape]]
    #: How many earlier ones are not shown.
    left_out: NotRequired[int]


class HookEffectShape(TypedDict):
    """A request by which a save hook may have changed something at the partner, masked."""

    method: str
    url: str
    #: `None` if no answer came.
    status: int | None
