"""Templates: text with placeholders, `{{properties.name}}` or `{{{properties.name}}}`."""

from __future__ import annotations

import re
from typing import Any

from offramp.mapping.jstext import JS_WHITESPACE, text_or_empty
from offramp.mapping.path import compile_path, split_reference
from offramp.mapping.values import UNDEFINED, Resolver

_DOUBLE = re.compile(r"\{\{([^}]+)\}\}")
_TRIPLE = re.compile(r"\{\{\{([^}]+)\}\}\}")


def references(template: str) -> list[tuple[str, ...]]:
    """The keys of each placeholder of a template, in order."""
    triples = [_keys(found) for found in _TRIPLE.findall(template)]
    return triples + [_keys(found) for found in _DOUBLE.findall(_TRIPLE.sub("", template))]


def compile_template(template: str) -> Resolver:
    """A resolver that fills the placeholders of a template; what is missing or null is empty."""
    if _TRIPLE.search(template):
        # What a triple placeholder brings in is itself searched for double ones, so the template
        # is only complete when the event is known.
        return lambda scope: render_template(template, scope)
    parts = _DOUBLE.split(template)
    texts = parts[0::2]
    getters = [_getter(_keys(found)) for found in parts[1::2]]
    if len(getters) == 1:
        return _around(texts[0], getters[0], texts[1])
    return _joined(texts[0], list(zip(getters, texts[1:], strict=True)))


def texts_around(template: str) -> tuple[str, ...] | None:
    """The texts before, between and behind the placeholders; `None` where one is triple."""
    return None if _TRIPLE.search(template) else tuple(_DOUBLE.split(template)[0::2])


def render_template(template: str, scope: Any) -> str:
    """Fill a template that is only known when the event is."""

    def fill(found: re.Match[str]) -> str:
        return text_or_empty(_getter(_keys(found[1]))(scope))

    return _DOUBLE.sub(fill, _TRIPLE.sub(fill, template))


def _keys(reference: str) -> tuple[str, ...]:
    return split_reference(reference.strip(JS_WHITESPACE))


def _getter(keys: tuple[str, ...]) -> Resolver:
    return compile_path(keys) if keys else _whole_scope


def _whole_scope(scope: Any) -> Any:
    # Where there is no scope at all, a template fills its placeholders from an empty object.
    return {} if scope is UNDEFINED else scope


def _around(before: str, get: Resolver, after: str) -> Resolver:
    def resolve(scope: Any) -> str:
        value = get(scope)
        return before + (value if type(value) is str else text_or_empty(value)) + after

    return resolve


def _joined(first: str, rest: list[tuple[Resolver, str]]) -> Resolver:
    def resolve(scope: Any) -> str:
        texts = [first]
        for get, text in rest:
            texts.append(text_or_empty(get(scope)))
            texts.append(text)
        return "".join(texts)

    return resolve
