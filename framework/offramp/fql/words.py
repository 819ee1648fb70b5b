"""What an unquoted word is, path or text, by where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from offramp.fql import tree

if TYPE_CHECKING:
    from offramp.fql.lexer import Token

#: What a word is taken for where it stands.
Role: TypeAlias = Literal["path", "text"]

#: Fields of an event that hold objects: `properties.plan` on the right of an operator is a path.
_OBJECT_FIELDS = frozenset({"properties", "traits", "context", "integrations"})
#: Fields of an event that hold ids: `userId = anonymousId` compares two fields.
_ID_FIELDS = frozenset({"userId", "anonymousId", "groupId", "previousId", "messageId"})


def read_word(token: Token, role: Role) -> tree.Operand:
    """Make an operand of a word."""
    keys: tree.Keys = token.value
    if role == "path" or is_rooted(keys):
        return {"path": tree.join_keys(keys)}
    return {"value": ".".join(keys)}


def is_rooted(keys: tree.Keys) -> bool:
    """Tell whether a word where a text may stand can only be a path, such as `properties.plan`."""
    return keys[0] in (_ID_FIELDS if len(keys) == 1 else _OBJECT_FIELDS)
