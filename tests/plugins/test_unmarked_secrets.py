"""Fields that look like secrets by their names are found, and only those."""

from __future__ import annotations

from typing import Any

import pytest

from offramp import Field
from offramp.definition.unmarked import unmarked_secrets

OPEN = [
    "apiKey", "api_key", "API Key", "accessToken", "access_token", "token", "botToken",
    "clientSecret", "signingSecret", "secret", "password", "passwd", "passphrase", "private_key",
    "signing-key", "writeKey", "credentials", "auth_key",
]  # fmt: skip
NONE = [
    "tokenUrl", "token_endpoint", "secretName", "apiKeyId", "api_key_header", "tokenType",
    "tokenLifetime", "tokenExpiresAt", "passwordCount", "deviceToken", "push_tokens", "pageToken",
    "idempotencyToken", "primaryKey", "sortKey", "key", "keyword", "message", "userId",
]  # fmt: skip


def made(**properties: Any) -> Field:
    return Field(**{"label": "Value", "type": "string", **properties})


@pytest.mark.parametrize("name", [*OPEN, *NONE])
def test_the_name_decides(name: str) -> None:
    """By its wire name, and by what a person reads."""
    expected = name in OPEN
    assert list(unmarked_secrets({name: made()})) == ([(name,)] if expected else [])
    assert list(unmarked_secrets({"it": made(label=name)})) == ([("it",)] if expected else [])


@pytest.mark.parametrize(
    "properties",
    [
        {"secret": True},
        {"secret": False},
        {"type": "password"},
        {"format": "password"},
        {"type": "integer"},
        {"type": "boolean"},
    ],
    ids=str,
)
def test_what_is_declared_or_no_text_is_not_told(properties: dict[str, Any]) -> None:
    """A secret that is marked, a field that is said to be none, a number of tokens."""
    assert list(unmarked_secrets({"token": made(**properties)})) == []


def test_objects_are_looked_into() -> None:
    """At any depth, and not into those that are secret as a whole."""
    inner = {"apiKey": made(), "region": made()}
    fields = {
        "login": made(type="object", properties={"deep": made(type="object", properties=inner)}),
        "vault": made(type="object", properties=inner, secret=True),
    }
    assert list(unmarked_secrets(fields)) == [("login", "deep", "apiKey")]
