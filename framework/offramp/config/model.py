"""What an operator configures: sources, instances, subscriptions; plain frozen data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Final, Literal, TypeAlias

import attrs

from offramp.config.labels import DEFAULT_LABEL, all_labelled
from offramp.config.table import name_fault
from offramp.definition import ON_DELETE, option, sync_mode_apart
from offramp.errors import Fault, join_place

#: The three kinds of things that a configuration holds.
Kind: TypeAlias = Literal["source", "instance", "subscription"]
#: The parts of a save hook in a subscription.
INPUTS: Final = "inputs"
OUTPUTS: Final = "outputs"
#: What the audit log tells of: the configuration; grants, keys and tokens beside it; test sends,
#: and runs of save hooks.
AuditKind: TypeAlias = Kind | Literal["grant", "token", "sealing_key", "test_send", "save_hook"]
#: What a write key must be, as a fault tells it.
WRITE_KEY_FORM: Final = "must be printable ASCII characters, with no line break"


def is_write_key(value: Any) -> bool:
    """Whether a value can be a write key: a text, not empty, of printable ASCII characters."""
    return isinstance(value, str) and value != "" and value.isascii() and value.isprintable()


@attrs.frozen(kw_only=True)
class Source:
    """Where events come from; whoever knows the write key may send."""

    name: str
    write_key: str | None = option(
        default=None,
        description="what senders authenticate with: a text, or a reference; short for a key with "
        "the label `default`",
        secret=True,
    )
    write_keys: Mapping[str, str] = option(
        default=attrs.Factory(dict),
        default_text="none",
        unit="key",
        description="up to five keys by label, or a list of `{ label, key }`; each belongs to one "
        "source alone",
        secret=True,
    )
    enabled: bool = option(default=True, description="whether its events are taken")
    paused: bool = option(
        default=False,
        description="whether its events wait, in all its subscriptions; they are taken",
    )
    server_side: bool = option(
        default=False,
        description="whether its events come from your servers alone, and no page or app has a key "
        "of it: only then may they [ask for deletions](collector.md#requests-for-deletions)",
    )

    @property
    def key(self) -> str:
        """What it is known by."""
        return self.name

    @property
    def labelled_keys(self) -> Mapping[str, str]:
        """All its write keys, by label."""
        return all_labelled(self.write_key, self.write_keys)

    def with_keys(self, keys: Mapping[str, str]) -> Source:
        """The source with other keys for the same labels, or for some of them."""
        rest = {label: key for label, key in keys.items() if label in self.write_keys}
        single = None if self.write_key is None else keys.get(DEFAULT_LABEL)
        return attrs.evolve(self, write_key=single, write_keys=rest)

    def place_of_key(self, label: str) -> str:
        """The place of one of its keys in a document."""
        place = join_place("sources", self.name)
        if label not in self.write_keys:
            return join_place(place, "write_key")
        return join_place(join_place(place, "write_keys"), label)


def shared_keys(sources: Iterable[Source]) -> Iterator[Fault]:
    """A fault for each write key that stood before already, with its place."""
    owners: dict[str, Source] = {}
    for source in sources:
        for label, key in source.labelled_keys.items():
            if key in owners:
                whose = f"the source {owners[key].name!r}"
                message = f"is the write key of {whose} too: each needs one of its own"
                yield Fault(source.place_of_key(label), message)
            owners.setdefault(key, source)


@attrs.frozen(kw_only=True)
class Instance:
    """A destination, configured for one source."""

    name: str
    destination: str = option(
        description="slug of a destination; `offramp catalog` lists them",
        required="give the slug of a destination",
    )
    source: str = option(description="name of a source", required="give the name of a source")
    enabled: bool = option(default=True, description="whether anything is sent")
    paused: bool = option(
        default=False, description="whether its events wait, in all its subscriptions"
    )
    sandbox: bool = option(
        default=False,
        description="whether it sends to its destination's sandbox, an emulator on this machine, "
        "and nothing to the partner",
    )
    max_concurrency: int | None = option(
        default=None,
        default_text="adapts",
        description="most requests under way at once",
        minimum=1,
    )
    requests_per_second: float | None = option(
        default=None, default_text="any", description="most requests a second"
    )
    on_delete_paused: bool = option(
        default=False,
        description="whether requests for deletions wait, in its built-in subscription "
        "[`on_delete`](../how-to/deletion.md)",
    )
    #: By wire name; secrets may be references such as `env:NAME` (see `secrets`).
    settings: Mapping[str, Any] = option(
        default=attrs.Factory(dict),
        default_text="empty",
        description="what the destination asks for, by its own names",
        hidden=True,
    )
    #: By key, each as its table is written.
    audiences: Mapping[str, Any] = option(
        default=attrs.Factory(dict),
        default_text="none",
        description="audiences by the key that events name them by, see "
        "[below](#instancesnameaudienceskey)",
        hidden=True,
    )
    oauth: Mapping[str, Any] = option(
        default=attrs.Factory(dict),
        default_text="none",
        description="the app that is registered at a partner with OAuth 2; see "
        "[below](#instancesnameoauth)",
        hidden=True,
    )

    @property
    def key(self) -> str:
        """What it is known by."""
        return self.name


@attrs.frozen(kw_only=True)
class InstanceTable(Instance):
    """An instance as it is written: with its subscriptions."""

    subscriptions: tuple[Mapping[str, Any], ...] = option(
        default=(), description="a list of tables, see below"
    )


@attrs.frozen(kw_only=True)
class Subscription:
    """An action of an instance, with the trigger and the mapping it runs under."""

    #: Name of an instance.
    instance: str
    id: str = option(
        default_text="`INSTANCE/NAME`",
        description="its name in the queue and the ledger; give one to be free to rename the "
        "subscription",
    )
    name: str = option(
        default_text="the preset's",
        description="a name that no other subscription of the instance has",
        check=name_fault,
    )
    #: Name of the preset that it was made from.
    preset: str | None = option(
        default=None,
        description="name of a preset of the destination; gives `name`, `action`, `trigger` (if it "
        "has one) and `mapping`, each of which may be given as well",
    )
    action: str = option(default_text="the preset's", description="slug of an action")
    sync_mode: str | None = option(
        default=None,
        default_text="the preset's, or else the action's",
        description="which of the action's operations it runs, such as `add` or `upsert`; see "
        "[below](#sync-modes)",
    )
    #: None only while it is disabled.
    trigger: str | None = option(
        default=None,
        default_text="the preset's",
        description="which events, in FQL; a disabled subscription may lack one",
    )
    enabled: bool = option(default=True, description="whether it runs")
    paused: bool = option(default=False, description="whether its events wait")
    #: As `BatchTable` writes it.
    batch: Mapping[str, Any] = option(
        default=attrs.Factory(dict),
        default_text="the action's",
        description="how events share requests, within what the action allows; see "
        "[below](#batching)",
    )
    #: Save hook -> its inputs, and its outputs once it has run.
    hooks: Mapping[str, Mapping[str, Any]] = option(
        default=attrs.Factory(dict),
        default_text="none",
        description="the action's save hooks that run when the subscription is saved; see "
        "[below](#save-hooks)",
    )
    #: The whole mapping: defaults and presets are already laid in.
    mapping: Mapping[str, Any] = option(
        default_text="empty",
        description="field -> value or directive; laid over the defaults",
    )

    def __attrs_post_init__(self) -> None:
        """Take the sync mode out of the mapping, where Segment and older versions write it."""
        mapping, mode = sync_mode_apart(self.mapping)
        object.__setattr__(self, "mapping", mapping)
        object.__setattr__(self, "sync_mode", mode if self.sync_mode is None else self.sync_mode)

    @property
    def key(self) -> str:
        """What it is known by."""
        return self.id

    @property
    def built_in(self) -> bool:
        """Whether the host makes it by itself, so that nobody writes or changes it."""
        return self.action == ON_DELETE

    @property
    def pending_hooks(self) -> tuple[str, ...]:
        """The save hooks that have not run with their present inputs."""
        return tuple(name for name, hook in self.hooks.items() if OUTPUTS not in hook)

    @property
    def hook_outputs(self) -> Mapping[str, Mapping[str, Any]]:
        """What the save hooks gave that have run, by name."""
        return {name: hook[OUTPUTS] for name, hook in self.hooks.items() if OUTPUTS in hook}


@attrs.frozen(kw_only=True)
class SubscriptionTable(Subscription):
    """A subscription as it is written: on top of the defaults, or without them."""

    defaults: bool = option(
        default=True,
        description="whether the action's default mappings (and the preset's mapping) hold where "
        "`mapping` says nothing",
    )


Thing: TypeAlias = Source | Instance | Subscription

#: Keys at the top of a document that only the start of a host reads.
START_KEYS: Final = ("plugin_files", "plugins", "host")


@attrs.frozen(kw_only=True)
class DocumentTable:
    """What stands at the top of a document."""

    plugin_files: tuple[str, ...] = option(
        default=(),
        description="Python files with hooks, relative to the file; loaded before the rest is "
        "checked. One that cannot be used holds every instance, as it may sign or redact what is "
        "sent",
    )
    plugins: Mapping[str, Any] = option(
        default=attrs.Factory(dict),
        description="options of plugins, by the plugin's name; see [below](#pluginsname)",
    )
    host: Mapping[str, Any] = option(
        default=attrs.Factory(dict), description="settings of the host itself"
    )
    sources: Mapping[str, Any] = option(default=attrs.Factory(dict), description="sources by name")
    instances: Mapping[str, Any] = option(
        default=attrs.Factory(dict), description="instances by name"
    )


@attrs.frozen(kw_only=True)
class Config:
    """The whole configuration, by name or id, in the order in which it was written."""

    sources: Mapping[str, Source] = attrs.field(factory=dict)
    instances: Mapping[str, Instance] = attrs.field(factory=dict)
    subscriptions: Mapping[str, Subscription] = attrs.field(factory=dict)
    #: By kind and name or id, why a stored document cannot be read: what stands above in its place
    #: is what the audit log has of it, secrets masked, and must not run.
    unreadable: Mapping[tuple[Kind, str], str] = attrs.field(factory=dict)

    @property
    def by_kind(self) -> Mapping[Kind, Mapping[str, Thing]]:
        """Everything by its kind, then by its name or id: sources first."""
        return {
            "source": self.sources,
            "instance": self.instances,
            "subscription": self.subscriptions,
        }

    def subscriptions_of(self, instance: str) -> tuple[Subscription, ...]:
        """The subscriptions of one instance."""
        return self._by_instance.get(instance, ())

    def holders_of(self, subscription: str) -> tuple[tuple[Kind, Thing], ...]:
        """A subscription's source, its instance and itself: each of them may pause it."""
        own = self.subscriptions[subscription]
        instance = self.instances[own.instance]
        source = self.sources[instance.source]
        return ("source", source), ("instance", instance), ("subscription", own)

    def position_of(self, subscription: str) -> int:
        """Which of the subscriptions of its instance one is, by its id; 0 for the first."""
        return self._positions[subscription]

    @cached_property
    def _positions(self) -> Mapping[str, int]:
        return {each.id: n for of in self._by_instance.values() for n, each in enumerate(of)}

    @cached_property
    def _by_instance(self) -> Mapping[str, tuple[Subscription, ...]]:
        found: defaultdict[str, list[Subscription]] = defaultdict(list)
        for each in self.subscriptions.values():
            found[each.instance].append(each)
        return {instance: tuple(of) for instance, of in found.items()}
