"""Faults on demand: which of the next requests fail, and how."""

from __future__ import annotations

import math
import random
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

import attrs
from attrs import validators

if TYPE_CHECKING:
    from collections.abc import Callable

INGEST = "/v1/ingest"
TOO_MANY_REQUESTS = 429

_FIRST_ERROR_STATUS = 400
_LAST_STATUS = 599
_STORE = ("none", "part", "all")
_ENDINGS = ("answer", "hang", "drop")
_LIMIT_TYPES = ("client", "customer")


def _default_store(fault: Fault) -> str:
    return "all" if fault.status is None and fault.ending == "answer" else "none"


def _default_times(fault: Fault) -> int | None:
    return 1 if fault.probability == 1 else None


def _number(kind: type, least: float, most: float = math.inf) -> Callable[..., None]:
    """Make an attrs validator; a `bool`, which Python counts as a number, is refused."""

    def check(_fault: Fault, field: attrs.Attribute[Any], value: Any) -> None:
        fits = isinstance(value, (int, kind)) and not isinstance(value, bool)
        if not (fits and least <= value <= most):
            span = f"{least:g} or more" if most == math.inf else f"{least:g} to {most:g}"
            raise ValueError(f"{field.name!r} must be {kind.__name__}, {span}, not {value!r}")

    return check


@attrs.frozen(kw_only=True)
class Fault:
    """One way in which requests to one endpoint fail.

    The batch is stored (or not), the delay passes, and then the request ends.
    """

    #: Answer with this status, 400 to 599, instead of the endpoint's own.
    status: int | None = attrs.field(
        default=None, validator=validators.optional(_number(int, _FIRST_ERROR_STATUS, _LAST_STATUS))
    )
    #: `answer`, `hang` (silence until the client or the emulator gives up), or `drop` (the
    #: connection is closed without an answer).
    ending: Literal["answer", "hang", "drop"] = attrs.field(
        default="answer", validator=validators.in_(_ENDINGS)
    )
    #: How much of the batch is stored first: `none`, `part` (the first half, rounded up) or `all`.
    #: By default nothing, or all for a fault that is only slow.
    store: Literal["none", "part", "all"] = attrs.field(
        default=attrs.Factory(_default_store, takes_self=True), validator=validators.in_(_STORE)
    )
    #: Seconds between storing the batch and the end of the request.
    delay: float = attrs.field(default=0, validator=_number(float, 0))
    #: Seconds in a `Retry-After` header; none is sent by default.
    retry_after: float | None = attrs.field(
        default=None, validator=validators.optional(_number(float, 0))
    )
    #: The type of limit that a 429 reports in `X-Metronome-Rate-Limit-Type`.
    limit_type: Literal["client", "customer"] = attrs.field(
        default="client", validator=validators.in_(_LIMIT_TYPES)
    )
    #: The probability, 0 to 1, that it is applied to a request.
    probability: float = attrs.field(default=1, validator=_number(float, 0, 1))
    #: Number of requests it is applied to; None is unlimited. The default is one, or unlimited if
    #: the probability is below 1.
    times: int | None = attrs.field(
        default=attrs.Factory(_default_times, takes_self=True),
        validator=validators.optional(_number(int, 1)),
    )
    #: The endpoints it applies to: every path that begins with this text.
    endpoint: str = attrs.field(default=INGEST, validator=validators.matches_re("/v1/.*"))
    #: It applies only to requests whose body contains this text, such as the id of one event. By
    #: default it applies to any request.
    holding: str = attrs.field(default="", validator=validators.instance_of(str))

    def __attrs_post_init__(self) -> None:
        """Refuse a fault that would answer 200 for a batch that was not stored."""
        if self.status is None and self.ending == "answer" and self.store != "all":
            raise ValueError(
                f"a fault with store {self.store!r} needs a status, or the ending 'hang' or 'drop':"
                " a 200 would mean that the whole batch was accepted"
            )

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Fault:
        """Read a fault from its JSON object; `ValueError` says what is wrong with it."""
        known = attrs.fields_dict(cls)
        for key in data:
            if key not in known:
                raise ValueError(f"a fault has no {key!r}; it has {', '.join(known)}")
        plain: dict[str, Any] = {
            key: float(value) if isinstance(value, Decimal) else value
            for key, value in data.items()
        }
        try:
            return cls(**plain)
        except (TypeError, ValueError) as error:
            raise ValueError(str(error.args[0])) from None


@attrs.define
class _Planned:
    fault: Fault
    left: int | None


class Faults:
    """The pending faults, in the order in which they were added.

    Args:
        seed: The seed of the random numbers for `probability`, so that a run can be repeated.
    """

    def __init__(self, *, seed: int = 0) -> None:
        self._seed = seed
        self._planned: list[_Planned] = []
        self.clear()

    def add(self, *faults: Fault, first: bool = False) -> None:
        """Add faults after the pending ones, or with `first` before them."""
        at = 0 if first else len(self._planned)
        self._planned[at:at] = [_Planned(fault, fault.times) for fault in faults]

    def remove(self, fault: Fault) -> None:
        """Remove a fault."""
        self._planned = [planned for planned in self._planned if planned.fault is not fault]

    @property
    def look_into_bodies(self) -> bool:
        """Whether a pending fault depends on the body of a request."""
        return any(planned.fault.holding for planned in self._planned)

    def strike(self, path: str, body: bytes = b"") -> Fault | None:
        """Take the fault for a request to this path: the first that applies, or None."""
        for planned in self._planned:
            if not path.startswith(planned.fault.endpoint):
                continue
            if planned.fault.holding.encode() not in body:
                continue
            if planned.fault.probability < 1 and self._chance() >= planned.fault.probability:
                continue
            self._use(planned)
            return planned.fault
        return None

    def waiting(self) -> list[Fault]:
        """List the pending faults, with the remaining number of requests."""
        return [attrs.evolve(planned.fault, times=planned.left) for planned in self._planned]

    def clear(self) -> None:
        """Remove all faults, and restart the random numbers."""
        self._planned.clear()
        self._chance = random.Random(self._seed).random  # noqa: S311  (probability, not a secret)

    def _use(self, planned: _Planned) -> None:
        if planned.left is None:
            return
        planned.left -= 1
        if planned.left == 0:
            self._planned.remove(planned)
