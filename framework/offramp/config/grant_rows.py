"""The OAuth 2 grant of an instance, and the row that holds it, its tokens sealed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import attrs

from offramp import _json
from offramp.config.documents import reseal_document
from offramp.config.keyring import KeyRing
from offramp.definition import AuthTokens, Flow
from offramp.errors import NotFoundError
from offramp.storage import load_statements

_SQL = load_statements("offramp.config", "grants.sql")
#: The key of a document under which the tokens are sealed.
_TOKENS: Final = "tokens"


@attrs.frozen(kw_only=True)
class Grant:
    """What a partner granted to one instance; times are epoch seconds."""

    instance: str
    #: The slug of the destination: its tokens are sent to no other partner.
    destination: str
    tokens: AuthTokens
    flow: Flow
    #: When it was obtained, and by whom.
    obtained_at: float
    actor: str
    #: When the present access token was obtained.
    refreshed_at: float
    #: Since when the answer to a refresh is missing: a time-out, or the host was killed.
    unanswered_since: float | None = None
    #: Why it is of no use any more, in one sentence.
    gone: str | None = None

    @property
    def expires_at(self) -> float | None:
        """When the access token expires; `None` if the partner did not say."""
        seconds = self.tokens.expires_in
        return None if seconds is None else self.refreshed_at + seconds


def remove_grant(connection: sqlite3.Connection, instance: str) -> None:
    """Remove the grant of an instance, in the transaction of the caller."""
    connection.execute(_SQL["remove_grant"], {"instance": instance})


def reseal_grants(connection: sqlite3.Connection, keys: KeyRing) -> int:
    """Seal the tokens of all grants anew; answers how many there are."""
    rows = read_rows(connection)
    for instance, text in rows:
        doc = reseal_document(_owner(instance), text, keys)
        connection.execute(_SQL["put_grant"], {"instance": instance, "doc": doc})
    return len(rows)


def read_rows(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """The instance and the document of each grant."""
    rows: Iterable[tuple[str, bytes]] = connection.execute(_SQL["grants"])
    return [(instance, doc.decode(errors="surrogateescape")) for instance, doc in rows]


def put_grant(connection: sqlite3.Connection, *, grant: Grant, keys: Callable[[], KeyRing]) -> None:
    """Write a grant, in the transaction of the caller; raises `NotFoundError` without its instance.

    `keys` gives those of that time: a rotation may have come between.
    """
    doc = _write(grant, keys())
    bound = {"instance": grant.instance, "doc": doc}
    if connection.execute(_SQL["put_grant"], bound).rowcount != 1:
        raise NotFoundError(f"there is no instance {grant.instance!r} any more")


def _owner(instance: str) -> str:
    return f"grants.{instance}"


def _write(grant: Grant, keys: KeyRing) -> str:
    data = attrs.asdict(grant, recurse=False)
    tokens = attrs.asdict(grant.tokens, recurse=False)
    del data["instance"], tokens["client"]
    data[_TOKENS] = keys.seal(tokens, owner=_owner(grant.instance), field=_TOKENS)
    return _json.dumps(data).decode()


def read_grant(instance: str, text: str, keys: KeyRing) -> Grant:
    """The grant that a document holds; raises `ConfigError` where its tokens do not open."""
    data = _json.loads(text)
    opened = keys.open(data.pop(_TOKENS), owner=_owner(instance), field=_TOKENS)
    tokens = AuthTokens(**dict(_known(AuthTokens, opened)))
    return Grant(**dict(_known(Grant, data)), instance=instance, tokens=tokens)


def _known(cls: type[Any], data: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What a class knows of data; a newer version may have written more. Numbers are floats."""
    for attribute in attrs.fields(cls):
        if attribute.name in data:
            value = data[attribute.name]
            if isinstance(value, list):
                value = tuple(value)
            elif value is not None and "float" in str(attribute.type):
                value = float(value)
            yield attribute.name, value
