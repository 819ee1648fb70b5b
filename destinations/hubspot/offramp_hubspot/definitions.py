"""Custom events as an account defines them: to choose from, and to make when a mapping is saved.

Source: HubSpot's developer documentation, page "Define custom events".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from offramp import Choice, ChoicesQuery, DynamicChoices, Field, HTTPError, Request, SaveHook
from offramp_hubspot.api import CONFLICT, VERSION, address, call

#: The name of the hook, which is Segment's.
HOOK: Final = "onMappingSave"
#: Definitions on a page of choices.
PAGE: Final = 100


def _url(*segments: str) -> str:
    return address("events", VERSION, "event-definitions", *segments)


async def event_names(request: Request[Any], query: ChoicesQuery) -> DynamicChoices:
    """The custom events of the account, a page at a time, narrowed by what a person typed."""
    page = await _list(request, search=query.search, after=query.page)
    return DynamicChoices(
        choices=[
            Choice(each["fullyQualifiedName"], each["labels"]["singular"])
            for each in page["results"]
        ],
        next_page=page.get("paging", {}).get("next", {}).get("after"),
        searched=True,
    )


async def event_properties(request: Request[Any], query: ChoicesQuery) -> DynamicChoices:
    """The properties of the custom event that the form has."""
    name = query.payload.get("eventName")
    if not isinstance(name, str) or not name:
        return DynamicChoices()
    answer = await call(request, "GET", _url(name))
    return DynamicChoices(
        choices=[Choice(each["name"], each["label"]) for each in answer.json()["properties"]]
    )


async def define_event(request: Request[Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Define a custom event for contacts, or find the one that has this name already."""
    name = inputs["name"]
    properties = [
        {"name": each, "label": each, "type": "string"} for each in inputs.get("properties") or ()
    ]
    body = {
        "name": name,
        "label": inputs["label"],
        "primaryObject": "CONTACT",
        "propertyDefinitions": properties,
    }
    try:
        answer = await call(request, "POST", _url(), json=body)
    except HTTPError as error:
        if error.status != CONFLICT:
            raise
        page = await _list(request, search=name)
        existing = [each for each in page["results"] if each["name"] == name]
        if not existing:
            raise
        return {"eventName": existing[0]["fullyQualifiedName"]}
    return {"eventName": answer.json()["fullyQualifiedName"]}


async def _list(request: Request[Any], *, search: str, after: str | None = None) -> dict[str, Any]:
    params = {"limit": str(PAGE)}
    params |= {"searchString": search} if search else {}
    params |= {"after": after} if after else {}
    page: dict[str, Any] = (await call(request, "GET", _url(), params=params)).json()
    return page


define_on_save: Final = SaveHook(
    label="Define the event at HubSpot",
    description=(
        "Saving defines a custom event for contacts, unless there is one of this name; it then "
        "takes the place of the field Event"
    ),
    inputs={
        "name": Field(
            label="Name",
            description="Lower-case letters, digits and underscores; HubSpot puts pe and an id "
            "before it",
            type="string",
            required=True,
        ),
        "label": Field(
            label="Label",
            description="What people at HubSpot see",
            type="string",
            required=True,
        ),
        "properties": Field(
            label="Properties",
            description="The names of the event's properties, which are texts",
            type="string",
            multiple=True,
        ),
    },
    outputs={
        "eventName": Field(
            label="Event", description="The full name of the event at HubSpot", type="string"
        )
    },
    perform=define_event,
)
