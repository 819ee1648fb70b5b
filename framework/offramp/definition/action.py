"""One thing that a destination can do: declared data, a payload class, and `perform`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, Generic, TypeAlias, TypeVar, get_args, get_origin

import attrs

from offramp.definition.awaited import async_wrongly, written_wrongly
from offramp.definition.choices import unknown_field
from offramp.definition.fields import Fields, SyncModeName
from offramp.definition.request import Request
from offramp.definition.save_hook import SaveHook
from offramp.definition.shape import fields_of
from offramp.definition.signatures import taken_wrongly
from offramp.errors import (
    CREDENTIAL_STATUSES,
    DefinitionError,
    DeliveryError,
    Fault,
    is_retryable_status,
)

S = TypeVar("S")
P = TypeVar("P")

#: One entry per payload: `None` where the partner took it, else why it did not.
BatchOutcomes: TypeAlias = "Sequence[DeliveryError | None] | None"

#: Segment's own default for a batch. Source: action-destinations README, "Batching".
DEFAULT_BATCH_EVENTS = 1_000
DEFAULT_BATCH_BYTES = 4_000_000
#: Short enough to deliver within a quarter of a second after accepting.
DEFAULT_LINGER = timedelta(milliseconds=50)

#: The statuses that HTTP has for faults of a request.
CLIENT_STATUSES = range(400, 500)

#: The key of a mapping in which Segment writes the sync mode. Source: Segment's mapping-kit.
SYNC_MODE_KEY: Final = "__segment_internal_sync_mode"

#: What `validate` gets by name.
VALIDATE_NAMED = ("now", "settings", "sync_mode")

_DECORATE = "decorate it with @attrs.frozen (or write dict for payloads without a class)"

_Look: TypeAlias = Callable[[object, str], "str | None"]
#: What an action can be called.
ACTION_SLUG = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


@attrs.frozen(kw_only=True)
class Idempotency:
    """The payload field that is the idempotency key, and how long a partner remembers it."""

    #: Wire name of a field.
    key: str
    window: timedelta


@attrs.frozen(kw_only=True)
class Batch:
    """How many payloads one request may carry, and how long the first waits for more."""

    max_events: int = DEFAULT_BATCH_EVENTS
    #: Size of the payloads as JSON.
    max_bytes: int = DEFAULT_BATCH_BYTES
    linger: timedelta = DEFAULT_LINGER
    #: Wire names of fields whose values must be equal within one batch; few values each.
    keys: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Retry:
    """For how long, and how soon, a delivery is tried again."""

    #: Counted from the moment the event was accepted.
    window: timedelta = timedelta(hours=24)
    #: The longest wait after the first attempt; it doubles with each attempt, up to `wait_max`.
    wait_initial: timedelta = timedelta(seconds=1)
    wait_max: timedelta = timedelta(minutes=10)


@attrs.frozen(kw_only=True)
class SyncMode:
    """Which operations a subscription of the action may choose between."""

    default: SyncModeName
    label: str
    description: str
    choices: tuple[tuple[SyncModeName, str], ...]


def sync_mode_apart(mapping: Mapping[str, Any]) -> tuple[Mapping[str, Any], Any]:
    """A mapping without the sync mode that Segment writes into it, and that mode, or `None`."""
    if SYNC_MODE_KEY not in mapping:
        return mapping, None
    rest = {key: value for key, value in mapping.items() if key != SYNC_MODE_KEY}
    return rest, mapping[SYNC_MODE_KEY]


class Action(Generic[S, P]):
    """Subclass with the settings and payload classes: `class SendEvent(Action[Settings, Usage])`.

    An action holds no state: one instance serves every subscription at once.
    """

    slug: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str] = ""
    hidden: ClassVar[bool] = False
    #: The trigger that a form starts from; prefer presets.
    default_trigger: ClassVar[str | None] = None
    idempotency: ClassVar[Idempotency | None] = None
    #: Limits of a batch; payloads are sent in batches if `perform_batch` is defined. An operator
    #: may narrow them.
    batch: ClassVar[Batch | None] = None
    retry: ClassVar[Retry] = Retry()
    #: Statuses, besides 400, 409, 413 and 422, by which the partner refuses the content of a
    #: request: a batch that is refused with one of them is halved, to find the payload.
    content_statuses: ClassVar[Collection[int]] = ()
    #: Whether a call may end without a request; otherwise that is reported as the plugin's bug.
    may_send_nothing: ClassVar[bool] = False
    sync_mode: ClassVar[SyncMode | None] = None
    #: Such as `onMappingSave`: a name that is no field of the action.
    save_hooks: ClassVar[Mapping[str, SaveHook]] = {}
    #: Wire name of a dynamic field -> the name of the method that fetches its choices, which gets
    #: `(request, query: ChoicesQuery)`. A property is `item.price`, the entries of a list have its
    #: name, the keys of an object are `item.__keys__`, the values of any key `item.__values__`.
    dynamic_fields: ClassVar[Mapping[str, str]] = {}
    #: Filled from the payload class; set it only where the payload is a plain `dict`.
    fields: ClassVar[Fields] = {}
    payload_type: ClassVar[type[Any]] = dict
    #: The settings that this action reads, which may be fewer than the destination's.
    settings_type: ClassVar[type[Any]] = dict

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Read the payload class from the type arguments, and its fields from the class."""
        super().__init_subclass__(**kwargs)
        settings_type, payload_type = _type_arguments(cls)
        _refuse_plain(cls, {"settings": settings_type, "payload": payload_type})
        if _is_class(settings_type):
            cls.settings_type = settings_type
        if _is_class(payload_type):
            cls.payload_type = payload_type
            cls.fields = fields_of(payload_type)
        _check(cls)

    async def perform(self, request: Request[S], payload: P) -> object:
        """Deliver one payload; raise a `DeliveryError` where the partner does not take it.

        If `perform_batch` is defined, only payloads of subscriptions that do not batch come here.
        """
        raise NotImplementedError

    async def perform_batch(self, request: Request[S], payloads: Sequence[P]) -> BatchOutcomes:
        """Deliver a batch, also one of one: return None if all were taken, else one entry for each.

        It may simply raise: if the content is at fault, the host finds the bad payload.
        """
        raise NotImplementedError

    def validate(
        self,
        payload: P,  # noqa: ARG002 - the default finds no fault
        *,
        now: datetime,  # noqa: ARG002
        settings: S,  # noqa: ARG002
        sync_mode: str | None,  # noqa: ARG002
    ) -> Iterable[Fault]:
        """Faults for which the partner is known to refuse a payload; a pure function.

        It is called before anything is sent; a payload with a fault is rejected. The settings are
        the instance's, the sync mode is the subscription's. What is not needed is `**_: object`.
        """
        return ()

    @property
    def performs(self) -> bool:
        """Whether the action defines `perform`."""
        return type(self).perform is not Action.perform

    @property
    def batches(self) -> bool:
        """Whether the action delivers several payloads in one request."""
        return type(self).perform_batch is not Action.perform_batch


