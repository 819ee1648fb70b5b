"""Describes test runs as text, for failures of tests."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from offramp import _json
from offramp.definition import Response
from offramp.errors import counted
from offramp.http import mask_headers
from offramp.queue import Stage
from offramp.testing.exchanges import RecordedExchange
from offramp.testing.tested import TestedDelivery

#: Longer texts are cut: a failure should fit a screen or two.
SHOWN_CHARACTERS: Final = 2_000
#: Most failed deliveries, and most exchanges, that are shown in full.
SHOWN_DELIVERIES: Final = 3
SHOWN_EXCHANGES: Final = 5


def render_run(
    action: str,
    mapping: Mapping[str, Any],
    deliveries: Sequence[TestedDelivery],
    exchanges: Sequence[RecordedExchange],
) -> str:
    """A run as text: each event's outcome, the details of failures, every exchange."""
    delivered = sum(delivery.outcome is Stage.DELIVERED for delivery in deliveries)
    lines = [f"<ActionRun {action}: {delivered} of {len(deliveries)} delivered>"]
    failures = 0
    for number, delivery in enumerate(deliveries, 1):
        lines.append(f"event {number}, {_name(delivery.event)}: {_end(delivery)}")
        if delivery.outcome is not Stage.DELIVERED:
            failures += 1
            if failures <= SHOWN_DELIVERIES:
                lines += _details(delivery)
    if failures:
        lines += _labelled("mapping", _as_json(mapping))
    return "\n".join([*lines, *_exchanges(exchanges)])


def render_authentication(
    found: str, error: Exception | None, exchanges: Sequence[RecordedExchange]
) -> str:
    """A test of credentials as text."""
    lines = [f"<AuthenticationRun: {found}>"]
    if error is not None:
        lines += _labelled("error", f"{type(error).__name__}: {error}")
    return "\n".join([*lines, *_exchanges(exchanges)])


def _name(event: Any) -> str:
    name = event.get("event") or event.get("name")
    return " ".join([str(event.get("type")), *([] if name is None else [repr(name)])])


def _end(delivery: TestedDelivery) -> str:
    is_same = delivery.status is None or delivery.code == str(delivery.status)
    status = "" if is_same else f" ({delivery.status})"
    code = f", {delivery.code}{status}" if delivery.code else ""
    pause = "" if delivery.retry_in is None else f", again within {delivery.retry_in:g} s"
    return f"{delivery.outcome}{code}{pause}"


def _details(delivery: TestedDelivery) -> Iterator[str]:
    yield from _labelled("because", delivery.message)
    cause = delivery.error.__cause__ if delivery.error is not None else None
    if cause is not None and delivery.code == "INTERNAL":
        yield from _labelled("raised", "".join(traceback.format_exception(cause)).rstrip())
    yield from _labelled("event", _as_json(delivery.event))
    if delivery.fields is not None:
        yield from _labelled("payload", _as_json(delivery.fields))


def _exchanges(exchanges: Sequence[RecordedExchange]) -> Iterator[str]:
    if not exchanges:
        yield "no request was made"
    for number, exchange in enumerate(exchanges[:SHOWN_EXCHANGES], 1):
        request, response = exchange.request, exchange.response
        came = f"no answer: {exchange.error}" if response is None else _status(response)
        yield f"request {number}: {request.method} {request.url} -> {came}"
        yield from _labelled("headers", _as_json(mask_headers(request.headers, str)))
        yield from _labelled("body", request.text)
        if response is not None:
            yield from _labelled("answer", response.text)
    if len(exchanges) > SHOWN_EXCHANGES:
        yield f"and {counted(len(exchanges) - SHOWN_EXCHANGES, 'request')} more"


def _status(response: Response) -> str:
    return f"{response.status} {response.reason}".rstrip()


def _labelled(what: str, text: str) -> Iterator[str]:
    if not text:
        return
    if len(text) > SHOWN_CHARACTERS:
        text = f"{text[:SHOWN_CHARACTERS]}… ({len(text)} characters in all)"
    first, *rest = text.splitlines()
    yield f"  {what:<8} {first}"
    for line in rest:
        yield f"  {'':<8} {line}"


def _as_json(value: Any) -> str:
    try:
        return _json.dumps(value).decode()
    except TypeError:
        return repr(value)
