"""What a destination declares of a local emulator of its partner: a sandbox, for trying out."""

from __future__ import annotations

import inspect
import ipaddress
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final
from urllib.parse import urlsplit

import attrs

from offramp.definition.awaited import with_place
from offramp.definition.kinds import check_kind
from offramp.errors import DefinitionError, Fault

_EXAMPLE: Final = "http://127.0.0.1:8123"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_url(_: object, __: object, url: Any) -> None:
    """Only this machine: what an instance sends to a sandbox must not leave it."""
    place = "RunningSandbox.url"
    try:
        parts = urlsplit(url)
        port = parts.port
    except (ValueError, AttributeError, TypeError):
        raise DefinitionError([Fault(place, f"is not a URL: {url!r}")]) from None
    if parts.scheme != "http" or not _is_loopback(parts.hostname or ""):
        message = f"must be http on a loopback address, such as {_EXAMPLE}, not {url!r}"
        raise DefinitionError([Fault(place, message)])
    if port is None or url != f"http://{parts.netloc}" or "@" in parts.netloc:
        message = f"must be a scheme, a host and a port alone, such as {_EXAMPLE}, not {url!r}"
        raise DefinitionError([Fault(place, message)])


def _check_start(_: object, __: object, start: Any) -> None:
    # `@asynccontextmanager` wraps an async generator function in a plain one.
    if inspect.iscoroutinefunction(start) or inspect.isasyncgenfunction(start):
        message = f"{with_place(start, 'start')} needs `@contextlib.asynccontextmanager` above it"
        raise DefinitionError([Fault("Sandbox.start", message)])


@attrs.frozen(kw_only=True)
class RunningSandbox:
    """A sandbox that runs."""

    #: Where it listens: `http://127.0.0.1:PORT`, nothing behind the port.
    url: str = attrs.field(validator=_check_url)
    #: Lists what it has received, oldest first, as JSON data; called at any time, and quick.
    received: Callable[[], Iterable[Mapping[str, Any]]] = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Sandbox:
    """A local emulator of the partner, with which a destination is tried out without an account.

    The host starts it when an operator asks for it, on this machine alone. All requests of an
    instance with `sandbox = true` then go to it, whatever host their URLs name.
    """

    label: str = attrs.field(validator=attrs.validators.instance_of(str))
    #: What it does, and what it does not do, in a sentence or two.
    description: str = attrs.field(validator=attrs.validators.instance_of(str))
    #: Settings that it accepts, by wire name, such as a token; an instance that uses it has these.
    settings: Mapping[str, Any] = attrs.field(
        factory=dict, validator=check_kind(Mapping, "an object: wire name -> value")
    )
    #: Starts it: an async context manager that gives a `RunningSandbox`, and stops it at its end.
    start: Callable[[], AbstractAsyncContextManager[RunningSandbox]] = attrs.field(
        validator=[
            check_kind(Callable, "a function that returns an async context manager"),
            _check_start,
        ],
        repr=False,
    )
