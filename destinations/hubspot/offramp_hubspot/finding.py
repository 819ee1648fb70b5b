"""Finds records by a property: HubSpot's batch read where it is unique, else its search.

A search does not find what was created a moment ago, so what this host created is remembered.
Source: HubSpot's developer documentation, pages "Search the CRM" and "Read a batch of contacts".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from typing import Any, Final

from offramp import Request, Response
from offramp_hubspot.api import call, objects
from offramp_hubspot.properties import CONTACTS, EMAIL, is_unique

#: The largest page of a search.
SEARCH_PAGE: Final = 200
#: How long what was created is remembered. HubSpot says that a search finds it after some moments;
#: this is longer.
SEARCH_LAG: Final = timedelta(minutes=2)
#: The other addresses of a contact, each of which finds it.
_MORE_EMAILS: Final = "hs_additional_emails"


async def find_records(
    request: Request[Any], kind: str, by: str, keys: Collection[str]
) -> dict[str, list[str]]:
    """Key -> the ids of all records whose property `by` has that value; not of unknown keys."""
    unique = await is_unique(request, kind, by)
    results = await (_read if unique else _search)(request, kind, by, keys)
    found: dict[str, list[str]] = {}
    for result in results:
        for key in _keys_of(result["properties"], by) & set(keys):
            found.setdefault(key, []).append(result["id"])
    for key in set(keys) - found.keys():
        created = request.cache.get(_created_key(kind, by, key))
        if created is not None:
            found[key] = [created]
    return found


def remember(request: Request[Any], kind: str, by: str, answer: Response) -> None:
    """Remember the records that a request created, until a search finds them."""
    for result in answer.json().get("results", ()):
        for key in _keys_of(result.get("properties", {}), by):
            request.cache.set(_created_key(kind, by, key), result["id"], expires=SEARCH_LAG)


async def _read(
    request: Request[Any], kind: str, by: str, keys: Iterable[str]
) -> list[dict[str, Any]]:
    properties = [by, _MORE_EMAILS] if (kind, by) == (CONTACTS, EMAIL) else [by]
    body = {"idProperty": by, "properties": properties, "inputs": [{"id": key} for key in keys]}
    # The answer lists the records that do not exist as errors: here they are just not found.
    answer = await call(request, "POST", objects(kind, "batch", "read"), json=body)
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


async def _search(
    request: Request[Any], kind: str, by: str, keys: Iterable[str]
) -> list[dict[str, Any]]:
    wanted = {"propertyName": by, "operator": "IN", "values": list(keys)}
    body = {"filterGroups": [{"filters": [wanted]}], "properties": [by], "limit": SEARCH_PAGE}
    found: list[dict[str, Any]] = []
    after: str | None = "0"
    while after is not None:
        answer = await call(request, "POST", objects(kind, "search"), json={**body, "after": after})
        page = answer.json()
        found += page["results"]
        after = page.get("paging", {}).get("next", {}).get("after")
    return found


def _keys_of(properties: Mapping[str, Any], by: str) -> set[str]:
    """The keys under which a record is found."""
    values = [properties.get(by) or "", *(properties.get(_MORE_EMAILS) or "").split(";")]
    return {value.strip().lower() for value in values if value}


def _created_key(kind: str, by: str, key: str) -> str:
    return f"created/{kind}/{by}/{key}"