def _type_arguments(cls: type[Any]) -> tuple[Any, ...]:
    for base in getattr(cls, "__orig_bases__", ()):
        origin = get_origin(base)
        if origin is Action:
            return get_args(base)
        if isinstance(origin, type) and issubclass(origin, Action):
            # The base is a generic class of the author's: fill in its type variables.
            filled = dict(zip(getattr(origin, "__parameters__", ()), get_args(base), strict=True))
            return tuple(filled.get(each, each) for each in _type_arguments(origin))
    return None, None


def _refuse_plain(cls: type[Any], arguments: Mapping[str, Any]) -> None:
    """Refuse a class without fields, whose payloads would be plain dicts."""
    faults = [
        Fault(cls.__qualname__, f"its {what} class {kind.__qualname__} has no fields: {_DECORATE}")
        for what, argument in arguments.items()
        if isinstance(kind := get_origin(argument) or argument, type)
        and kind is not Any
        and not attrs.has(kind)
        and not issubclass(kind, Mapping)
    ]
    if faults:
        raise DefinitionError(faults)


def _is_class(argument: Any) -> bool:
    return attrs.has(get_origin(argument) or argument)


def _check(cls: type[Action[Any, Any]]) -> None:
    if not hasattr(cls, "slug"):  # a base class of the author's own
        return
    faults = [
        Fault(f"{cls.__qualname__}.{method}", fault)
        for method, look in _methods(cls)
        if (fault := look(inspect.getattr_static(cls, method, None), method)) is not None
    ]
    if not ACTION_SLUG.fullmatch(cls.slug):
        faults.append(Fault(f"{cls.__qualname__}.slug", f"{cls.slug!r} is not a name"))
    named = {
        "idempotency": [cls.idempotency.key] if cls.idempotency else [],
        "batch.keys": list(cls.batch.keys) if cls.batch else [],
    }
    for place, keys in named.items():
        faults += [
            Fault(f"{cls.__qualname__}.{place}", f"{key!r} is not a field; there are {_known(cls)}")
            for key in keys
            if key.partition(".")[0] not in cls.fields
        ]
    faults += [*_dynamic_faults(cls), *_hook_faults(cls), *_content_status_faults(cls)]
    if faults:
        raise DefinitionError(faults)


