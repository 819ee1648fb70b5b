"""A document becomes a checked configuration, or every fault in it is told at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import attrs

from offramp.config.audiences import read_audiences
from offramp.config.files import Document
from offramp.config.host import HostSettings, read_host
from offramp.config.labels import check_labelled
from offramp.config.model import (
    WRITE_KEY_FORM,
    Config,
    DocumentTable,
    Instance,
    InstanceTable,
    Source,
    Subscription,
    SubscriptionTable,
    is_write_key,
    shared_keys,
)
from offramp.config.oauth import read_oauth
from offramp.config.options import keys_of, read_options
from offramp.config.plugins import plugin_tables
from offramp.config.sandbox import sandbox_settings
from offramp.config.settings import put_back, read_settings, settings_faults
from offramp.config.subscriptions import read_subscription, read_unchecked
from offramp.config.table import Table, name_fault, plain_data
from offramp.config.unreadable import known_keys
from offramp.errors import ConfigError, Fault, NotFoundError, join_place
from offramp.plugins import Catalog, CatalogEntry, pick

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Loaded:
    """What a document says: the configuration, the host's own settings, and site plugins."""

    config: Config
    host: HostSettings
    #: Python files, to be loaded by `offramp.plugins.load_plugins(files=...)`.
    plugin_files: tuple[Path, ...] = ()
    #: What could not be read as it is written, as a plugin is left out that may declare it.
    unread: tuple[Fault, ...] = ()


@attrs.frozen(kw_only=True)
class _Reading:
    catalog: Catalog
    current: Config
    faults: list[Fault]
    #: Whether an instance may stay as it was where a plugin is left out, and where one did.
    keep: bool
    unread: list[Fault] = attrs.field(factory=list)


def parse_config(
    document: Document | Mapping[str, Any],
    catalog: Catalog,
    *,
    current: Config | None = None,
    keep_unread: bool = False,
) -> Loaded:
    """Check a document, or a dict in the shape of `offramp.toml`, and read what it says.

    A masked secret (`***`) stands for the one in `current`. With `keep_unread`, an instance that
    speaks of what a plugin may declare that is left out stays as it is in `current`, or is taken
    as it is written where it is new: the host can start, and its events wait.

    Raises `ConfigError` with every fault and its place, such as
    `instances.billing.subscriptions[1].trigger, column 7`; no message holds a secret.
    """
    if not isinstance(document, Document):
        document = Document(data=document)
    faults: list[Fault] = []
    data = plain_data(document.data, "", faults)
    reading = _Reading(
        catalog=catalog, current=current or Config(), faults=faults, keep=keep_unread
    )
    top = Table(data, "", faults, keys=keys_of(DocumentTable))
    plugin_tables(data, faults)
    host = read_host(top.object("host"), document.folder, faults)
    _check_plugins(top, document, faults)
    written = top.object("sources")
    sources = _named("sources", written, faults, lambda name, each: _source(reading, name, each))
    faults += shared_keys(sources.values())
    subscriptions: list[tuple[str, Subscription]] = []
    instances = _named(
        "instances",
        top.object("instances"),
        faults,
        lambda name, each: _instance_or_kept(reading, name, each, written, subscriptions),
    )
    _check_subscriptions(subscriptions, faults)
    if faults:
        raise ConfigError(faults)
    config = Config(
        sources=sources,
        instances=instances,
        subscriptions={each.id: each for _, each in subscriptions},
    )
    unread = tuple(reading.unread)
    return Loaded(config=config, host=host, plugin_files=document.plugin_files, unread=unread)


def _named(
    kind: str,
    written: Mapping[str, Any],
    faults: list[Fault],
    read: Callable[[str, Any], T | None],
) -> dict[str, T]:
    found = {}
    for name, data in written.items():
        message = name_fault(name)
        if message:
            faults.append(Fault(join_place(kind, name), f"the name {message}"))
        thing = read(name, data)
        if thing is not None:
            found[name] = thing
    return found


