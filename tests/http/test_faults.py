"""Every exception that a request may raise is held to its class of outcome."""

from __future__ import annotations

import asyncio
import errno
import inspect
import socket
import ssl
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import aiohttp.client_exceptions
import aiohttp.http_exceptions
import pytest
from aiohttp.client_reqrep import ConnectionKey
from yarl import URL

from offramp import OutgoingRequest
from offramp.errors import (
    ConnectionFailedError,
    DeliveryError,
    RejectedError,
    RequestTimeoutError,
)
from offramp.http import aiohttp_transport

PLACE = "POST https://partner.example/take"
KEY = ConnectionKey("partner.example", 443, True, True, None, None, None, None)


class BrokenSession:
    """A session whose requests all raise one thing."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def request(self, *_: Any, **__: Any) -> Any:
        raise self.error


async def failure(error: Exception) -> DeliveryError:
    """What the transport makes of an exception."""
    session = cast("aiohttp.ClientSession", BrokenSession(error))
    outgoing = OutgoingRequest(
        method="POST", url="https://partner.example/take", timeout=timedelta(seconds=3)
    )
    with pytest.raises(DeliveryError) as caught:
        await aiohttp_transport(session)(outgoing)
    assert caught.value.__cause__ is error
    return caught.value


def classes(*rooms: Any) -> Iterator[type[Exception]]:
    """The exception classes of modules, each once."""
    found = {
        each
        for room in rooms
        for each in vars(room).values()
        if inspect.isclass(each) and issubclass(each, Exception) and not issubclass(each, Warning)
    }
    return iter(sorted(found, key=lambda each: (each.__module__, each.__qualname__)))


def subclasses(kind: type[Exception]) -> Iterator[type[Exception]]:
    """A class and all that Python itself derives from it."""
    yield kind
    for each in kind.__subclasses__():
        if each.__module__ in {"builtins", "socket", "ssl"}:
            yield from subclasses(each)


def made(kind: type[Exception]) -> Exception:
    """An instance, filled with something for each argument that has to be given."""
    values: dict[str, Any] = {
        "request_info": SimpleNamespace(real_url=URL("https://partner.example/take")),
        "history": (),
        "connection_key": KEY,
        "os_error": OSError(errno.ECONNABORTED, "gone"),
        "certificate_error": ssl.SSLCertVerificationError("nope"),
        "path": "/run/socket",
        "url": URL("https://partner.example/take"),
        "expected": b"a",
        "got": b"b",
        "host": "partner.example",
        "port": 443,
        "message": "told",
        "line": "line",
        "hdr": "header",
    }
    if kind is asyncio.IncompleteReadError:
        return asyncio.IncompleteReadError(b"half", 10)
    if kind is asyncio.LimitOverrunError:
        return asyncio.LimitOverrunError("too long", 1)
    try:
        signature = inspect.signature(kind.__init__)
    except ValueError:
        return kind("told")
    needed = [
        name
        for name, each in list(signature.parameters.items())[1:]
        if each.kind not in {each.VAR_POSITIONAL, each.VAR_KEYWORD}
        and (each.default is each.empty or name == "message")
    ]
    return kind(**{name: values[name] for name in needed}) if needed else kind("told")


#: The request itself is at fault: its address cannot be sent to, or it cannot be composed.
OWN = {
    aiohttp.InvalidURL: "INVALID_URL",
    aiohttp.InvalidUrlClientError: "INVALID_URL",
    aiohttp.NonHttpUrlClientError: "INVALID_URL",
    UnicodeError: "INVALID_URL",  # a host name that no DNS can have
    ValueError: "INVALID_REQUEST",
}
#: No answer came in the time that the request had.
LATE = {
    TimeoutError,
    aiohttp.ServerTimeoutError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.SocketTimeoutError,
}
ALL = list(
    dict.fromkeys(
        [
            *classes(aiohttp, aiohttp.client_exceptions, aiohttp.http_exceptions),
            *classes(ssl),
            *subclasses(OSError),
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
            asyncio.InvalidStateError,
            RuntimeError,
            *OWN,
        ]
    )
)
#: Of aiohttp's other faces: web sockets and bodies in parts, which no request here has.
ELSEWHERE = {aiohttp.WSMessageTypeError, aiohttp.WebSocketError, aiohttp.EofStream}


@pytest.mark.parametrize(
    "kind", [each for each in ALL if each not in ELSEWHERE], ids=lambda kind: kind.__qualname__
)
async def test_every_exception_has_its_class_of_outcome(kind: type[Exception]) -> None:
    """What is not the request's own fault is the network's: tried again, and never a bug."""
    error = await failure(made(kind))
    if kind in OWN:
        assert isinstance(error, RejectedError)
        assert (error.retryable, error.code) == (False, OWN[kind])
    elif kind in LATE:
        assert isinstance(error, RequestTimeoutError)
        assert error.retryable
        assert error.message == f"{PLACE}: no answer within 3 s"
    else:
        assert isinstance(error, ConnectionFailedError)
        assert error.retryable
        assert error.message.startswith(f"{PLACE}: ")
        assert len(error.message) > len(f"{PLACE}: ")
        assert "INVALID" not in error.code


@pytest.mark.parametrize("error", [TypeError("x"), AssertionError("x"), RecursionError("x")])
async def test_a_bug_stays_a_bug(error: Exception) -> None:
    """What no network raises is not taken for one: it leaves as it came."""
    session = cast("aiohttp.ClientSession", BrokenSession(error))
    outgoing = OutgoingRequest(method="GET", url="https://a.example/", timeout=timedelta(seconds=1))
    with pytest.raises(type(error)) as caught:
        await aiohttp_transport(session)(outgoing)
    assert caught.value is error


def certificate(number: int, message: str = "nope") -> Exception:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = number, message
    return aiohttp.ClientConnectorCertificateError(KEY, error)


def handshake(reason: str) -> Exception:
    error = ssl.SSLError(1, f"[SSL: {reason}]")
    error.reason = reason
    return aiohttp.ClientConnectorSSLError(KEY, error)


def connection(error: OSError) -> Exception:
    return aiohttp.ClientConnectorError(KEY, error)


def proxied(error: OSError) -> Exception:
    return aiohttp.ClientProxyConnectionError(KEY, error)


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (certificate(9), "CERT_NOT_YET_VALID", "not valid yet (it is 20"),
        (certificate(9), "CERT_NOT_YET_VALID", "set this machine's clock if it is behind"),
        (certificate(10), "CERT_HAS_EXPIRED", "has expired (it is 20"),
        (certificate(10), "CERT_HAS_EXPIRED", "unless this machine's clock is ahead"),
        (certificate(18), "DEPTH_ZERO_SELF_SIGNED_CERT", "`ca_file`"),
        (certificate(19), "SELF_SIGNED_CERT_IN_CHAIN", "`ca_file`"),
        (certificate(20), "UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "the intermediate certificates"),
        (certificate(23), "CERT_REVOKED", "the partner has to replace it"),
        (certificate(62), "ERR_TLS_CERT_ALTNAME_INVALID", "for another host"),
        (certificate(64), "ERR_TLS_CERT_ALTNAME_INVALID", "rather than its IP address"),
        (certificate(26, "unsuitable purpose"), "EPROTO", "unsuitable purpose"),
        (handshake("WRONG_VERSION_NUMBER"), "EPROTO", "there is no TLS at this port"),
        (handshake("TLSV1_ALERT_PROTOCOL_VERSION"), "EPROTO", "none of this machine's versions"),
        (handshake("TLSV13_ALERT_CERTIFICATE_REQUIRED"), "EPROTO", "client certificate"),
        (handshake("BAD_RECORD_MAC"), "EPROTO", "bad record mac"),
        (connection(socket.gaierror(socket.EAI_NONAME, "?")), "ENOTFOUND", "has no address"),
        (connection(socket.gaierror(socket.EAI_AGAIN, "?")), "EAI_AGAIN", "this machine's DNS"),
        (connection(OSError(errno.ECONNREFUSED, "no")), "ECONNREFUSED", "nothing listens there"),
        (connection(OSError(errno.EMFILE, "no")), "EMFILE", "ulimit -n"),
        (connection(OSError(errno.EHOSTUNREACH, "no")), "EHOSTUNREACH", "no route to that host"),
        (connection(OSError(errno.ETIMEDOUT, "late")), "ETIMEDOUT", "late"),
        (proxied(OSError(errno.ECONNREFUSED, "no")), "ECONNREFUSED", "the proxy"),
        (proxied(socket.gaierror(socket.EAI_NONAME, "?")), "ENOTFOUND", "the proxy has no address"),
        (
            aiohttp.ClientHttpProxyError(cast("Any", None), (), status=407, message="who?"),
            "ECONNRESET",
            "the proxy answered 407 who?: check the proxy and its credentials",
        ),
    ],
)
async def test_a_fault_names_its_cause_and_what_to_do(
    error: Exception, code: str, message: str
) -> None:
    """Its reader knows whether the partner, this machine or a setting is at fault."""
    failed = await failure(error)
    assert (failed.code, failed.retryable, failed.status) == (code, True, 503)
    assert message in failed.message
