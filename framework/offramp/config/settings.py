"""Checks the settings of an instance against what its destination declares, secrets unseen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import attrs

from offramp.config.secrets import (
    SHOWN_CHARACTERS,
    Change,
    change_secrets,
    is_masked,
    is_reference,
    mask,
    secrets_by_place,
)
from offramp.config.table import a_type, suggest
from offramp.definition import MASK, Field, Fields, defaults_of
from offramp.errors import Fault, PayloadError, join_place
from offramp.payload import compile_careful

#: So much of a secret in a message is no chance.
MIN_QUOTED_CHARACTERS: Final = 8


def read_settings(
    given: Mapping[str, Any],
    fields: Fields,
    before: Mapping[str, Any],
    place: str,
    faults: list[Fault],
) -> dict[str, Any]:
    """Settings as written, masked secrets put back from `before`, each fault set down.

    The values are not checked: `settings_faults` does that.
    """
    settings = {key: value for key, value in given.items() if value is not None}
    faults.extend(
        Fault(join_place(place, key), f"is unknown{suggest(key, fields)}")
        for key in settings
        if key not in fields
    )
    known = {key: value for key, value in settings.items() if key in fields}
    return put_back_all(partial(change_secrets, fields), known, before, place, faults)


def put_back_all(
    change_all: Callable[[Mapping[str, Any], Change], dict[str, Any]],
    given: Mapping[str, Any],
    before: Mapping[str, Any],
    place: str,
    faults: list[Fault],
) -> dict[str, Any]:
    """Data with every masked secret put back from `before`, as a walk of both meets them.

    `change_all` is the walk, such as `partial(change_secrets, fields)`; see `put_back`.
    """
    kept = secrets_by_place(partial(change_all, before))
    return change_all(
        given, lambda inner, value: put_back(value, kept.get(inner), f"{place}.{inner}", faults)
    )


def put_back(value: Any, before: Any, place: str, faults: list[Fault]) -> Any:
    """The secret that a masked value stands for: the one in place, if it looks the same."""
    if not is_masked(value):
        return value
    if before is None or is_masked(before):  # what is masked itself is not known any more
        message = (
            "is masked, and there is no secret in place yet: write it, or a reference (env:NAME)"
        )
        faults.append(Fault(place, message))
    elif value not in (MASK, mask(before)):
        message = "is masked, but another secret is in place: write the secret, or a reference"
        faults.append(Fault(place, message))
    return value if before is None else before


def settings_faults(settings: Mapping[str, Any], fields: Fields, place: str) -> list[Fault]:
    """What is wrong with settings, the destination's defaults laid below them.

    A reference stands for any string; what it leads to is checked when the instance starts.
    """
    relaxed = {
        key: _any_string(field) if is_reference(settings.get(key)) else field
        for key, field in fields.items()
    }
    try:
        compile_careful(relaxed)({**defaults_of(fields), **settings})
    except PayloadError as error:
        return [_unseen(fault, settings, fields).under(place) for fault in error.faults]
    return []


def _any_string(field: Field) -> Field:
    return attrs.evolve(
        field,
        type="string",
        multiple=False,
        choices=None,
        properties=None,
        minimum=None,
        maximum=None,
        format=None,
    )


def unquoted(fault: Fault, secrets: Mapping[str, Any]) -> Fault:
    """The fault without its message where that quotes a secret, or the start of one."""
    texts = [value for value in secrets.values() if isinstance(value, str) and value]
    if any(text[:MIN_QUOTED_CHARACTERS] in fault.message for text in texts):
        return Fault(fault.place, "does not hold (the message quotes a secret, so it is hidden)")
    return fault


def _unseen(fault: Fault, settings: Mapping[str, Any], fields: Fields) -> Fault:
    """The fault told without any secret, which the message of a check may quote."""
    for place, value in secrets_by_place(partial(change_secrets, fields, settings)).items():
        here = fault.place.removeprefix("$.").startswith(place)
        if not isinstance(value, str):
            if here:
                return Fault(fault.place, f"must be a string, not {a_type(value)}")
            continue
        # Elsewhere only the start is looked for, as a message may cut what it quotes; a very short
        # secret may stand there by chance.
        quoted = len(value) > SHOWN_CHARACTERS and value[:MIN_QUOTED_CHARACTERS] in fault.message
        if quoted or (here and value):
            return Fault(fault.place, "does not fit what the destination asks for (value hidden)")
    return fault
