"""Secrets of a destination that are not declared as such, or that nobody can test."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Any, Final

import attrs

from offramp.cli.lint.source import Finding, Source
from offramp.definition import Destination, Fields, fields_of
from offramp.definition.shape import METADATA_KEY
from offramp.definition.unmarked import unmarked_secrets

UNMARKED: Final = "unmarked-secret"
UNTESTED: Final = "untested-secret"


def secrets_at_fault(
    destinations: Iterable[Destination], sources: Iterable[Source]
) -> Iterator[Finding]:
    """A finding for each secret that is not marked, or not tested, where it is declared."""
    read = tuple(sources)
    for destination in destinations:
        classes = [destination.settings, *(each.payload_type for each in destination.actions)]
        if destination.audience is not None:
            classes.append(destination.audience.settings_type)
        for cls in dict.fromkeys(filter(attrs.has, classes)):
            yield from _unmarked(cls, fields_of(cls), read)
        yield from _untested(destination, read)


def _unmarked(cls: type[Any], fields: Fields, sources: Iterable[Source]) -> Iterator[Finding]:
    for keys in unmarked_secrets(fields):
        place = _attribute(cls, keys[0], sources)
        if place is not None:
            source, node = place
            message = (
                f"{'.'.join(keys)!r} looks like a secret by its name: declare it with "
                'type="password" or secret=True, so that it is encrypted and masked; if it is not '
                "one, say so with secret=False"
            )
            yield source.finding(node, UNMARKED, message)


def _untested(destination: Destination, sources: Iterable[Source]) -> Iterator[Finding]:
    fields = fields_of(destination.settings)
    secrets = [key for key, field in fields.items() if field.holds_secrets]
    place = _declaration(destination, sources)
    if secrets and destination.test_authentication is None and place is not None:
        source, node = place
        message = (
            f"has secrets ({', '.join(secrets)}), and an operator cannot find out whether they are "
            "right: give it `test_authentication`, which sends a request that changes nothing"
        )
        yield source.finding(node, UNTESTED, message)


def _attribute(
    cls: type[Any], key: str, sources: Iterable[Source]
) -> tuple[Source, ast.stmt] | None:
    """Where a class declares the field of a wire name, if its source is read."""
    name = next(
        each.name
        for each in attrs.fields(cls)
        if each.metadata.get(METADATA_KEY, {}).get("key", each.name) == key
    )
    for source in sources:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ClassDef) and node.name == cls.__name__:
                for each in node.body:
                    if isinstance(each, ast.AnnAssign) and getattr(each.target, "id", "") == name:
                        return source, each
    return None


def _declaration(
    destination: Destination, sources: Iterable[Source]
) -> tuple[Source, ast.expr] | None:
    """Where `Destination(slug=...)` is called, if its source is read."""
    for source in sources:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and makes_destination(source, node):
                slug = next((each.value for each in node.keywords if each.arg == "slug"), None)
                if not isinstance(slug, ast.Constant) or slug.value == destination.slug:
                    return source, node
    return None


def makes_destination(source: Source, node: ast.AST) -> bool:
    """Whether a node of a module calls `offramp.Destination`."""
    return isinstance(node, ast.Call) and source.meaning(node.func) == "offramp.Destination"
