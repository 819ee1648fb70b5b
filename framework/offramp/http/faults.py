"""Turns what a request raises into our errors: only faults of the network are tried again."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from offramp.definition import OutgoingRequest
from offramp.errors import (
    AddressRefusedError,
    ConnectionFailedError,
    DeliveryError,
    RejectedError,
    RequestTimeoutError,
)
from offramp.http.egress import EGRESS_REMEDY, RefusedAddressError

#: What the network, TLS, a proxy or the partner's HTTP may raise. Checked before `ValueError`,
#: since some are `ValueError`s too, such as an invalid certificate.
NETWORK: Final = (
    aiohttp.ClientError,
    HttpProcessingError,
    OSError,
    EOFError,
    asyncio.LimitOverrunError,
    asyncio.InvalidStateError,
)
#: The request's own address is at fault; the address of a redirect is the partner's fault.
_OWN_ADDRESS: Final = (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError, UnicodeError)

_TRUST: Final = (
    "if you trust it, name a file with its authority's certificate in `ca_file` of [host.egress]"
    " and restart the host"
)
#: Codes of OpenSSL's certificate checks -> our code, cause, remedy.
#: Source: openssl/x509_vfy.h (X509_V_ERR_…); the names are those of Node.js.
_CERTIFICATE: Final[Mapping[int, tuple[str, str, str]]] = {
    9: (
        "CERT_NOT_YET_VALID",
        "the partner's certificate is not valid yet",
        "set this machine's clock if it is behind; otherwise the partner has to replace it",
    ),
    10: (
        "CERT_HAS_EXPIRED",
        "the partner's certificate has expired",
        "the partner has to renew it, unless this machine's clock is ahead",
    ),
    18: ("DEPTH_ZERO_SELF_SIGNED_CERT", "the partner's certificate is self-signed", _TRUST),
    19: (
        "SELF_SIGNED_CERT_IN_CHAIN",
        "the partner's certificate comes from an authority that this machine does not know",
        _TRUST,
    ),
    20: (
        "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
        "the issuer of the partner's certificate is not known to this machine",
        f"the partner has to send the intermediate certificates; {_TRUST}",
    ),
    23: (
        "CERT_REVOKED",
        "the partner's certificate was revoked",
        "the partner has to replace it",
    ),
    62: (
        "ERR_TLS_CERT_ALTNAME_INVALID",
        "the partner's certificate is for another host",
        "check the address in the settings, and whether a proxy is in between",
    ),
    64: (
        "ERR_TLS_CERT_ALTNAME_INVALID",
        "the partner's certificate is for another address",
        "use the partner's host name in the settings, rather than its IP address",
    ),
}
#: The two that depend on this machine's clock.
_OF_THE_CLOCK: Final = frozenset({9, 10})
_CLIENT_CERTIFICATE: Final = (
    "name that of the instance in `client_certificates` of [host.egress], and restart the host"
)
#: Part of OpenSSL's message about a failed handshake -> cause and remedy.
_HANDSHAKE: Final = {
    "wrong version number": "there is no TLS at this port: check the address and its port",
    "http request": "there is no TLS at this port: check the address and its port",
    "unsupported protocol": "the partner speaks only versions of TLS that are no longer safe",
    "protocol version": "the partner accepts none of this machine's versions of TLS",
    "certificate required": f"the partner asks for a client certificate: {_CLIENT_CERTIFICATE}",
    "handshake failure": "the partner shares no way to encrypt with this machine, or asks for a"
    f" client certificate: {_CLIENT_CERTIFICATE}",
    "unrecognized name": "the partner does not know the host name of this address",
}
#: Errors of this machine or its network -> cause and remedy.
_SYSTEM: Final = {
    errno.EMFILE: "this process has no file descriptor left: raise its limit (`ulimit -n`)",
    errno.ENFILE: "this machine has no file descriptor left",
    errno.EADDRNOTAVAIL: "this machine has no port left for another connection",
    errno.ENETUNREACH: "this machine has no route to that network",
    errno.EHOSTUNREACH: "this machine has no route to that host: check its routes and firewalls",
}


def as_fault(error: Exception, outgoing: OutgoingRequest) -> DeliveryError | None:
    """The error for what sending a request raised, or None if that is a bug in the program.

    A request that is composed wrongly (an invalid address, a header with a line break) gets a
    `RejectedError`, and one to an address that the operator does not allow an
    `AddressRefusedError`. Everything else is a fault of the network, and is tried again.
    """
    refused = getattr(error, "os_error", error)
    if isinstance(refused, RefusedAddressError):
        message = f"{outgoing.method} {outgoing.url}: nothing is sent there, as {refused}"
        return AddressRefusedError(f"{message}: {EGRESS_REMEDY}")
    if isinstance(error, TimeoutError) and not _of_the_system(error):
        waited = f"no answer within {outgoing.timeout.total_seconds():g} s"
        return RequestTimeoutError(f"{outgoing.method} {outgoing.url}: {waited}")
    if isinstance(error, _OWN_ADDRESS) and not isinstance(error, aiohttp.RedirectClientError):
        return RejectedError(f"{outgoing.url!r} is not a URL", code="INVALID_URL")
    # An event loop raises this if a connection or a session is closed during the request.
    closed = type(error) is RuntimeError
    if closed or isinstance(error, NETWORK):
        code, cause = _cause(error)
        return ConnectionFailedError(f"{outgoing.method} {outgoing.url}: {cause}", code=code)
    if isinstance(error, ValueError):  # aiohttp refuses to compose the request
        message = f"{outgoing.method} {outgoing.url}: {error}"
        return RejectedError(message, code="INVALID_REQUEST")
    return None


def _of_the_system(error: TimeoutError) -> bool:
    """Whether the kernel gave up a connection, as opposed to the request's own time-out."""
    return error.errno is not None


