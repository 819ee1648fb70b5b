"""A document becomes a checked configuration, or every fault in it is told at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import attrs

from offramp.config.files import Document
from offramp.config.host import HOST_KEYS, HostSettings, read_host
from offramp.config.model import Config, Instance, Source, Subscription
from offramp.config.settings import put_back, read_settings
from offramp.config.subscriptions import SUBSCRIPTION_KEYS, read_subscription
from offramp.config.table import Table, join_place, name_fault, plain_data
from offramp.errors import ConfigError, Fault, NotFoundError
from offramp.plugins import Catalog, CatalogEntry, pick

T = TypeVar("T")

TOP_KEYS: Final = ("plugins", "host", "sources", "instances")
SOURCE_KEYS: Final = ("write_key", "enabled")
INSTANCE_KEYS: Final = (
    "destination", "source", "settings", "subscriptions", "enabled", "concurrency", "rate",
)  # fmt: skip


@attrs.frozen(kw_only=True)
class Loaded:
    """What a document says: the configuration, the host's own settings, and site plugins."""

    config: Config
    host: HostSettings
    #: Python files, to be loaded by `offramp.plugins.load_plugins(files=...)`.
    plugins: tuple[Path, ...] = ()


@attrs.frozen(kw_only=True)
class _Reading:
    catalog: Catalog
    current: Config
    faults: list[Fault]


def parse_config(
    document: Document | Mapping[str, Any], catalog: Catalog, *, current: Config | None = None
) -> Loaded:
    """Check a document, or a dict in the shape of `offramp.toml`, and read what it says.

    A masked secret (`***`) stands for the one in `current`. Raises `ConfigError` with every fault
    and its place, such as `instances.billing.subscriptions[1].trigger, column 7`; no message
    holds a secret.
    """
    if not isinstance(document, Document):
        document = Document(data=document)
    faults: list[Fault] = []
    data = plain_data(document.data, "", faults)
    reading = _Reading(catalog=catalog, current=current or Config(), faults=faults)
    top = Table(data, "", faults, keys=TOP_KEYS)
    host = read_host(Table(top.object("host"), "host", faults, keys=HOST_KEYS), document.folder)
    _check_plugins(top, document, faults)
    written = top.object("sources")
    sources = _named("sources", written, faults, lambda name, each: _source(reading, name, each))
    _check_write_keys(sources, faults)
    subscriptions: list[tuple[str, Subscription]] = []
    instances = _named(
        "instances",
        top.object("instances"),
        faults,
        lambda name, each: _instance(reading, name, each, written, subscriptions),
    )
    _check_subscriptions(subscriptions, faults)
    if faults:
        raise ConfigError(faults)
    config = Config(
        sources=sources,
        instances=instances,
        subscriptions={each.id: each for _, each in subscriptions},
    )
    return Loaded(config=config, host=host, plugins=document.plugins)


def _named(
    kind: str,
    written: Mapping[str, Any],
    faults: list[Fault],
    read: Callable[[str, Any], T | None],
) -> dict[str, T]:
    found = {}
    for name, data in written.items():
        told = name_fault(name)
        if told:
            faults.append(Fault(join_place(kind, name), f"the name {told}"))
        thing = read(name, data)
        if thing is not None:
            found[name] = thing
    return found


def _source(reading: _Reading, name: str, data: Any) -> Source | None:
    table = Table(data, join_place("sources", name), reading.faults, keys=SOURCE_KEYS)
    key = table.text("write_key", required='write one, or a reference such as "env:WRITE_KEY"')
    enabled = table.flag("enabled", default=True)
    if key is None:
        return None
    current = reading.current.sources.get(name)
    before = None if current is None else current.write_key
    key = put_back(key, before, table.at("write_key"), reading.faults)
    return Source(name=name, write_key=key, enabled=enabled)


def _instance(
    reading: _Reading,
    name: str,
    data: Any,
    sources: Mapping[str, Any],
    subscriptions: list[tuple[str, Subscription]],
) -> Instance | None:
    table = Table(data, join_place("instances", name), reading.faults, keys=INSTANCE_KEYS)
    slug = table.text("destination", required="give the slug of a destination")
    source = table.text("source", required="give the name of a source")
    entry = _entry(reading, table, slug)
    if source is not None:
        _known(table, "source", lambda: pick(sources, source, "source"))
    before = reading.current.instances.get(name)
    if before is not None and entry is not None and before.destination != entry.slug:
        before = None  # its secrets are not for another destination
    settings = _settings(reading, table, before, entry)
    current = (
        {} if before is None else {each.id: each for each in reading.current.subscriptions_of(name)}
    )
    for index, each in enumerate(table.items("subscriptions", of="tables")):
        place = join_place(table.at("subscriptions"), index)
        inner = Table(each, place, reading.faults, keys=SUBSCRIPTION_KEYS)
        read = read_subscription(
            inner, name, entry, reading.catalog, reading.faults, current=current
        )
        if read is not None:
            subscriptions.append((place, read))
    options: dict[str, Any] = {
        "enabled": table.flag("enabled", default=True),
        "concurrency": table.integer("concurrency", minimum=1),
        "rate": table.number("rate", above=0),
    }
    if slug is None or source is None:
        return None
    return Instance(name=name, source=source, destination=slug, settings=settings, **options)


def _entry(reading: _Reading, table: Table, slug: str | None) -> CatalogEntry | None:
    if slug is None:
        return None
    entry = _known(table, "destination", lambda: reading.catalog[slug])
    if entry is None and reading.catalog.problems:
        # The plugin that declares it may be the one that failed.
        told = "; ".join(map(str, reading.catalog.problems))
        table.fault("destination", f"there are plugins that could not be used: {told}")
    return entry


def _settings(
    reading: _Reading, table: Table, before: Instance | None, entry: CatalogEntry | None
) -> dict[str, Any]:
    given = table.object("settings")
    if entry is None:
        return dict(given)
    kept = {} if before is None else before.settings
    return read_settings(given, entry.settings, kept, table.at("settings"), reading.faults)


def _known(table: Table, key: str, look_up: Callable[[], T]) -> T | None:
    try:
        return look_up()
    except NotFoundError as error:
        table.fault(key, str(error))
        return None


def _check_plugins(top: Table, document: Document, faults: list[Fault]) -> None:
    for index, file in enumerate(top.items("plugins", of="paths of Python files")):
        place = join_place("plugins", index)
        if not isinstance(file, str):
            faults.append(Fault(place, "must be the path of a Python file"))
        elif not (document.folder / file).is_file():
            faults.append(Fault(place, f"there is no file {document.folder / file}"))


def _check_write_keys(sources: Mapping[str, Source], faults: list[Fault]) -> None:
    owners: dict[str, str] = {}
    for source in sources.values():
        other = owners.setdefault(source.write_key, source.name)
        if other != source.name:
            place = join_place(join_place("sources", source.name), "write_key")
            told = f"is the write key of the source {other!r} too: each needs one of its own"
            faults.append(Fault(place, told))


def _check_subscriptions(
    subscriptions: list[tuple[str, Subscription]], faults: list[Fault]
) -> None:
    ids: dict[str, str] = {}
    names: dict[tuple[str, str], str] = {}
    for place, each in subscriptions:
        named = names.setdefault((each.instance, each.name), place)
        if named != place:
            told = f"{each.name!r} is the name of {named} too: give one of them another"
            faults.append(Fault(join_place(place, "name"), told))
        elif (other := ids.setdefault(each.id, place)) != place:
            told = f"{each.id!r} is the id of {other} too: give one of them another"
            faults.append(Fault(join_place(place, "id"), told))
