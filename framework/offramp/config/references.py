"""Follows references: what `env:NAME` and `file:/path` stand for, as far as the operator allows."""

from __future__ import annotations

import logging
import os
import re
import stat
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import attrs

from offramp.config.export import mapping_fields
from offramp.config.keyring import KEY_FILE_VARIABLE, KEY_VARIABLE
from offramp.config.model import (
    INPUTS,
    WRITE_KEY_FORM,
    Config,
    Instance,
    Subscription,
    is_write_key,
    shared_keys,
)
from offramp.config.oauth import OAuthApp, app_of
from offramp.config.secrets import (
    change_mapping_secrets,
    is_reference,
    secrets_by_place,
)
from offramp.config.settings import settings_faults, unquoted
from offramp.config.unreadable import known_keys
from offramp.definition import Fields
from offramp.errors import ConfigError, Fault, join_place
from offramp.plugins import Catalog

TOKEN_VARIABLE: Final = "OFFRAMP_TOKEN"  # noqa: S105 - the variable's name
#: What protects the host itself never becomes a value of the configuration.
OWN_VARIABLES: Final = frozenset({KEY_VARIABLE, KEY_FILE_VARIABLE, TOKEN_VARIABLE})
logger = logging.getLogger(__name__)

#: A secret is short; a file that is longer is none, and would only fill memory.
MAX_FILE_BYTES: Final = 65_536


@attrs.frozen(kw_only=True)
class References:
    """Which references are followed, and from what: by itself none."""

    #: `[host] references`: `env:NAME`, where `*` is any text, and `file:/` with a file or folder.
    allowed: tuple[str, ...] = ()
    #: The references that stand in the file that the host was started with.
    written: frozenset[str] = frozenset()
    #: Whether all are followed: where the one who runs the process wrote the configuration.
    everything: bool = False
    #: The data folder, of which nothing is read.
    own_folder: Path | None = None
    #: The variables; those of the process unless given.
    environ: Mapping[str, str] = attrs.field(factory=lambda: os.environ, repr=False)
    #: What each reference stood for when it was last read.
    _known: dict[str, str] = attrs.field(factory=dict, repr=False, eq=False)
    #: The references that could be read before and now cannot, and why: the old value is used.
    stale: dict[str, str] = attrs.field(factory=dict, repr=False, eq=False)

    def fault(self, reference: str) -> str | None:
        """Why a reference is not followed, or nothing."""
        try:
            return self._fault(reference, _real(_path_of(reference)))
        except ValueError as error:
            return str(error)

    def read(self, reference: str) -> str:
        """What a reference stands for now, or stood for when it was last read.

        Raises `ValueError` with what is the matter if it is not followed, or was never read.
        """
        # Links are followed once, so that what is read is what was judged.
        real = _real(_path_of(reference))
        fault = self._fault(reference, real)
        if fault is not None:
            raise ValueError(fault)
        try:
            value = _read(reference, real, self.environ)
        except ValueError as error:
            if reference not in self._known:
                raise
            if self.stale.get(reference) != str(error):
                logger.error(  # noqa: TRY400 - the error says all
                    "%s; the value that was read before is still used",
                    error,
                    extra={"action": "reference_stale"},
                )
            self.stale[reference] = str(error)
            return self._known[reference]
        self.stale.pop(reference, None)
        self._known[reference] = value
        return value

    def _fault(self, reference: str, real: Path | None) -> str | None:
        if real is not None and ".." in Path(_path_of(reference)).parts:
            return f"{reference!r} is not followed: write the path without `..`"
        variable = _variable_of(reference)
        if variable in OWN_VARIABLES or (real is not None and self._is_own(real)):
            return f"{reference!r} is not followed: it protects the host itself"
        if self.everything or reference in self.written or self._allows(variable, real):
            return None
        return (
            f"{reference!r} is not followed: it does not stand in the file that the host was "
            "started with; put it there, or name it in `references` of that file's table [host], "
            "and start the host with the file"
        )

    def _allows(self, variable: str, real: Path | None) -> bool:
        for pattern in self.allowed:
            if real is not None and (folder := _real(_path_of(pattern))) is not None:
                if real == folder or folder in real.parents:
                    return True
            elif variable and _matches(pattern.removeprefix("env:"), variable):
                return True
        return False

    def _is_own(self, real: Path) -> bool:
        own = [] if self.own_folder is None else [self.own_folder.resolve()]
        if named := self.environ.get(KEY_FILE_VARIABLE):
            own.append(Path(named).resolve())
        return any(real == each or each in real.parents for each in own)


