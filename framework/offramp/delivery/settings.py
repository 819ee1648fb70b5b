"""The settings of an instance as its runtime gets them: checked, and which of them are secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from offramp.config import Instance, referenced_values
from offramp.definition import Fields, defaults_of
from offramp.delivery.secrecy import texts_of
from offramp.errors import ConfigError, Fault, PayloadError, join_place
from offramp.http import Mask, make_mask
from offramp.payload import compile_careful


def check_settings(
    instance: Instance, fields: Fields, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Check and coerce settings; raises `ConfigError` that names each invalid one."""
    try:
        return compile_careful(fields)({**defaults_of(fields), **settings})
    except PayloadError as error:
        read = referenced_values(instance.settings, settings)
        mask = make_mask([*secrets_of(fields, settings), *read])
        raise of_settings(instance, error, mask) from None


def of_settings(instance: Instance, error: PayloadError, mask: Mask) -> ConfigError:
    """The faults of settings, as an error of the configuration."""
    # A rule may quote the value that breaks it, and the value may be a password.
    masked = [Fault(fault.place, mask(fault.message)) for fault in error.faults]
    place = f"{join_place('instances', instance.name)}.settings"
    return ConfigError(fault.under(place) for fault in masked)


def secrets_of(fields: Fields, settings: Mapping[str, Any]) -> list[str]:
    """List the values of password settings, also within lists and objects."""
    found: list[str] = []
    for key, declared in fields.items():
        value = settings.get(key)
        values = [each for each in (value if isinstance(value, list) else [value]) if each]
        if declared.is_secret:
            found += [text for each in values for text in texts_of(each)]
        elif declared.properties:
            for each in values:
                if isinstance(each, Mapping):
                    found += secrets_of(declared.properties, each)
    return found
