"""The choices of a dynamic field, asked of the partner for a form; it is no delivery."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final, TypedDict

import attrs
import msgspec

from offramp.api.candidates import Candidate
from offramp.api.catalog_shapes import ChoiceShape
from offramp.api.drafts import Draft, compiled_draft, draft_of
from offramp.api.given_events import SavedOrCandidate
from offramp.api.host_context import HostContext
from offramp.api.operations import Call, Operation, Reply
from offramp.api.problems import conflict, refuse
from offramp.definition import Choice
from offramp.delivery import FetchedChoices, dynamic_field, fetch_choices, literals_of
from offramp.errors import DeliveryError, NotFoundError
from offramp.pointers import ErrorShape, describe_errors

#: Forms that ask at the same time; each may take 20 s, and starts an instance that does not run.
MAX_AT_ONCE: Final = 8


class DynamicChoicesBody(SavedOrCandidate):
    """A dynamic field of a subscription, saved or a candidate, and what its form holds so far."""

    #: Its place in the mapping: `listId`, `items[0].price`, `data.color`, `data.__keys__`.
    field: str
    #: The save hook, such as `onMappingSave`, whose input it is.
    hook: str | None = None
    #: The inputs of the hook so far.
    inputs: dict[str, Any] = msgspec.field(default_factory=dict)
    #: What a person typed to narrow the choices.
    search: str = ""
    #: The `next_page` of the answer before.
    page: str | None = None


class ChoicesErrorShape(TypedDict):
    """Why the partner gave no choices, secrets masked."""

    code: str
    message: str
    #: The status that the failure stands for.
    status: int


class DynamicChoicesShape(TypedDict):
    """One page of choices, or why there are none: then any value can still be written."""

    #: The field as the action declares it, such as `items.price`.
    field: str
    choices: list[ChoiceShape]
    #: `None` on the last page.
    next_page: str | None
    error: ChoicesErrorShape | None
    #: What is wrong with a candidate, and was left out; pointers into the candidate.
    faults: list[ErrorShape]


class DynamicChoicesResource:
    """Asks partners for choices."""

    def __init__(self, host: HostContext) -> None:
        self._host = host
        self._slots = asyncio.Semaphore(MAX_AT_ONCE)

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        yield Operation(
            method="POST",
            path="/api/dynamic-choices",
            tag="dynamic-choices",
            summary="Ask the partner for the choices of a dynamic field, a page at a time",
            serve=self.ask,
            answer=DynamicChoicesShape,
            body=DynamicChoicesBody,
        )

    async def ask(self, call: Call) -> Reply:
        """Answer with a page of choices."""
        body: DynamicChoicesBody = call.body
        _, config = await self._host.configs.load()
        draft = draft_of(self._host, config, body)
        async with self._slots, compiled_draft(self._host, draft, config) as (draft, candidate):
            return Reply(data=await _asked(body, draft, candidate))


async def _asked(
    body: DynamicChoicesBody, draft: Draft, candidate: Candidate
) -> DynamicChoicesShape:
    plan = candidate.plan
    try:
        query, fetch = dynamic_field(plan.action, body.field, hook=body.hook)
    except NotFoundError as error:
        raise refuse("field", str(error)) from None
    if candidate.runtime is None:
        raise conflict(candidate.problem)
    query = attrs.evolve(
        query,
        payload=literals_of(plan.mapping),
        inputs=body.inputs,
        search=body.search.strip(),
        page=body.page or None,
    )
    found = await fetch_choices(candidate.runtime, plan, fetch, query)
    return {
        "field": query.field,
        "choices": list(map(_choice, found.choices)),
        "next_page": found.next_page,
        "error": None if found.error is None else _error(found, found.error),
        "faults": describe_errors(draft.faults),
    }


def _choice(choice: Choice) -> ChoiceShape:
    shape: ChoiceShape = {"label": choice.label, "value": choice.value}
    if choice.description is not None:
        shape["description"] = choice.description
    return shape


def _error(found: FetchedChoices, error: DeliveryError) -> ChoicesErrorShape:
    return {"code": found.code, "message": found.message, "status": error.status}