def follow_all(environ: Mapping[str, str] | None = None) -> References:
    """Follow every reference: for a file that the one who runs the process has written."""
    return References(everything=True, environ=os.environ if environ is None else environ)


def resolve_settings(instance: Instance, fields: Fields, references: References) -> dict[str, Any]:
    """The settings of an instance with what their references stand for.

    Raises `ConfigError` with the place of every variable that is not set, every file that cannot
    be read, and every value that does not fit; no message holds a secret, nor what was read.
    """
    faults: list[Fault] = []
    place = join_place(join_place("instances", instance.name), "settings")
    resolved = follow(instance.settings, fields, references, place, faults)
    if faults:
        raise ConfigError(faults)
    return resolved


def follow(
    settings: Mapping[str, Any],
    fields: Fields,
    references: References,
    place: str,
    faults: list[Fault],
) -> dict[str, Any]:
    """Settings at a place with what their references stand for, and each fault set down."""
    found: list[Fault] = []
    resolved = {
        key: _resolve(value, join_place(place, key), references, found)
        for key, value in settings.items()
    }
    if not found:
        read = dict(_referenced(settings, resolved, place))
        found += [_unread(fault, read) for fault in settings_faults(resolved, fields, place)]
    faults += found
    return resolved


def resolve_oauth(instance: Instance, references: References) -> OAuthApp:
    """The app of an instance with what its references stand for; raises as `resolve_settings`."""
    faults: list[Fault] = []
    place = join_place(join_place("instances", instance.name), "oauth")
    resolved = _resolve(instance.oauth, place, references, faults)
    if faults:
        raise ConfigError(faults)
    return app_of(resolved)


def resolve_mapping(
    subscription: Subscription, fields: Fields, references: References
) -> dict[str, Any]:
    """The mapping with what the references in its secret fields stand for.

    Raises `ConfigError` with the place of every reference that cannot be followed.
    """
    faults: list[Fault] = []
    place = join_place(join_place("subscriptions", subscription.id), "mapping")
    resolved = change_mapping_secrets(
        fields,
        subscription.mapping,
        lambda inner, value: _resolve(value, f"{place}.{inner}", references, faults),
    )
    if faults:
        raise ConfigError(faults)
    return resolved


def resolve_write_keys(config: Config, references: References) -> Config:
    """The configuration with all write keys of every source in the clear, as far as they are known.

    Raises `ConfigError` for references that lead nowhere, and for a key that stands twice.
    """
    faults: list[Fault] = []
    sources = {}
    for source in config.sources.values():
        keys = {}
        for label, written in known_keys(config, source).items():
            place = source.place_of_key(label)
            keys[label] = _resolve(written, place, references, faults)
            if not is_write_key(keys[label]):
                faults.append(Fault(place, WRITE_KEY_FORM))
        sources[source.name] = source.with_keys({**source.labelled_keys, **keys})
    resolved = attrs.evolve(config, sources=sources)
    faults += shared_keys(each.with_keys(known_keys(resolved, each)) for each in sources.values())
    if faults:
        raise ConfigError(faults)
    return resolved


def resolve(value: str, place: str, *, environ: Mapping[str, str] | None = None) -> str:
    """A value of the host's own, or what its reference stands for, whatever that is.

    Raises `ConfigError` with the place.
    """
    if not is_reference(value):
        return value
    try:
        real = _real(_path_of(value))
        return _read(value, real, os.environ if environ is None else environ)
    except ValueError as error:
        raise ConfigError([Fault(place, str(error))]) from None


def referenced_values(written: Any, resolved: Any) -> list[str]:
    """What was read for the references in data: secrets, wherever they stand."""
    return [value for _, value in _referenced(written, resolved, "")]


def _referenced(written: Any, resolved: Any, place: str) -> Iterator[tuple[str, str]]:
    if is_reference(written):
        if resolved != written:
            yield place, str(resolved)
    elif isinstance(written, Mapping) and isinstance(resolved, Mapping):
        for key in written.keys() & resolved.keys():
            yield from _referenced(written[key], resolved[key], join_place(place, key))
    elif isinstance(written, list) and isinstance(resolved, list):
        for index, (one, other) in enumerate(zip(written, resolved, strict=False)):
            yield from _referenced(one, other, join_place(place, index))


def _unread(fault: Fault, read: Mapping[str, str]) -> Fault:
    """The fault told without what was read for a reference."""
    if any(fault.place.startswith(place) for place in read):
        message = "what the reference leads to does not fit what the destination asks for"
        return Fault(fault.place, message)
    return unquoted(fault, read)


