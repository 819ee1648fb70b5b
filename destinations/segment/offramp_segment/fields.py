"""Segment's input fields as ours: settings as a class, secrets declared as what they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import attrs

from offramp import Field, fields_from_manifest, looks_secret, setting

#: Properties that `setting` reads from the annotation.
_INFERRED: Final = frozenset({"multiple"})


def read_fields(declared: Mapping[str, Any]) -> dict[str, Field]:
    """Fields from Segment's definitions; those that look like a secret are one."""
    return {
        key: attrs.evolve(field, secret=True) if looks_secret(key, field) else field
        for key, field in fields_from_manifest(declared).items()
    }


def settings_class(slug: str, declared: Mapping[str, Any]) -> type[Any]:
    """A class with a setting for each field; one that looks like a secret is a password."""
    body: dict[str, Any] = {"__module__": __name__, "__annotations__": {}}
    for number, (key, field) in enumerate(fields_from_manifest(declared).items()):
        name = f"setting_{number}"
        kind = "password" if looks_secret(key, field) else field.type
        given = {each.name: getattr(field, each.name) for each in attrs.fields(Field)}
        plain = {each: value for each, value in given.items() if each not in _INFERRED}
        body[name] = setting(**{**plain, "key": key, "type": kind})
        hint: Any = list[Any] if field.multiple else Any
        body["__annotations__"][name] = hint if field.required is True else hint | None
    return attrs.frozen(type(f"Settings_of_{identifier(slug)}", (), body))


def identifier(text: str) -> str:
    """A text as a part of a name in Python, by which tracebacks and generated code know a class."""
    return re.sub(r"\W", "_", text, flags=re.ASCII)
