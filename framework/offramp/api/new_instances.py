"""What a new instance begins with: the name that is offered, and its destination's presets."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final

import attrs

from offramp.api.candidates import read_candidate
from offramp.config import Config
from offramp.config.table import as_name
from offramp.errors import ConfigError, Fault
from offramp.plugins import Catalog, CatalogEntry

#: What Segment's names of destinations end with, and those of their instances do not.
_SUFFIX: Final = re.compile(r"\s*\(Actions\)\s*$")
#: The longest beginning of an offered name: its number fits after it.
_LONGEST: Final = 100


def offered_name(entry: CatalogEntry, taken: Collection[str]) -> str:
    """Return `Acme Instance #1` for "Acme (Actions)", with the first free number."""
    plain = _SUFFIX.sub("", entry.destination.name).strip() or entry.slug
    begins = f"{as_name(plain)[:_LONGEST]} Instance #"
    number = 1
    while f"{begins}{number}" in taken:
        number += 1
    return f"{begins}{number}"


def with_presets(config: Config, catalog: Catalog, instance: str) -> tuple[Config, list[Fault]]:
    """Add the automatic presets of the destination, disabled, to an instance without subscriptions.

    A preset that is no valid subscription by itself, as a required field has no default, is left
    out; the faults say which and why.
    """
    entry = catalog[config.instances[instance].destination]
    left_out: list[Fault] = []
    added = dict(config.subscriptions)
    for name in _automatic(entry):
        try:
            read = read_candidate(catalog, config, instance, {"preset": name, "enabled": False})
        except ConfigError as error:
            reasons = "; ".join(map(str, error.faults))
            left_out.append(Fault("presets", f"{name!r} is left out, map it yourself: {reasons}"))
        else:
            added[read.id] = read
    return attrs.evolve(config, subscriptions=added), left_out


def _automatic(entry: CatalogEntry) -> Iterable[str]:
    """The presets that Segment makes at once; others stand for an event of another product."""
    return dict.fromkeys(each.name for each in entry.presets if each.type == "automatic")