def references_in(
    config: Config, catalog: Catalog, *, unlike: Config | None = None
) -> dict[str, str]:
    """Each reference that a configuration follows, by its place.

    Those of things that are the very same in `unlike` are left out.
    """
    other = unlike or Config()
    found: dict[str, str] = {}
    for source in config.sources.values():
        if source is other.sources.get(source.name):
            continue
        for label, key in source.labelled_keys.items():
            found |= _found(key, source.place_of_key(label))
    for instance in config.instances.values():
        if instance is other.instances.get(instance.name):
            continue
        place = join_place("instances", instance.name)
        found |= _found(instance.settings, join_place(place, "settings"))
        found |= _found(instance.audiences, join_place(place, "audiences"))
        found |= _found(instance.oauth, join_place(place, "oauth"))
    for each in config.subscriptions.values():
        if each is other.subscriptions.get(each.id):
            continue
        place = join_place(join_place("subscriptions", each.id), "mapping")
        fields = mapping_fields(catalog, config, each)
        secrets = secrets_by_place(partial(change_mapping_secrets, fields, each.mapping))
        found |= {f"{place}.{at}": text for at, text in secrets.items() if is_reference(text)}
        found |= _of_hooks(each)
    return found


def _of_hooks(subscription: Subscription) -> dict[str, str]:
    """The references among the inputs of save hooks; what a partner gave is none."""
    place = join_place(join_place("subscriptions", subscription.id), "hooks")
    found: dict[str, str] = {}
    for name, hook in subscription.hooks.items():
        found |= _found(hook.get(INPUTS, {}), join_place(join_place(place, name), INPUTS))
    return found


def check_references(
    before: Config, after: Config, catalog: Catalog, references: References
) -> None:
    """Raise `ConfigError` for each reference that a change brings and that is not followed."""
    known = references_in(before, catalog, unlike=after)
    found = references_in(after, catalog, unlike=before)
    new = {place: text for place, text in found.items() if known.get(place) != text}
    faults = [
        Fault(place, message) for place, text in new.items() if (message := references.fault(text))
    ]
    if faults:
        raise ConfigError(faults)


def _found(value: Any, place: str) -> dict[str, str]:
    """The references in data, by their place."""
    return {at: text for at, text in texts_in(value, place) if is_reference(text)}


def texts_in(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """Every text in data, with its place."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from texts_in(item, join_place(place, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from texts_in(item, join_place(place, index))


def _resolve(value: Any, place: str, references: References, faults: list[Fault]) -> Any:
    """A value with every reference in it followed, and a fault for each that cannot be."""
    if isinstance(value, Mapping):
        return {
            key: _resolve(item, join_place(place, key), references, faults)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [
            _resolve(item, join_place(place, index), references, faults)
            for index, item in enumerate(value)
        ]
    if not is_reference(value):
        return value
    try:
        return references.read(value)
    except ValueError as error:
        faults.append(Fault(place, str(error)))
        return value


def _variable_of(reference: str) -> str:
    return reference.removeprefix("env:") if reference.startswith("env:") else ""


def _path_of(reference: str) -> str:
    return reference.removeprefix("file:") if reference.startswith("file:") else ""


def _real(path: str) -> Path | None:
    """The path with every link followed; nothing for none. Raises `ValueError` for a ring."""
    try:
        return Path(path).resolve() if path else None
    except (OSError, RuntimeError):
        raise ValueError(f"the file {path} is a link that leads to itself") from None


def _matches(pattern: str, variable: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), variable) is not None


def _read(reference: str, real: Path | None, environ: Mapping[str, str]) -> str:
    variable = _variable_of(reference)
    what = f"the variable {variable}" if real is None else f"the file {_path_of(reference)}"
    try:
        value = environ[variable] if real is None else _read_file(real)
    except KeyError:
        raise ValueError(f"{what} is not set") from None
    except UnicodeDecodeError:
        raise ValueError(f"{what} is not UTF-8 text") from None
    except OSError as error:
        raise ValueError(f"{what} cannot be read: {error.strerror or error}") from None
    if value is None:
        raise ValueError(f"{what} is no file of at most {MAX_FILE_BYTES} bytes")
    if not value:
        raise ValueError(f"{what} is empty")
    return value


def _read_file(path: Path) -> str | None:
    """The text of a regular file without the line's end; nothing of what else there may be."""
    # No link, as those were followed before; and no waiting for who writes into a pipe.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return None
        data = file.read(MAX_FILE_BYTES + 1)
    return None if len(data) > MAX_FILE_BYTES else data.decode().rstrip("\r\n")