def _dynamic_faults(cls: type[Action[Any, Any]]) -> Iterable[Fault]:
    given: Mapping[str, object] = cls.dynamic_fields
    for name, method in given.items():
        if unknown_field(name, cls.fields):
            message = f"{name!r} is not a field; there are {_known(cls)}"
            yield Fault(f"{cls.__qualname__}.dynamic_fields", message)
        place = f"{cls.__qualname__}.dynamic_fields.{name}"
        if not isinstance(method, str):
            yield Fault(place, f"is the name of the method that fetches choices, not {method!r}")
        elif not callable(getattr(cls, method, None)):
            message = f"there is no method {method!r}, which is to fetch its choices: write it"
            yield Fault(place, message)


def _hook_faults(cls: type[Action[Any, Any]]) -> Iterable[Fault]:
    given: Mapping[str, object] = cls.save_hooks
    for name, hook in given.items():
        place = f"{cls.__qualname__}.save_hooks.{name}"
        if not isinstance(hook, SaveHook):
            yield Fault(place, f"is a SaveHook(label=..., ...), not {hook!r}")
        if name in cls.fields:
            yield Fault(place, f"{name!r} is a field of the action too: give the hook another name")


def _content_status_faults(cls: type[Action[Any, Any]]) -> Iterable[Fault]:
    for status in cls.content_statuses:
        wrong = None
        if status not in CLIENT_STATUSES:
            wrong = "is not a status of 400 to 499"
        elif status in CREDENTIAL_STATUSES:
            wrong = "refuses the credentials, which concern all events: raise a RejectedError"
        elif is_retryable_status(status):
            wrong = "is tried again: raise a RejectedError where the content is at fault"
        if wrong is not None:
            yield Fault(f"{cls.__qualname__}.content_statuses", f"{status!r} {wrong}")


def _methods(cls: type[Action[Any, Any]]) -> Iterable[tuple[str, _Look]]:
    """The methods that the host calls, each with the check whether it is async or not."""
    methods: Iterable[object] = ("perform", "perform_batch", *cls.dynamic_fields.values())
    for method in methods:
        if isinstance(method, str):
            yield method, written_wrongly
    yield "validate", _validates_wrongly


def _validates_wrongly(function: object, name: str) -> str | None:
    fault = async_wrongly(function, name)
    return fault or taken_wrongly(function, name, ("self", "payload"), VALIDATE_NAMED)


def _known(cls: type[Action[Any, Any]]) -> str:
    return ", ".join(cls.fields) or "none"
