"""Segment's actions as classes of ours, made from their definitions; the worker performs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final

from offramp import (
    Action,
    BatchOutcomes,
    Choice,
    ChoicesQuery,
    DeliveryError,
    DynamicChoices,
    FetchChoices,
    Request,
    SaveHook,
    SyncMode,
)
from offramp_segment.failures import as_outcomes
from offramp_segment.fields import identifier, read_fields
from offramp_segment.published import Published

#: Keys of a mapping that are Segment's own begin with it.
RESERVED: Final = "__segment_internal"
MATCHING_KEY: Final = f"{RESERVED}_matching_key"
#: Ends the name of a dynamic field that stands for the values of any key of an object.
VALUES: Final = ".__values__"
REFUSED: Final = 400


class PublishedAction(Action[Any, dict[str, Any]]):
    """An action that the worker performs, one event at a time."""

    #: Many of Segment's actions rightly send nothing for some events.
    may_send_nothing = True
    published: ClassVar[Published]

    async def perform(self, request: Request[Any], payload: dict[str, Any]) -> None:
        """Perform the action for one event."""
        [event] = request.events
        given = self._given(request)
        await self.published.call(request, "perform", payload=payload, rawData=event, **given)

    def _given(self, request: Request[Any]) -> dict[str, Any]:
        """What a call gets besides the payload, whether it is for one event or for a batch."""
        mapping = {
            key: value for key, value in request.mapping.items() if not key.startswith(RESERVED)
        }
        hooks = {hook: {"outputs": outputs} for hook, outputs in request.hook_outputs.items()}
        return {
            "action": self.slug,
            "instance": request.instance,
            "mapping": {**mapping, **hooks},
            "syncMode": request.sync_mode,
            "matchingKey": request.mapping.get(MATCHING_KEY),
            "subscriptionMetadata": {
                "actionConfigId": request.subscription or "",
                "destinationConfigId": request.instance,
            },
            "explain": request.explaining,
        }


class PublishedBatchAction(PublishedAction):
    """An action that the worker also performs for many events at once."""

    async def perform_batch(
        self, request: Request[Any], payloads: Sequence[dict[str, Any]]
    ) -> BatchOutcomes:
        """Perform the action for a batch."""
        given = self._given(request)
        events, batch = list(request.events), list(payloads)
        result = await self.published.call(
            request, "performBatch", payload=batch, rawData=events, **given
        )
        return as_outcomes(result)


def action_class(published: Published, slug: str, declared: Mapping[str, Any]) -> Any:
    """The class of an action, from its definition."""
    fields = read_fields(declared["fields"])
    methods = {
        f"choices_{number}": _choices_method(published, slug, name)
        for number, name in enumerate(declared["dynamicFields"])
        if name.partition(".")[0] in fields
    }
    names = [name for name in declared["dynamicFields"] if name.partition(".")[0] in fields]
    base = PublishedBatchAction if declared["performBatch"] else PublishedAction
    body = {
        "__module__": __name__,
        "__doc__": declared["description"],
        "slug": slug,
        "title": declared["title"],
        "description": declared["description"],
        "hidden": declared["hidden"],
        "default_trigger": declared["defaultSubscription"],
        "fields": fields,
        "published": published,
        "sync_mode": _sync_mode(declared["syncMode"]),
        "save_hooks": {
            name: _save_hook(published, slug, name, hook)
            for name, hook in declared["hooks"].items()
        },
        "dynamic_fields": dict(zip(names, methods, strict=True)),
        **methods,
    }
    return type(identifier(f"{slug}_of_{published.directory}"), (base,), body)


def _sync_mode(declared: Mapping[str, Any] | None) -> SyncMode | None:
    if declared is None:
        return None
    return SyncMode(
        default=declared["default"],
        label=declared["label"],
        description=declared["description"],
        choices=tuple((each["value"], each["label"]) for each in declared["choices"]),
    )


def _choices_method(published: Published, slug: str, name: str) -> Callable[..., Any]:
    fetch = _fetch_choices(published, slug, name, None)

    async def choices(self: Any, request: Request[Any], query: ChoicesQuery) -> DynamicChoices:  # noqa: ARG001 - a method
        return await fetch(request, query)

    return choices


def _fetch_choices(published: Published, slug: str, name: str, hook: str | None) -> FetchChoices:
    async def fetch(request: Request[Any], query: ChoicesQuery) -> DynamicChoices:
        of_hook: dict[str, Any] = {}
        if hook is not None:
            of_hook = {"hook": hook, "hookInputs": dict(query.inputs)}
        found = await published.call(
            request,
            "dynamicField",
            action=slug,
            field=place_of(name, query),
            payload=dict(query.payload),
            page=query.page,
            **of_hook,
        )
        _raise_error(found)
        return DynamicChoices(
            choices=[
                Choice(each["value"], str(each.get("label")), each.get("description"))
                for each in found["choices"]
            ],
            next_page=found.get("nextPage") or None,
        )

    return fetch


def place_of(name: str, query: ChoicesQuery) -> str:
    """The place of a dynamic field as Segment writes it: `list.[0].name`, `object.key`."""
    if name.endswith(VALUES):
        return f"{name.removesuffix(VALUES)}.{query.key}"
    if query.index is not None and "." in name:
        parent, _, child = name.partition(".")
        return f"{parent}.[{query.index}].{child}"
    return name


def _save_hook(published: Published, slug: str, name: str, declared: Mapping[str, Any]) -> SaveHook:
    async def run(request: Request[Any], inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        literals = {
            key: value
            for key, value in request.mapping.items()
            if not isinstance(value, Mapping | list) and not key.startswith(RESERVED)
        }
        result = await published.call(
            request, "hook", action=slug, hook=name, hookInputs=dict(inputs), payload=literals
        )
        _raise_error(result)
        return result["savedData"] or {}

    return SaveHook(
        label=declared["label"],
        description=declared["description"],
        inputs=read_fields(declared["inputFields"]),
        outputs=read_fields(declared["outputTypes"]),
        perform=run,
        dynamic_inputs={
            each: _fetch_choices(published, slug, each, name) for each in declared["dynamicFields"]
        },
    )


def _raise_error(result: Mapping[str, Any]) -> None:
    """Raise the error that a form shows, which Segment's functions return."""
    error = result.get("error")
    if error:
        code = str(error.get("code") or REFUSED)
        status = int(code) if code.isdecimal() and len(code) == len(str(REFUSED)) else REFUSED
        raise DeliveryError(str(error.get("message") or code), code=code, status=status)
