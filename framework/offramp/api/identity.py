"""Lets a host prove to a command that it is the host of a data folder, and no other program."""

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
from offramp.storage.files import new_file

#: File in the data folder, which only its owner can read; written at each start of a host.
IDENTITY_FILE: Final = "identity"
IDENTITY_PATH: Final = "/api/identity"
#: Random bytes in a secret and in a nonce: as hard to guess as a key of AES-256.
RANDOM_BYTES: Final = 32
_NONCE: Final = re.compile(r"[0-9a-f]{32,128}")


@attrs.define(kw_only=True)
class Identity:
    """The secret of a host, and the URLs for which it proves that it is that host."""

    secret: str = attrs.field(repr=False)
    urls: set[str] = attrs.field(factory=set)

    def routes(self) -> list[web.RouteDef]:
        """The endpoint; it needs no token, as a command uses it before it sends the token."""
        return [web.get(IDENTITY_PATH, self._answer)]

    async def _answer(self, request: web.Request) -> web.Response:
        nonce, url = request.query.get("nonce", ""), request.query.get("url", "")
        if _NONCE.fullmatch(nonce) is None:
            message = "send a nonce of 32 to 128 hexadecimal digits, and the address you use as url"
            return ProblemError(HTTPStatus.BAD_REQUEST, message).answer()
        # The URL is part of the proof, so that a proof of another host cannot be passed on.
        if url not in self.urls:
            message = "that url is not one of this host; set public_url in the table [host]"
            return ProblemError(HTTPStatus.NOT_FOUND, message).answer()
        body = _json.dumps({"proof": proof(self.secret, nonce=nonce, url=url)})
        headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
        return web.Response(body=body, headers=headers)


@contextlib.contextmanager
def own_identity(folder: Path) -> Iterator[Identity]:
    """Make the identity of the host that holds the folder's lock; its file exists for the block."""
    path = folder / IDENTITY_FILE
    path.unlink(missing_ok=True)  # of a host that was killed
    identity = Identity(secret=secrets.token_hex(RANDOM_BYTES))
    with os.fdopen(new_file(path), "w", encoding="ascii") as file:
        file.write(identity.secret)
    try:
        yield identity
    finally:
        path.unlink(missing_ok=True)


def new_nonce() -> str:
    """A number used once, in hexadecimal digits."""
    return secrets.token_hex(RANDOM_BYTES)


def proof(secret: str, *, nonce: str, url: str) -> str:
    """Compute the proof for a nonce and a URL; it needs the secret of the data folder."""
    return hmac.new(secret.encode(), f"{nonce}\n{url}".encode(), hashlib.sha256).hexdigest()