def _cause(error: BaseException) -> tuple[str, str]:
    """The code of a fault of the network, and its cause with the remedy."""
    inner = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
    if isinstance(inner, ssl.SSLError):
        return _of_tls(inner)
    through = _through_proxy(error)
    if isinstance(error, aiohttp.ClientConnectorDNSError) or isinstance(inner, socket.gaierror):
        return _of_names(inner, through)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        answer = f"the proxy answered {error.status} {error.message}".rstrip()
        return "ECONNRESET", f"{answer}: check the proxy and its credentials"
    if isinstance(error, aiohttp.ClientResponseError | HttpProcessingError):
        answer = " ".join(str(error.message).split())
        return "ECONNRESET", f"the partner's answer is not valid HTTP: {answer}"
    return _of_sockets(inner, through)


def _of_tls(error: ssl.SSLError) -> tuple[str, str]:
    if isinstance(error, ssl.SSLCertVerificationError):
        number = getattr(error, "verify_code", 0)
        if number in _CERTIFICATE:
            code, cause, remedy = _CERTIFICATE[number]
            if number in _OF_THE_CLOCK:
                cause += f" (it is {datetime.now(UTC):%Y-%m-%d %H:%M:%SZ} here)"
            return code, f"{cause}: {remedy}"
        message = getattr(error, "verify_message", "") or str(error)
        remedy = "it, or its authority's, has to be reissued as RFC 5280 requires"
        return "EPROTO", f"the partner's certificate is not valid ({message}): {remedy}"
    reason = (getattr(error, "reason", None) or "").replace("_", " ").lower()
    for part, cause in _HANDSHAKE.items():
        if part in reason:
            return "EPROTO", cause
    return "EPROTO", f"TLS with the partner failed: {reason or str(error) or type(error).__name__}"


def _of_names(error: BaseException, through: str) -> tuple[str, str]:
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
        message = "got no answer: check this machine's DNS"
        return "EAI_AGAIN", f"the DNS look-up of {through or 'the host'} {message}"
    message = f"{through or 'the host'} has no address: check its name, and this machine's DNS"
    return "ENOTFOUND", message


def _of_sockets(error: BaseException, through: str) -> tuple[str, str]:
    number = error.errno if isinstance(error, OSError) else None
    cause = str(error) or type(error).__name__
    if through:
        cause = f"{through}: {cause}"
    if isinstance(error, ConnectionRefusedError):
        message = "nothing listens there: check the address and its port, or the partner is down"
        return "ECONNREFUSED", f"{cause} ({message})"
    if number in _SYSTEM:
        cause = f"{cause} ({_SYSTEM[number]})"
    return errno.errorcode.get(number or 0, "ECONNRESET"), cause


def _through_proxy(error: BaseException) -> str:
    return "the proxy" if isinstance(error, aiohttp.ClientProxyConnectionError) else ""
