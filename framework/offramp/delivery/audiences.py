"""The audiences of an instance, laid into events, and as the code of a plugin gets them."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final

import attrs

from offramp import _json
from offramp._json import Projection, Reads
from offramp.config import (
    Instance,
    InstanceAudience,
    References,
    referenced_values,
    resolve_audiences,
)
from offramp.config.secrets import change_secrets, secrets_by_place
from offramp.definition import Audience, AudienceDetails, defaults_of, personas_of
from offramp.delivery.failures import NotReadyError
from offramp.errors import PayloadError, RejectedError
from offramp.http import Mask, make_mask
from offramp.payload import compile_careful, structurer
from offramp.plugins import CatalogEntry

#: Where an event says of which audience it speaks.
PERSONAS: Final = ("context", "personas")
NOT_CREATED: Final = "AUDIENCE_NOT_CREATED"
#: What an event that names an audience of the instance speaks of, where it does not say.
_CLASS: Final = "audience"


@attrs.frozen(kw_only=True, eq=False)
class Audiences:
    """The audiences of one instance whose destination declares audiences."""

    instance: Instance
    entry: CatalogEntry
    declared: Audience
    #: Those that are configured, by key.
    known: Mapping[str, AudienceDetails]
    #: By key, what the `context.personas` of an event gets where it has nothing.
    laid: Mapping[str, Mapping[str, Any]] = attrs.field(repr=False)
    #: What is masked wherever it is shown.
    secrets: tuple[str, ...] = attrs.field(default=(), repr=False)
    _settings: Callable[[Any], Any] = attrs.field(repr=False)

    @cached_property
    def uncreated(self) -> frozenset[str]:
        """The audiences that the partner still has to create."""
        if self.declared.create is None:
            return frozenset()
        return frozenset(key for key, each in self.known.items() if each.external_id is None)

    def is_outdated(self, references: References) -> bool:
        """Whether a reference in a setting stands for something else now.

        Raises `ConfigError` if one cannot be followed.
        """
        read = make_audiences(self.instance, self.entry, references)
        return read is None or read.laid != self.laid

    @property
    def mask(self) -> Mask:
        """Masks the secrets in the settings of audiences."""
        return make_mask(self.secrets)

    def reader(self, reads: Reads) -> Callable[[bytes], Any]:
        """Read of a stored event what is asked for, with its audience laid in.

        What is returned raises `NotReadyError` for an event of an audience that is not created yet.
        """
        uncreated = self.uncreated
        if not self.known or not (uncreated or _touches(reads)):
            return Projection(reads).read
        read = Projection(None if reads is None else reads | {PERSONAS}).read

        def laid(body: bytes) -> Any:
            event = read(body)
            if uncreated:
                self.refuse_uncreated(event)
            return self.lay(event)

        return laid

    def lay(self, event: dict[str, Any]) -> dict[str, Any]:
        """The event with what is known of its audience; what it carries itself stays."""
        own = personas_of(event)
        laid = None if own is None else self._laid(own)
        if own is None or not laid:
            return event
        return {**event, "context": {**event["context"], "personas": {**own, **laid}}}

    def origin(self, event: Mapping[str, Any]) -> dict[str, Any] | None:
        """Of which audience an event speaks, and which paths the configuration fills."""
        own = personas_of(event)
        key = None if own is None else own.get("computation_key")
        if own is None or not isinstance(key, str) or not key:
            return None
        known = self.known.get(key)
        return {
            "key": key,
            "name": None if known is None else known.name,
            "paths": [f"$.context.personas.{name}" for name in self._laid(own)],
        }

    def of(self, event: Mapping[str, Any]) -> AudienceDetails | None:
        """The audience that an event names, as an action gets it; it is laid in already.

        Raises `RejectedError` if the settings that the event carries do not fit.
        """
        own = personas_of(event) or {}
        key, external_id = own.get("computation_key"), own.get("external_audience_id")
        key = key if isinstance(key, str) else ""
        if not key and external_id is None:
            return None
        known = self.known.get(key)
        given = own.get("audience_settings")
        try:
            settings = None if given is None else self._settings(given)
        except PayloadError as error:
            message = f"the settings of the audience {key!r} do not fit: {error}"
            raise RejectedError(message, code="INVALID_AUDIENCE_SETTINGS") from error
        return AudienceDetails(
            key=key,
            name=key if known is None else known.name,
            settings=settings,
            external_id=None if external_id is None else str(external_id),
        )

    def group(self, body: bytes) -> bytes:
        """What the stored events of one request have in common: they speak of one audience."""
        own = personas_of(self.lay(_PERSONAS_OF.read(body))) or {}
        names = ("computation_key", "external_audience_id", "audience_settings")
        return _json.dumps([own.get(name) for name in names])

    def refuse_uncreated(self, event: Mapping[str, Any]) -> None:
        """Raise `NotReadyError` for an event that needs an audience that is not created yet."""
        own = personas_of(event) or {}
        key = own.get("computation_key")
        if (
            isinstance(key, str)
            and key in self.uncreated
            and own.get("external_audience_id") is None
        ):
            raise NotReadyError(
                f"the audience {key!r} is not created at the partner yet: create it with "
                f"`{shlex.join(['offramp', 'audiences', 'create', self.instance.name, key])}`",
                code=NOT_CREATED,
            )

    def _laid(self, own: Mapping[str, Any]) -> dict[str, Any]:
        key = own.get("computation_key")
        laid = self.laid.get(key, {}) if isinstance(key, str) else {}
        return {name: value for name, value in laid.items() if own.get(name) is None}


_PERSONAS_OF: Final = Projection(frozenset({PERSONAS}))


def make_audiences(
    instance: Instance, entry: CatalogEntry, references: References
) -> Audiences | None:
    """The audiences of an instance, references followed; `None` if its destination has none.

    Raises `ConfigError` if a reference cannot be followed, or if settings do not fit.
    """
    declared = entry.destination.audience
    if declared is None:
        return None
    fields = declared.declared_fields
    defaults = defaults_of(fields)
    check, structure = compile_careful(fields), structurer(declared.settings_type)
    known, laid, secrets = {}, {}, []
    for key, each in resolve_audiences(instance, fields, references).items():
        settings = check({**defaults, **each.settings})
        secrets += _secrets(instance, each, settings, declared)
        known[key] = AudienceDetails(
            key=key,
            name=each.shown_name,
            settings=structure(settings),
            external_id=each.external_id,
        )
        given = {"external_audience_id": each.external_id, "audience_settings": settings}
        laid[key] = {
            **{name: value for name, value in given.items() if value is not None},
            "computation_class": _CLASS,
        }
    return Audiences(
        instance=instance,
        entry=entry,
        declared=declared,
        known=known,
        laid=laid,
        secrets=tuple(secrets),
        settings=lambda given: structure(check(given)),
    )


def _secrets(
    instance: Instance, audience: InstanceAudience, checked: Mapping[str, Any], declared: Audience
) -> list[str]:
    """The secrets in an audience's settings, what was read for references among them."""
    hidden = secrets_by_place(
        lambda change: change_secrets(declared.declared_fields, checked, change)
    )
    written = instance.audiences[audience.key].get("settings", {})
    found = [*hidden.values(), *referenced_values(written, audience.settings)]
    return [str(value) for value in found if value]


def _touches(reads: Reads) -> bool:
    """Whether reading these paths reads what is laid in."""
    if reads is None:
        return True
    size = len(PERSONAS)
    return any(path[:size] == PERSONAS[: len(path)] for path in reads)
