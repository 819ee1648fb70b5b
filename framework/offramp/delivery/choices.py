"""Fetches the choices of a dynamic field from the partner; nothing of it counts as a delivery."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from typing import Any, Final

import attrs

from offramp import _json
from offramp.definition import (
    UNSET,
    Action,
    Choice,
    ChoicesQuery,
    DynamicChoices,
    FetchChoices,
)
from offramp.definition.awaited import with_place
from offramp.definition.choices import find_dynamic
from offramp.delivery.failures import BoundedPluginCode, PluginFailedError, as_delivery_error
from offramp.delivery.limits import Gate
from offramp.delivery.plan import Plan
from offramp.delivery.runtime import InstanceRuntime
from offramp.delivery.secrecy import masked_texts, shown_code
from offramp.errors import DeliveryError, NotFoundError
from offramp.http import Mask, readable
from offramp.plugins import pick
from offramp.pointers import keys_of_place

#: Seconds for the choices, with the wait for the instance's limits: twice the longest request, so
#: that its own time-out is reported first. Somebody waits before a form.
CHOICES_SECONDS: Final = 20.0


@attrs.frozen(kw_only=True)
class FetchedChoices:
    """What the partner offers, or why it offers nothing; secrets are masked."""

    #: Each with `value`, `label` and `description`.
    choices: tuple[Choice, ...] = ()
    next_page: str | None = None
    error: DeliveryError | None = None
    #: Code and message of the error, masked.
    code: str = ""
    message: str = ""


def dynamic_field(
    action: Action[Any, Any], place: str, *, hook: str | None = None
) -> tuple[ChoicesQuery, FetchChoices]:
    """A query for the dynamic field at a place, and what answers it; an input's with a `hook`.

    Raises `NotFoundError` that lists the dynamic fields.
    """
    declared: Mapping[str, Any] = action.dynamic_fields
    what = f"dynamic field of {action.slug}"
    if hook is not None:
        declared = pick(action.save_hooks, hook, f"save hook of {action.slug}").dynamic_inputs
        what = f"dynamic input of {action.slug}'s {hook}"
    try:
        query = find_dynamic(declared, keys_of_place(place))
    except ValueError:
        query = None
    if query is None:
        pick(declared, place, what)  # raises
        raise NotFoundError(f"no {what} {place!r}")
    fetch = declared[query.field]
    return query, fetch if hook is not None else getattr(action, fetch)


async def fetch_choices(
    runtime: InstanceRuntime, plan: Plan | None, fetch: FetchChoices, query: ChoicesQuery
) -> FetchedChoices:
    """Ask the partner for choices; whatever the plugin raises is in the result.

    The limits of the instance hold, but its circuit breaker neither stops this nor learns of it.
    """
    mask = runtime.mask if plan is None else plan.secrets.mask(runtime.mask, [query.payload])
    found = DynamicChoices()
    async with (
        BoundedPluginCode(CHOICES_SECONDS, "there was no answer") as code,
        AsyncExitStack() as stack,
    ):
        await _place(runtime.gate, stack)
        client = runtime.client(plan)
        client.mask = mask
        found = _checked(await runtime.perform(client, fetch, query), fetch)
        mask = client.mask  # with new tokens, if they were refreshed
    if code.error is None:
        return _shown(found, query.search, mask)
    error = as_delivery_error(code.error)
    return FetchedChoices(
        error=error, code=shown_code(error, mask), message=readable(mask(error.message))
    )


async def _place(gate: Gate, stack: AsyncExitStack) -> None:
    """Take a place at the gate, unless it is closed: a person may be about to mend the cause."""
    if gate.state == "closed" and await gate.enter():
        stack.callback(gate.leave)


def _checked(answer: Any, fetch: FetchChoices) -> DynamicChoices:
    """The answer of a plugin; raises `PluginFailedError` if it has another form."""
    name = with_place(fetch, getattr(fetch, "__name__", "it"))
    if not isinstance(answer, DynamicChoices):
        message = f"{name} returned {type(answer).__name__}, and not DynamicChoices(choices=[...])"
        raise PluginFailedError(message)
    given: Iterable[Any] = answer.choices
    for each in given:
        if not isinstance(each, Choice):
            message = f"{name} returned {each!r} as a choice: write Choice(value, label)"
            raise PluginFailedError(message)
        _json.dumps(each.value)  # raises for what has no JSON form
    return answer


def _shown(found: DynamicChoices, search: str, mask: Mask) -> FetchedChoices:
    wanted = "" if found.searched else search.casefold()
    choices = [
        Choice(masked_texts(each.value, mask), mask(str(each.label)), _description(each, mask))
        for each in found.choices
        if not wanted or wanted in f"{each.label} {each.value}".casefold()
    ]
    next_page = None if found.next_page is None else str(found.next_page)
    return FetchedChoices(choices=tuple(choices), next_page=next_page or None)


def _description(choice: Choice, mask: Mask) -> str | None:
    return None if choice.description is None else mask(str(choice.description))


def literals_of(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """What a mapping says whatever the event is: its literals, without other directives."""
    found = {key: _literal(value) for key, value in mapping.items() if not key.startswith("@")}
    return {key: value for key, value in found.items() if value is not UNSET}


def _literal(value: Any) -> Any:
    match value:
        case {"@literal": literal, **rest} if not rest:
            return _literal(literal)
        case {"@template": str(text), **rest} if not rest and "{{" not in text:
            return text
        case Mapping() if any(key.startswith("@") for key in value):
            return UNSET
        case Mapping():
            return literals_of(value)
        case list():
            # A directive keeps its place, as an index counts the entries.
            return [None if (item := _literal(each)) is UNSET else item for each in value]
    return value
