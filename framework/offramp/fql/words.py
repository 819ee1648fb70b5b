"""Decides by its position whether an unquoted word is a path or a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from offramp.fql import tree

if TYPE_CHECKING:
    from offramp.fql.lexer import Token

#: What a word means at its position.
Role: TypeAlias = Literal["path", "text"]

#: Fields of an event that hold objects: `properties.plan` on the right of an operator is a path.
_OBJECT_FIELDS = frozenset({"properties", "traits", "context", "integrations"})
#: Fields of an event that hold ids: `userId = anonymousId` compares two fields.
_ID_FIELDS = frozenset({"userId", "anonymousId", "groupId", "previousId", "messageId"})


def read_word(token: Token, role: Role) -> tree.Operand:
    """Make the operand for a word."""
    keys: tree.Keys = token.value
    if role == "path" or is_rooted(keys):
        return {"path": tree.join_keys(keys)}
    return {"value": ".".join(keys)}


def is_rooted(keys: tree.Keys) -> bool:
    """Whether a word can only be a path, even where a text may be: `properties.plan`."""
    return keys[0] in (_ID_FIELDS if len(keys) == 1 else _OBJECT_FIELDS)
