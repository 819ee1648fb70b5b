"""The result of a test run: outcomes, payloads and exchanges, and assertions on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self, TypeVar

import attrs

from offramp.errors import InvalidAuthenticationError
from offramp.http import Mask
from offramp.queue import Stage
from offramp.testing.exchanges import RecordedExchange, RecordedRequest
from offramp.testing.render import render_authentication, render_run
from offramp.testing.tested import TestedDelivery

T = TypeVar("T")


@attrs.frozen(kw_only=True, repr=False)
class ActionRun:
    """The result of sending events through an action; its `repr` shows all of it."""

    action: str
    mapping: Mapping[str, Any]
    #: One for each event, in order.
    deliveries: tuple[TestedDelivery, ...]
    #: Every request of the run, with its answer.
    exchanges: tuple[RecordedExchange, ...]
    mask: Mask

    @property
    def outcomes(self) -> tuple[Stage, ...]:
        """The outcome of each event; they compare with plain strings."""
        return tuple(delivery.outcome for delivery in self.deliveries)

    @property
    def delivery(self) -> TestedDelivery:
        """The only delivery."""
        return self._only(self.deliveries, "event")

    @property
    def outcome(self) -> Stage:
        """The outcome of the only event."""
        return self.delivery.outcome

    @property
    def payloads(self) -> tuple[Any, ...]:
        """The payload of each event that became one, as `perform` got it."""
        return tuple(d.payload for d in self.deliveries if d.fields is not None)

    @property
    def payload(self) -> Any:
        """The only payload."""
        return self._only(self.payloads, "payload")

    @property
    def requests(self) -> tuple[RecordedRequest, ...]:
        """Every request, in order, with secrets not masked."""
        return tuple(exchange.request for exchange in self.exchanges)

    @property
    def request(self) -> RecordedRequest:
        """The only request."""
        return self._only(self.requests, "request")

    @property
    def json(self) -> Any:
        """The parsed body of the first request."""
        __tracebackhide__ = True
        if not self.exchanges:
            raise AssertionError(f"no request was made\n{self!r}")
        return self.exchanges[0].json

    @property
    def delivered(self) -> bool:
        """Whether every event was delivered."""
        return all(outcome is Stage.DELIVERED for outcome in self.outcomes)

    def assert_delivered(self) -> Self:
        """Assert that every event was delivered; the `AssertionError` says why not."""
        __tracebackhide__ = True
        return self._assert_all(Stage.DELIVERED)

    def assert_rejected(self, code: str | None = None, *, saying: str = "") -> Self:
        """Assert that every event was rejected, with this code and this text in its message."""
        __tracebackhide__ = True
        return self._assert_all(Stage.REJECTED, code, saying)

    def assert_retrying(self, code: str | None = None, *, saying: str = "") -> Self:
        """Assert that every event is tried again, with this code and this text in its message."""
        __tracebackhide__ = True
        return self._assert_all(Stage.RETRYING, code, saying)

    def assert_filtered(self) -> Self:
        """Assert that the trigger matched no event."""
        __tracebackhide__ = True
        return self._assert_all(Stage.FILTERED)

    def __repr__(self) -> str:
        return self.mask(render_run(self.action, self.mapping, self.deliveries, self.exchanges))

    def _assert_all(self, wanted: Stage, code: str | None = None, saying: str = "") -> Self:
        __tracebackhide__ = True
        message = f"expected {wanted}{f' with {code}' if code else ''}"
        message += f" saying {saying!r}" if saying else ""
        if not self.deliveries:
            raise AssertionError(f"{message}, but there was no event\n{self!r}")
        for number, delivery in enumerate(self.deliveries, 1):
            if (
                delivery.outcome is not wanted
                or code not in (None, delivery.code)
                or saying not in delivery.message
            ):
                raise AssertionError(f"{message}, but event {number} was not\n{self!r}")
        return self

    def _only(self, things: tuple[T, ...], what: str) -> T:
        __tracebackhide__ = True
        if len(things) != 1:
            raise AssertionError(f"expected one {what}; there were {len(things)}\n{self!r}")
        return things[0]


@attrs.frozen(kw_only=True, repr=False)
class AuthenticationRun:
    """The result of a test of credentials; its `repr` shows all of it."""

    #: What `test_authentication` raised; None if the credentials are good.
    error: Exception | None
    exchanges: tuple[RecordedExchange, ...]
    mask: Callable[[str], str]

    @property
    def good(self) -> bool:
        """Whether the credentials are good."""
        return self.error is None

    @property
    def refused(self) -> bool:
        """Whether the partner refuses the credentials."""
        return isinstance(self.error, InvalidAuthenticationError)

    @property
    def unclear(self) -> bool:
        """Whether it could not be determined: an outage, a throttled answer, no answer."""
        return not self.good and not self.refused

    @property
    def message(self) -> str:
        """The operator's message, with secrets masked; empty if the credentials are good."""
        return "" if self.error is None else self.mask(str(self.error))

    def assert_good(self) -> Self:
        """Assert that the credentials are good; the `AssertionError` says why not."""
        __tracebackhide__ = True
        return self._assert("good", holds=self.good)

    def assert_refused(self) -> Self:
        """Assert that the credentials are reported as bad."""
        __tracebackhide__ = True
        return self._assert("refused", holds=self.refused)

    def assert_unclear(self) -> Self:
        """Assert that the credentials are reported as neither good nor bad."""
        __tracebackhide__ = True
        return self._assert("unclear", holds=self.unclear)

    def __repr__(self) -> str:
        found = "good" if self.good else "refused" if self.refused else "unclear"
        return self.mask(render_authentication(found, self.error, self.exchanges))

    def _assert(self, wanted: str, *, holds: bool) -> Self:
        __tracebackhide__ = True
        if not holds:
            raise AssertionError(f"expected the credentials to be reported {wanted}\n{self!r}")
        return self