def _source(reading: _Reading, name: str, data: Any) -> Source | None:
    table = Table(data, join_place("sources", name), reading.faults, keys=keys_of(Source))
    values = read_options(Source, table)
    check_labelled(table, "write_key", "write_keys", values)
    source = Source(name=name, **values)
    if "write_key" not in table and not table.get("write_keys"):
        table.fault("write_key", 'is missing: write one, or a reference such as "env:WRITE_KEY"')
    if not source.labelled_keys:
        return None
    current = reading.current.sources.get(name)
    if source == current and known_keys(reading.current, source) != source.labelled_keys:
        return current  # it cannot be read, and nothing new is said of it
    before = {} if current is None else current.labelled_keys
    keys = {}
    for label, written in source.labelled_keys.items():
        place = source.place_of_key(label)
        keys[label] = put_back(written, before.get(label), place, reading.faults)
        if not is_write_key(keys[label]):
            reading.faults.append(Fault(place, WRITE_KEY_FORM))
    return source.with_keys(keys)


def _instance_or_kept(
    reading: _Reading,
    name: str,
    data: Any,
    sources: Mapping[str, Any],
    subscriptions: list[tuple[str, Subscription]],
) -> Instance | None:
    """An instance as it is written, or as it was where that depends on a plugin left out."""
    faults, unread = len(reading.faults), len(reading.unread)
    read: list[tuple[str, Subscription]] = []
    instance = _instance(reading, name, data, sources, read)
    found = reading.faults[faults:] + reading.unread[unread:]
    before = _before(reading, name, data, sources)
    if found and before is not None:
        del reading.faults[faults:], reading.unread[unread:]
        place = join_place("instances", name)
        message = "; ".join(map(str, found))
        reading.unread.append(Fault(place, f"stays as it was, as a plugin is left out: {message}"))
        of = reading.current.subscriptions_of(name)
        read = [(f"{place}.subscriptions[{index}]", each) for index, each in enumerate(of)]
        instance = before
    subscriptions += read
    return instance


def _before(reading: _Reading, name: str, data: Any, sources: Mapping[str, Any]) -> Instance | None:
    """The instance in force, where it may stay in the place of what cannot be read now."""
    before = reading.current.instances.get(name)
    if not reading.keep or before is None or not reading.catalog.is_partial:
        return None
    same = isinstance(data, Mapping) and data.get("destination") == before.destination
    return before if same and before.source in sources else None


def _instance(
    reading: _Reading,
    name: str,
    data: Any,
    sources: Mapping[str, Any],
    subscriptions: list[tuple[str, Subscription]],
) -> Instance | None:
    table = Table(data, join_place("instances", name), reading.faults, keys=keys_of(InstanceTable))
    values = read_options(InstanceTable, table)
    slug, source = values.get("destination"), values.get("source")
    entry = _entry(reading, table, slug)
    if source is not None:
        _known(table, "source", lambda: pick(sources, source, "source"))
    before = reading.current.instances.get(name)
    if before is not None and entry is not None and before.destination != entry.slug:
        before = None  # its secrets are not for another destination
    moved = before is not None and before.sandbox != values.get("sandbox", False)
    _check_sandbox(table, values, entry)
    values["settings"] = _settings(reading, table, values, before, entry)
    if entry is not None:
        values["audiences"] = read_audiences(
            values.get("audiences", {}),
            entry.destination.audience,
            {} if before is None else before.audiences,
            table.at("audiences"),
            reading.faults,
            moved=moved,
        )
    if "oauth" in values:
        values["oauth"] = _oauth(reading, table, values["oauth"], before, entry)
    current = (
        {} if before is None else {each.id: each for each in reading.current.subscriptions_of(name)}
    )
    for index, each in enumerate(values.pop("subscriptions", ())):
        place = join_place(table.at("subscriptions"), index)
        inner = Table(each, place, reading.faults, keys=keys_of(SubscriptionTable))
        if entry is None and slug is not None and reading.keep and reading.catalog.missing(slug):
            read = read_unchecked(inner, name, reading.faults)
        else:
            read = read_subscription(
                inner,
                name,
                entry,
                reading.catalog,
                reading.faults,
                current=current,
                moved=moved,
            )
        if read is not None:
            subscriptions.append((place, read))
    if slug is None or source is None:
        return None
    return Instance(name=name, **values)


