"""`offramp choices`: what a partner offers for a dynamic field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.text import Text

from offramp.cli.client import API_DEFAULTS, ApiOptions, open_api
from offramp.cli.context import Context
from offramp.cli.mappings import read_mapping
from offramp.cli.render.columns import FittingTable
from offramp.cli.render.errors import place_of
from offramp.cli.render.explanation import short


async def choices(  # noqa: PLR0913 - what a form asks for
    context: Context,
    instance: str,
    action: str,
    field: str,
    *,
    mapping: str | None = None,
    hook: str | None = None,
    inputs: str | None = None,
    search: str = "",
    page: Annotated[str | None, Parameter(help="Another page, as the answer names it.")] = None,
    host: ApiOptions = API_DEFAULTS,
) -> int:
    """Show the values that a partner offers for a field of an action; nothing is delivered.

    The exit status is 1 if the partner gave none because of an error.

    Parameters
    ----------
    instance
        The name of an instance, whose credentials are used.
    action
        The slug of an action.
    field
        The place of a dynamic field, such as list_id, items[0].price or data.__keys__.
    mapping
        What the choices depend on: a mapping as JSON, or @FILE.
    hook
        The save hook, such as onMappingSave, whose input the field is.
    inputs
        The other inputs of the hook, as JSON, or @FILE.
    search
        Only choices that contain this text.
    """
    candidate = {"instance": instance, "action": action, "mapping": read_mapping(mapping)}
    body = {
        "candidate": candidate,
        "field": field,
        "hook": hook,
        "inputs": read_mapping(inputs),
        "search": search,
        "page": page,
    }
    async with open_api(host) as api:
        answer = await api.post("dynamic-choices", body=body)
    for fault in answer["faults"]:
        if fault["pointer"] != "#/trigger":
            context.warn(f"{place_of(fault)}: {fault['detail']}")
    context.show([answer], lambda: _rendered(answer), as_json=host.json)
    return int(answer["error"] is not None)


def _rendered(answer: Mapping[str, Any]) -> RenderableType:
    error = answer["error"]
    if error is not None:
        return Text(f"the partner gave no choices: {error['message']}")
    if not answer["choices"]:
        return Text("no choices" + _more(answer))
    table = FittingTable("value", "label", "description", prose="description")
    for choice in answer["choices"]:
        table.add_row(short(choice["value"]), choice["label"], choice.get("description", ""))
    return Group(table, Text(_more(answer), "dim")) if answer["next_page"] else table


def _more(answer: Mapping[str, Any]) -> str:
    page = answer["next_page"]
    return "" if page is None else f"there are more: --page {page}"
