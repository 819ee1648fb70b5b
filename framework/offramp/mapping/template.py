"""Templates: text with placeholders, `{{properties.name}}` or `{{{properties.name}}}`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from offramp.js.text import JS_WHITESPACE, text_or_empty
from offramp.js.values import UNSET
from offramp.mapping.budget import Meter
from offramp.mapping.path import compile_path, split_reference
from offramp.mapping.values import Resolver

# What opens and does not close is taken too, up to where it might have, since nothing within it
# closes either: so that a text full of braces is read once, and not once for each of them.
_DOUBLE: Final = re.compile(r"\{\{([^}]++)(\}\})?+")
_TRIPLE: Final = re.compile(r"\{\{\{([^}]++)(\}\}\})?+")


def references(template: str) -> list[tuple[str, ...]]:
    """The keys of each placeholder of a template, in order."""
    triples = [_keys(found[1]) for found in _TRIPLE.finditer(template) if found[2]]
    without = _filled(_TRIPLE, template, lambda _: "")
    return triples + [_keys(found[1]) for found in _DOUBLE.finditer(without) if found[2]]


def compile_template(template: str, meter: Meter | None) -> Resolver:
    """A resolver that fills the placeholders of a template; what is missing or null is empty.

    Without a meter, nothing is charged.
    """
    texts, getters = _split(template)
    if meter is not None:
        return _metered(texts, getters, meter)
    if len(getters) == 1:
        return _around(texts[0], getters[0], texts[1])
    return _joined(texts[0], list(zip(getters, texts[1:], strict=True)))


def texts_around(template: str) -> tuple[str, ...] | None:
    """The texts before, between and behind the placeholders; `None` where one is triple.

    What a triple placeholder brings in is itself searched for double ones, so that the template
    is only complete when the event is known.
    """
    if any(found[2] for found in _TRIPLE.finditer(template)):
        return None
    return tuple(_split(template)[0])


def render_template(template: str, scope: Any, meter: Meter) -> str:
    """Fill a template that is only known when the event is."""

    def fill(reference: str) -> str:
        return _charged(_getter(_keys(reference))(scope), meter)

    meter.characters(len(template))
    return _filled(_DOUBLE, _filled(_TRIPLE, template, fill), fill)


def _filled(pattern: re.Pattern[str], template: str, fill: Callable[[str], str]) -> str:
    return pattern.sub(lambda found: fill(found[1]) if found[2] else found[0], template)


def _split(template: str) -> tuple[list[str], list[Resolver]]:
    """The texts around the double placeholders, and what each of these reads."""
    texts, getters = [], []
    begin = 0
    for found in _DOUBLE.finditer(template):
        if found[2]:
            texts.append(template[begin : found.start()])
            getters.append(_getter(_keys(found[1])))
            begin = found.end()
    return [*texts, template[begin:]], getters


def _keys(reference: str) -> tuple[str, ...]:
    return split_reference(reference.strip(JS_WHITESPACE))


def _getter(keys: tuple[str, ...]) -> Resolver:
    return compile_path(keys) if keys else _whole_scope


def _whole_scope(scope: Any) -> Any:
    # Where there is no scope at all, a template fills its placeholders from an empty object.
    return {} if scope is UNSET else scope


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


def _metered(texts: list[str], getters: list[Resolver], meter: Meter) -> Resolver:
    rest = list(zip(getters, texts[1:], strict=True))

    def resolve(scope: Any) -> str:
        parts = [texts[0]]
        for get, text in rest:
            value = get(scope)
            if type(value) is list:
                meter.weigh(value)
            parts.append(text_or_empty(value))
            parts.append(text)
        meter.steps(len(rest))
        meter.characters(sum(map(len, parts)))
        return "".join(parts)

    return resolve


def _charged(value: Any, meter: Meter) -> str:
    """The text of a value, charged before it is laid into a longer one."""
    if type(value) is list:
        meter.weigh(value)
    else:
        meter.steps(1)
    text = text_or_empty(value)
    meter.characters(len(text))
    return text
