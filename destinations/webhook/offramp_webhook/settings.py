"""The settings of an instance, and what requests need of them: URL, secret headers, keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import attrs

from offramp import Fault, InvalidAuthenticationError, setting
from offramp_webhook.headers import as_texts, header_faults
from offramp_webhook.signing import SIGNATURE_HEADER, key_of

#: What a URL consists of: visible ASCII, without `#`, since a fragment is never sent.
_SENDABLE: Final = re.compile(r'[!"$-~]+')


@attrs.frozen
class Settings:
    """The settings that an operator configures: those of one receiver."""

    url: str = setting(
        label="URL",
        description="Where requests go, such as https://example.com/hooks",
        format="uri",
    )
    url_secret: str | None = setting(
        key="urlSecret",
        type="password",
        label="Secret end of the URL",
        description="Appended to the URL as it is, for receivers whose URL ends with a secret",
    )
    allow_http: bool = setting(
        key="allowHttp",
        label="Allow http",
        description="Send to a URL with http://, without TLS: anybody on the way can read it",
        default=False,
    )
    headers: dict[str, Any] | None = setting(
        label="Secret headers",
        description="Headers of every request whose values are secrets, such as Authorization",
        secret=True,
        default_object_ui="keyvalue:only",
    )
    signing_secret: str | None = setting(
        key="signingSecret",
        type="password",
        label="Signing secret",
        description="Requests are signed with it: whsec_ and 24 to 64 bytes in base64",
    )
    previous_signing_secret: str | None = setting(
        key="previousSigningSecret",
        type="password",
        label="Previous signing secret",
        description="Requests are signed with it as well, while receivers change to the new one",
    )
    signature_header: str = setting(
        key="signatureHeader",
        label="Signature header",
        description="The header that carries the signature",
        default=SIGNATURE_HEADER,
    )


@attrs.frozen(kw_only=True)
class Receiver:
    """What a request needs of an instance's settings, checked."""

    url: str = attrs.field(repr=False)
    headers: dict[str, str] = attrs.field(repr=False)
    #: The keys to sign with, the newest first.
    keys: tuple[bytes, ...] = attrs.field(repr=False)
    signature_header: str


def receiver_of(settings: Settings) -> Receiver:
    """The receiver that the settings name.

    Raises `InvalidAuthenticationError` if one of them is wrong: the host then holds the instance,
    and its events wait until the setting is corrected.
    """
    faults = list(_faults(settings))
    if faults:
        message = "\n".join(f"setting {fault}" for fault in faults)
        raise InvalidAuthenticationError(message)
    return Receiver(
        url=settings.url + (settings.url_secret or ""),
        headers=as_texts(settings.headers),
        keys=tuple(key_of(secret) for secret in _secrets(settings).values()),
        signature_header=settings.signature_header,
    )


def _secrets(settings: Settings) -> dict[str, str]:
    given = {
        "signingSecret": settings.signing_secret,
        "previousSigningSecret": settings.previous_signing_secret,
    }
    return {name: secret for name, secret in given.items() if secret}


def _faults(settings: Settings) -> Iterator[Fault]:
    fault = _url_fault(settings)
    if fault is not None:
        yield Fault("url", fault)
    yield from header_faults(settings.headers, place="headers", may_be_secret=True)
    name = settings.signature_header
    if name != SIGNATURE_HEADER:
        yield from header_faults({name: "v1"}, place="signatureHeader", may_be_secret=False)
    for setting_name, secret in _secrets(settings).items():
        try:
            key_of(secret)
        except ValueError as error:
            yield Fault(setting_name, str(error))


def _url_fault(settings: Settings) -> str | None:
    whole = settings.url + (settings.url_secret or "")
    try:
        parts = urlsplit(whole)
        _ = parts.port  # parsed only when it is read
    except ValueError as error:
        return f"is not a URL: {error}"
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "is not a URL of a web server: write https://, a host, and a path"
    if "@" in parts.netloc:
        return "has a user or a password: send them as the header Authorization of `headers`"
    if not _SENDABLE.fullmatch(whole):
        return "has a space, a `#` or a character beyond ASCII: percent-encode it"
    if parts.scheme == "http" and not settings.allow_http:
        return "is not https: anybody on the way could read it; to allow that, set `allowHttp`"
    return None
