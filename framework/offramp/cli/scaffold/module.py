"""One Python module of a scaffold: its docstring, the imports that its code needs, the code."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import attrs

from offramp.cli.scaffold.expressions import LINE_CHARACTERS

#: What scaffolds use of the public interface.
_PUBLIC: Final = (
    *("Action", "Audience", "AudienceDetails", "AuthTokens", "Batch", "Choice", "ChoicesQuery"),
    *("Condition", "Conditions", "DeliveryError", "Destination", "DynamicChoices", "Field"),
    *("InvalidAuthenticationError", "OAuth2", "OutgoingRequest", "Preset", "Request"),
    *("RequestOptions", "SaveHook", "SyncMode", "array_path", "coalesce", "field", "hookimpl"),
    *("liquid", "literal", "path", "setting", "template", "when", "wire"),
)
#: Name -> the module that it is imported from.
_KNOWN: Final[Mapping[str, str]] = {
    **dict.fromkeys(("Iterable", "Mapping", "Sequence"), "collections.abc"),
    "datetime": "datetime",
    "Decimal": "decimal",
    **dict.fromkeys(("Any", "ClassVar", "Final"), "typing"),
    **dict.fromkeys(_PUBLIC, "offramp"),
    **dict.fromkeys(
        ("DestinationSuite", "MakeIntegration", "Partner", "generate_test_data"),
        "offramp.testing",
    ),
}
#: Modules that are imported whole.
_WHOLE: Final = frozenset({"attrs"})
_STANDARD: Final = frozenset({"collections.abc", "datetime", "decimal", "typing"})
#: What no class of a scaffold can be called.
RESERVED_NAMES: Final = frozenset({*_KNOWN, *_WHOLE, "API", "Settings", "AudienceSettings"})


@attrs.frozen
class Module:
    """The parts of a module; `own` are the names of the distribution's other modules."""

    docstring: str
    blocks: Sequence[str]
    own: Mapping[str, str] = attrs.field(factory=dict)

    def text(self) -> str:
        """The module as a formatter would leave it."""
        code = "\n\n\n".join(block.strip("\n") for block in self.blocks)
        head = [f'"""{self.docstring}"""', "from __future__ import annotations"]
        return "\n\n".join([*head, *self._imports(code)]) + _separated(code)

    def _imports(self, code: str) -> Iterator[str]:
        """The sections of imports: the standard library, other distributions, this one."""
        used = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
        found: dict[str, set[str]] = {}
        for name in used:
            home = self.own.get(name) or _KNOWN.get(name)
            if home is not None:
                found.setdefault(home, set()).add(name)
        mine = set(self.own.values())
        sections = (
            [home for home in found if home in _STANDARD],
            [home for home in found if home not in _STANDARD | mine],
            [home for home in found if home in mine],
        )
        for number, homes in enumerate(sections):
            whole = sorted(used & _WHOLE) if number == 1 else []
            lines = [f"import {name}" for name in whole]
            lines += [_import(home, found[home]) for home in sorted(homes)]
            if lines:
                yield "\n".join(lines)


def _separated(code: str) -> str:
    """Code after the imports: two blank lines before a class or function, one before a value."""
    blank = "\n\n\n" if code.startswith(("@", "class ", "def ", "async ")) else "\n\n"
    return f"{blank}{code}\n"


def _import(home: str, names: Iterable[str]) -> str:
    ordered = sorted(names, key=_order)
    line = f"from {home} import {', '.join(ordered)}"
    if len(line) <= LINE_CHARACTERS:
        return line
    return "\n".join([f"from {home} import (", *(f"    {name}," for name in ordered), ")"])


def _order(name: str) -> tuple[int, str]:
    """Constants, then classes, then the rest: the order of sorters of imports."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)
