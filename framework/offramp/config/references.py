"""Follows references: what `env:NAME` and `file:/path` stand for, read when an instance starts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from offramp.config.model import Config, Instance
from offramp.config.secrets import REFERENCE
from offramp.config.settings import settings_faults
from offramp.config.table import join_place
from offramp.definition import Fields
from offramp.errors import ConfigError, Fault


def resolve_settings(
    instance: Instance, fields: Fields, *, environ: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The settings of an instance with what their references stand for.

    Raises `ConfigError` with the place of every variable that is not set, every file that cannot
    be read, and every value that does not fit; no message holds a secret.
    """
    faults: list[Fault] = []
    place = join_place(join_place("instances", instance.name), "settings")
    resolved = {
        key: _resolve(value, join_place(place, key), environ, faults)
        for key, value in instance.settings.items()
    }
    if not faults:
        faults += settings_faults(resolved, fields, place)
    if faults:
        raise ConfigError(faults)
    return resolved


def resolve_write_keys(config: Config, *, environ: Mapping[str, str] | None = None) -> Config:
    """The configuration with every source's write key in the clear.

    Raises `ConfigError` for references that lead nowhere, and for two sources with one key.
    """
    faults: list[Fault] = []
    owners: dict[str, str] = {}
    sources = {}
    for source in config.sources.values():
        place = join_place(join_place("sources", source.name), "write_key")
        key = _resolve(source.write_key, place, environ, faults)
        if (other := owners.setdefault(key, source.name)) != source.name:
            faults.append(Fault(place, f"is the write key of the source {other!r} too"))
        sources[source.name] = attrs.evolve(source, write_key=key)
    if faults:
        raise ConfigError(faults)
    return attrs.evolve(config, sources=sources)


def resolve(value: str, place: str, *, environ: Mapping[str, str] | None = None) -> str:
    """One value, or what its reference stands for; raises `ConfigError` with the place."""
    faults: list[Fault] = []
    resolved = _resolve(value, place, environ, faults)
    if faults:
        raise ConfigError(faults)
    return str(resolved)


def _resolve(value: Any, place: str, environ: Mapping[str, str] | None, faults: list[Fault]) -> Any:
    found = REFERENCE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return value
    variable, path = found.groups()
    try:
        if variable:
            return _not_empty((os.environ if environ is None else environ)[variable])
        return _not_empty(Path(path).read_text(encoding="utf-8").rstrip("\r\n"))
    except KeyError:
        told = f"the variable {variable} is not set"
    except OSError as error:
        told = f"the file {path} cannot be read: {error.strerror or error}"
    except UnicodeDecodeError:
        told = f"the file {path} is not UTF-8 text"
    except ValueError as error:
        told = f"the {'variable' if variable else 'file'} {variable or path} {error}"
    faults.append(Fault(place, told))
    return value


def _not_empty(value: str) -> str:
    if not value:
        raise ValueError("is empty")
    return value
