"""Save hooks: what an action does with the partner when a subscription is saved."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import attrs

from offramp.definition.awaited import check_awaited, written_wrongly
from offramp.definition.choices import FetchChoices, unknown_field
from offramp.definition.fields import Field, Fields
from offramp.definition.kinds import check_kind, check_values
from offramp.definition.request import Request
from offramp.errors import DefinitionError, Fault

_TEXT: Final = check_kind(str, "a text")
_FIELDS: Final = check_values(Field, "an object: key -> Field(...)")


def _check_dynamic(hook: SaveHook, _: object, given: Mapping[str, FetchChoices]) -> None:
    faults = [
        Fault(f"SaveHook.dynamic_inputs.{name}", message)
        for name, fetch in given.items()
        if (message := _dynamic_fault(hook, name, fetch)) is not None
    ]
    if faults:
        raise DefinitionError(faults)


def _dynamic_fault(hook: SaveHook, name: str, fetch: object) -> str | None:
    if unknown_field(name, hook.inputs):
        return f"{name!r} is not an input; there are {', '.join(hook.inputs) or 'none'}"
    if not callable(fetch):
        return f"is an async function, not {fetch!r}"
    return written_wrongly(fetch, getattr(fetch, "__name__", name))


@attrs.frozen(kw_only=True)
class SaveHook:
    """Something done with the partner when a subscription is saved, such as making a list there."""

    label: str = attrs.field(validator=_TEXT)
    #: What saving will do, as the form says it.
    description: str = attrs.field(validator=_TEXT)
    inputs: Fields = attrs.field(validator=_FIELDS)
    outputs: Fields = attrs.field(validator=_FIELDS)
    #: `(request, inputs) -> outputs`; raises a `DeliveryError` if the partner does not do it.
    perform: Callable[[Request[Any], Mapping[str, Any]], Awaitable[Mapping[str, Any]]] = (
        attrs.field(validator=check_awaited)
    )
    #: Wire name of an input -> the function that fetches its choices.
    dynamic_inputs: Mapping[str, FetchChoices] = attrs.field(factory=dict, validator=_check_dynamic)
