"""How a command tells the host of a data folder from whoever else took that host's port."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Final

import attrs
from aiohttp import web

from offramp import _json
from offramp.api.problems import ProblemError

#: In the data folder, which only its owner can read: made anew at each start of a host.
IDENTITY_FILE: Final = "identity"
IDENTITY_PATH: Final = "/api/identity"
#: Bytes of randomness in a secret and in a nonce: as hard to guess as a key of AES-256.
RANDOM_BYTES: Final = 32
_OWNER_FILE: Final = 0o600
_NONCE: Final = re.compile(r"[0-9a-f]{32,128}")


@attrs.define(kw_only=True)
class Identity:
    """What a host proves itself by: a secret in its folder, for the addresses that are its own."""

    secret: str = attrs.field(repr=False)
    urls: set[str] = attrs.field(factory=set)

    def routes(self) -> list[web.RouteDef]:
        """The one endpoint, which asks for no token: a command asks it before it gives one."""
        return [web.get(IDENTITY_PATH, self._answer)]

    async def _answer(self, request: web.Request) -> web.Response:
        nonce, url = request.query.get("nonce", ""), request.query.get("url", "")
        if _NONCE.fullmatch(nonce) is None:
            message = "send a nonce of 32 to 128 hexadecimal digits, and the address you use as url"
            return ProblemError(HTTPStatus.BAD_REQUEST, message).answer()
        # The address is part of the proof, so that nobody can pass on another host's.
        if url not in self.urls:
            message = (
                "this host does not know that url as its own; set public_url in the table [host]"
            )
            return ProblemError(HTTPStatus.NOT_FOUND, message).answer()
        body = _json.dumps({"proof": proof(self.secret, nonce=nonce, url=url)})
        headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
        return web.Response(body=body, headers=headers)


@contextlib.contextmanager
def own_identity(folder: Path) -> Iterator[Identity]:
    """A new identity for the host that has the folder's lock; its file is there meanwhile."""
    path = folder / IDENTITY_FILE
    path.unlink(missing_ok=True)  # of a host that was killed
    identity = Identity(secret=secrets.token_hex(RANDOM_BYTES))
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, _OWNER_FILE), "w", encoding="ascii") as file:
        file.write(identity.secret)
    try:
        yield identity
    finally:
        path.unlink(missing_ok=True)


def new_nonce() -> str:
    """A number used once, in hexadecimal digits."""
    return secrets.token_hex(RANDOM_BYTES)


def proof(secret: str, *, nonce: str, url: str) -> str:
    """What only the host of the folder can answer for a nonce at an address of its own."""
    return hmac.new(secret.encode(), f"{nonce}\n{url}".encode(), hashlib.sha256).hexdigest()
