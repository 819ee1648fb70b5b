"""The audiences of an instance as a document has them: read, checked, and masked."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, TypeAlias

import attrs

from offramp.config.model import Config, Instance
from offramp.config.options import keys_of, read_options, write_options
from offramp.config.references import References, follow
from offramp.config.settings import read_settings, settings_faults
from offramp.config.table import Table, name_fault
from offramp.definition import Audience, Fields, option
from offramp.errors import ConfigError, Fault, join_place
from offramp.plugins import Catalog

#: Whether the partner has an audience: `unknown` where the answer to its creation was lost,
#: `not_needed` where the destination creates none.
AudienceState: TypeAlias = Literal["created", "not_created", "unknown", "not_needed"]
#: What the host writes of an audience.
_OF_THE_HOST: Final = ("external_id", "creation_begun")


@attrs.frozen(kw_only=True)
class InstanceAudience:
    """One audience of an instance."""

    #: What events name it by: `context.personas.computation_key`.
    key: str
    name: str = option(
        default="", default_text="its key", description="its name for people and the partner"
    )
    settings: Mapping[str, Any] = option(
        default=attrs.Factory(dict),
        default_text="empty",
        description="what the destination asks of an audience, by its own names",
        hidden=True,
    )
    external_id: str | None = option(
        default=None,
        description="the partner's id of it. The host writes it; where a document leaves it out, "
        "the known one stays",
    )
    creation_begun: bool = option(
        default=False,
        description="whether the partner was asked to create it and the answer is not known; "
        "the host writes it",
    )

    @property
    def shown_name(self) -> str:
        """Its name, or the key where it has none."""
        return self.name or self.key


def audiences_of(instance: Instance) -> dict[str, InstanceAudience]:
    """The audiences of an instance, by key."""
    return {key: InstanceAudience(key=key, **each) for key, each in instance.audiences.items()}


def audience_state(audience: InstanceAudience, declared: Audience | None) -> AudienceState:
    """Whether the partner has an audience, as far as the host knows."""
    if audience.external_id is not None:
        return "created"
    if declared is None or declared.create is None:
        return "not_needed"
    return "unknown" if audience.creation_begun else "not_created"


def pending_audiences(
    config: Config, catalog: Catalog
) -> Iterator[tuple[Instance, InstanceAudience, AudienceState]]:
    """Each audience that is not created, or may not be, with its instance and its state.

    Those of disabled instances are left out.
    """
    for instance in config.instances.values():
        entry = catalog.get(instance.destination) if instance.audiences else None
        if entry is None or not instance.enabled:
            continue
        for audience in audiences_of(instance).values():
            state = audience_state(audience, entry.destination.audience)
            if state in {"not_created", "unknown"}:
                yield instance, audience, state


def audience_remedy(
    instance: Instance, audience: InstanceAudience, state: AudienceState
) -> str | None:
    """What to do about an audience in a state; nothing if it is as it should be."""

    def command(action: str, *more: str) -> str:
        words = ["offramp", "audiences", action, instance.name, audience.key]
        return " ".join([shlex.join(words), *more])

    match state:
        case "not_created":
            return f"`{command('create')}` creates it"
        case "unknown":
            return (
                f"look at the partner: if it is there, `{command('adopt', 'ID')}` uses it; "
                f"otherwise `{command('create', '--again')}` creates it"
            )
        case _:
            return None


def with_audience(instance: Instance, audience: InstanceAudience) -> Instance:
    """The instance with an audience added or replaced."""
    written = {**instance.audiences, audience.key: write_options(audience)}
    return attrs.evolve(instance, audiences=written)


def without_audience(instance: Instance, key: str) -> Instance:
    """The instance without one of its audiences."""
    left = {other: each for other, each in instance.audiences.items() if other != key}
    return attrs.evolve(instance, audiences=left)


def read_audiences(  # noqa: PLR0913 - what is read, and what it stands on
    given: Mapping[str, Any],
    declared: Audience | None,
    before: Mapping[str, Any],
    place: str,
    faults: list[Fault],
    *,
    moved: bool = False,
) -> dict[str, Any]:
    """Audiences as written, each fault set down; what only the host knows is kept from `before`.

    Not so where the instance has `moved` into its sandbox or out of it: the ids of one mean nothing
    to the other.
    """
    if declared is None:
        if given:
            faults.append(Fault(place, "the destination has no audiences: leave them out"))
        return {}
    found = {}
    for key, data in given.items():
        message = name_fault(key)
        if message:
            faults.append(Fault(join_place(place, key), f"the key {message}"))
        table = Table(data, join_place(place, key), faults, keys=keys_of(InstanceAudience))
        fields = declared.declared_fields
        audience = _read(key, table, fields, before.get(key, {}), faults, moved=moved)
        found[key] = write_options(audience)
    return found


def resolve_audiences(
    instance: Instance, fields: Fields, references: References
) -> dict[str, InstanceAudience]:
    """The audiences of an instance by key, with what the references in their settings stand for.

    Raises `ConfigError` as `resolve_settings` does.
    """
    faults: list[Fault] = []
    place = join_place(join_place("instances", instance.name), "audiences")
    resolved = {}
    for key, each in audiences_of(instance).items():
        at = join_place(join_place(place, key), "settings")
        settings = follow(each.settings, fields, references, at, faults)
        resolved[key] = attrs.evolve(each, settings=settings)
    if faults:
        raise ConfigError(faults)
    return resolved


def _read(  # noqa: PLR0913 - what an audience is read from, and what it was
    key: str,
    table: Table,
    fields: Fields,
    before: Mapping[str, Any],
    faults: list[Fault],
    *,
    moved: bool,
) -> InstanceAudience:
    values = read_options(InstanceAudience, table)
    place = table.at("settings")
    kept = before.get("settings", {})
    settings = read_settings(values.get("settings", {}), fields, kept, place, faults)
    faults += settings_faults(settings, fields, place)
    known = {name: before[name] for name in _OF_THE_HOST if name in before}
    if moved:
        # An id that stands there unchanged was only copied; another one is taken as it is written.
        values = {name: each for name, each in values.items() if known.get(name) != each}
    elif "external_id" not in values:
        values = {**known, **values}
    return InstanceAudience(key=key, **{**values, "settings": settings})