def _entry(reading: _Reading, table: Table, slug: str | None) -> CatalogEntry | None:
    if slug is None:
        return None
    missing = reading.catalog.missing(slug)
    if not missing:
        return _known(table, "destination", lambda: reading.catalog[slug])
    problems = "; ".join(map(str, missing))
    message = f"no destination {slug!r}; a plugin that could not be used may declare it: {problems}"
    if reading.keep:
        reading.unread.append(Fault(table.at("destination"), message))
    else:
        table.fault("destination", message)
    return None


def _check_sandbox(table: Table, values: Mapping[str, Any], entry: CatalogEntry | None) -> None:
    """An instance that uses a sandbox needs a destination that declares one."""
    if values.get("sandbox") and entry is not None and entry.destination.sandbox is None:
        table.fault("sandbox", f"the destination {entry.slug!r} declares no sandbox")


def _settings(
    reading: _Reading,
    table: Table,
    values: Mapping[str, Any],
    before: Instance | None,
    entry: CatalogEntry | None,
) -> dict[str, Any]:
    given = values.get("settings", {})
    if entry is None:
        return dict(given)
    place = table.at("settings")
    kept = {} if before is None else before.settings
    settings = read_settings(given, entry.settings, kept, place, reading.faults)
    # They are checked as they are used: with a sandbox's settings over them.
    over = sandbox_settings(entry.destination, used=values.get("sandbox", False))
    faults = settings_faults({**settings, **over}, entry.settings, place)
    if values.get("enabled") is False:
        # An instance can be added first, and its settings filled in before it is enabled.
        missing = {join_place(place, key) for key in entry.settings if key not in settings}
        faults = [fault for fault in faults if fault.place not in missing]
    reading.faults.extend(faults)
    return settings


def _oauth(
    reading: _Reading,
    table: Table,
    written: Mapping[str, Any],
    before: Instance | None,
    entry: CatalogEntry | None,
) -> dict[str, Any]:
    if written and entry is not None and not entry.destination.needs_grant:
        table.fault("oauth", f"the destination {entry.slug!r} does not use OAuth 2")
    kept = {} if before is None else before.oauth
    return read_oauth(written, table.at("oauth"), kept, reading.faults)


def _known(table: Table, key: str, look_up: Callable[[], T]) -> T | None:
    try:
        return look_up()
    except NotFoundError as error:
        table.fault(key, str(error))
        return None


def _check_plugins(top: Table, document: Document, faults: list[Fault]) -> None:
    for index, file in enumerate(top.items("plugin_files", of="paths of Python files")):
        place = join_place("plugin_files", index)
        if not isinstance(file, str):
            faults.append(Fault(place, "must be the path of a Python file"))
        elif not (document.folder / file).is_file():
            faults.append(Fault(place, f"there is no file {document.folder / file}"))


def _check_subscriptions(
    subscriptions: list[tuple[str, Subscription]], faults: list[Fault]
) -> None:
    ids: dict[str, str] = {}
    names: dict[tuple[str, str], str] = {}
    for place, each in subscriptions:
        named = names.setdefault((each.instance, each.name), place)
        if named != place:
            message = f"{each.name!r} is the name of {named} too: give one of them another"
            faults.append(Fault(join_place(place, "name"), message))
        elif (other := ids.setdefault(each.id, place)) != place:
            message = f"{each.id!r} is the id of {other} too: give one of them another"
            faults.append(Fault(join_place(place, "id"), message))
