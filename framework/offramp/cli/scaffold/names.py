"""Names for what is generated: distributions, modules, classes and attributes."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Container
from typing import Final

import attrs

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
#: What an attribute may not be called: the code of a class's body means something else by it.
_TAKEN: Final = frozenset(
    {
        *("str", "int", "bool", "dict", "list", "Any", "Decimal", "datetime", "attrs"),
        *("field", "setting", "Field", "Choice", "Condition", "Conditions", "when", "False"),
        *("path", "template", "literal", "liquid", "coalesce", "array_path", "self", "request"),
    }
)


@attrs.frozen(kw_only=True)
class ProjectNames:
    """What the parts of a distribution are called."""

    #: `my-crm`.
    name: str

    @property
    def distribution(self) -> str:
        """Such as `offramp-my-crm`."""
        return f"offramp-{self.name}"

    @property
    def package(self) -> str:
        """Such as `offramp_my_crm`."""
        return self.distribution.replace("-", "_")

    @property
    def variable(self) -> str:
        """The destination's name in Python, such as `my_crm`."""
        return self.name.replace("-", "_")

    @property
    def title(self) -> str:
        """For people, such as `My Crm`."""
        return " ".join(word.capitalize() for word in self.name.split("-"))


def words(text: str) -> list[str]:
    """The words of a name in any spelling: `userId`, `user-id` and `User ID` have the same two."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return [word.lower() for word in _WORD.findall(plain)]


def snake(text: str, *, taken: Container[str] = (), otherwise: str = "field") -> str:
    """A name for an attribute, a variable or a module: `user_id`."""
    name = "_".join(words(text)) or otherwise
    return _free(f"{otherwise}_{name}" if name[0].isdigit() else name, taken, "_")


def camel(text: str, *, taken: Container[str] = (), otherwise: str = "Values") -> str:
    """A name for a class: `UserId`."""
    name = "".join(word.capitalize() for word in words(text)) or otherwise
    return _free(f"{otherwise}{name}" if name[0].isdigit() else name, taken, "")


def _free(name: str, taken: Container[str], between: str) -> str:
    if keyword.iskeyword(name) or name in _TAKEN:
        name = f"{name}_"
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{name}{between}{number}"
    return candidate
