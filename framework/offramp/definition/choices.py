"""Dynamic fields: what a form asks a partner for, what the answer is, and which field is meant."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Final, TypeAlias

import attrs

from offramp.definition.fields import Choice, Fields
from offramp.definition.request import Request

#: Names the keys of an object, and the values of any of its keys. Source: Segment's dynamic fields.
KEYS: Final = "__keys__"
VALUES: Final = "__values__"


@attrs.frozen(kw_only=True)
class ChoicesQuery:
    """What a form asks for: the choices of one field, and what the form holds so far."""

    #: As it is declared: `listId`, `item.price`, `item.__keys__`.
    field: str
    #: The literal values of the mapping so far, by wire name. Directives are left out.
    payload: Mapping[str, Any] = attrs.field(factory=dict)
    #: What a person typed to narrow the choices; empty for all.
    search: str = ""
    #: The `next_page` of the page before; `None` for the first.
    page: str | None = None
    #: Which entry of a list the field is in, counted from 0.
    index: int | None = None
    #: Which key of the object the values are for, if `field` ends with `__values__`.
    key: str | None = None
    #: The inputs of the save hook so far, if the field is one of them.
    inputs: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class DynamicChoices:
    """Choices fetched from the partner, a page at a time."""

    choices: Sequence[Choice] = ()
    next_page: str | None = None
    #: Whether the partner applied the `search` of the query. If not, the host does, in each page.
    searched: bool = False


#: `(request, query) -> choices`; raises a `DeliveryError` if the partner does not give them.
FetchChoices: TypeAlias = Callable[[Request[Any], ChoicesQuery], Awaitable[DynamicChoices]]


def find_dynamic(declared: Collection[str], steps: Sequence[str]) -> ChoicesQuery | None:
    """A query for the dynamic field at a place of a mapping; `None` if there is none.

    `steps` are keys and indices, outermost first: those of `items[0].price` ask for the field
    `items.price`, and those of `data.color` for `data.__values__`, unless `data.color` is declared.
    """
    names = [step for n, step in enumerate(steps) if n == 0 or not step.isdecimal()]
    indices = [int(step) for step in steps[1:] if step.isdecimal()]
    index = indices[-1] if indices else None
    for keys, entry in ((steps, None), (names, index)):
        name, values = ".".join(keys), ".".join([*keys[:-1], VALUES])
        if name in declared:
            return ChoicesQuery(field=name, index=entry)
        if len(keys) > 1 and values in declared:
            return ChoicesQuery(field=values, index=entry, key=keys[-1])
    return None


def unknown_field(name: str, fields: Fields) -> bool:
    """Whether the name of a dynamic field leads to no field, property, keys or values."""
    key, _, rest = name.partition(".")
    field = fields.get(key)
    if field is None or not rest:
        return field is None
    if rest in (KEYS, VALUES) or field.properties is None:
        return False
    return unknown_field(rest, field.properties)
