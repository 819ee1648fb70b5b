"""@template: text with placeholders, `{{properties.name}}` or `{{{properties.name}}}`."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import attrs

from offramp.js.text import JS_WHITESPACE, text_or_empty
from offramp.js.values import UNSET
from offramp.mapping.check import string_or_directive
from offramp.mapping.compiler import Directive
from offramp.mapping.directives.computed import with_computed_text
from offramp.mapping.nodes import MAX_KEYS, Constant, Node
from offramp.mapping.path import look_up, path_text, split_reference

if TYPE_CHECKING:
    from offramp._json import Reads
    from offramp.mapping.budget import Meter
    from offramp.mapping.code import Code
    from offramp.mapping.compiler import Compiler

_Keys = tuple[str, ...]

#: Most placeholders in one generated expression; Python parses about a thousand terms at most.
MAX_SUM: Final = 50

# An opening without an end is matched too, as far as its end could have been, since no opening
# within has an end either. A text full of braces is thus read once, not once for each brace.
_DOUBLE: Final = re.compile(r"\{\{([^}]++)(\}\})?+")
_TRIPLE: Final = re.compile(r"\{\{\{([^}]++)(\}\}\})?+")


@attrs.frozen(eq=False, kw_only=True)
class Joined(Node):
    """A text, followed by the values at some paths, each with the text after it."""

    first: str
    others: tuple[str, ...]
    #: The keys of each path.
    values: tuple[_Keys, ...]
    #: The beginning of the paths.
    scope: str
    #: Charged for the text that is written; None if nothing is charged.
    meter: Meter | None

    @property
    def paths(self) -> tuple[str, ...]:
        """The path of each placeholder."""
        return tuple(path_text(self.scope, keys) for keys in self.values)

    @property
    def reads(self) -> Reads:
        """The path of each placeholder."""
        return frozenset(self.values)

    def run(self, scope: Any) -> str:
        """The whole text; a missing or null value is an empty text."""
        parts = [self.first]
        for keys, text in zip(self.values, self.others, strict=True):
            value = _value_at(keys, scope)
            if self.meter is not None and type(value) is list:
                self.meter.weigh(value)
            parts += text_or_empty(value), text
        if self.meter is not None:
            self._charge(self.meter, sum(map(len, parts)))
        return "".join(parts)

    def _charge(self, meter: Meter, characters: int) -> None:
        meter.steps(len(self.values))
        meter.characters(characters)

    def emit(self, code: Code) -> str:
        """A concatenation, in which values that are texts already need no call."""
        if len(self.values) > MAX_SUM or not all(0 < len(keys) <= MAX_KEYS for keys in self.values):
            return super().emit(code)
        values = [code.read(keys) for keys in self.values]
        if self.meter is not None:
            return self._emit_charged(code, self.meter, values)
        texts = [f"(held if type(held := {value}) is str else text_of(held))" for value in values]
        return f"({' + '.join(self._parts(texts))})"

    def _emit_charged(self, code: Code, meter: Meter, values: list[str]) -> str:
        # Each part is charged before the text is put together.
        weigh = code.name("weigh", meter.weigh)
        names = []
        for value in values:
            names.append(name := code.name("text"))
            code.write(f"{name} = {value}")
            with code.block(f"if type({name}) is not str:"):
                with code.block(f"if type({name}) is list:"):
                    code.write(f"{weigh}({name})")
                code.write(f"{name} = text_of({name})")
        lengths = " + ".join(f"len({part})" for part in self._parts(names))
        code.write(f"{code.name('charge', partial(self._charge, meter))}({lengths})")
        made = code.name("made")
        code.write(f"{made} = ''.join(({', '.join(self._parts(names))},))")
        return made

    def _parts(self, values: list[str]) -> list[str]:
        """The expressions of all parts, given those of the values, without empty texts."""
        parts = [repr(self.first)]
        for value, text in zip(values, self.others, strict=True):
            parts += value, repr(text)
        return [part for part in parts if part != "''"]

    @property
    def is_present(self) -> bool:
        """Always."""
        return True


@attrs.frozen(eq=False, kw_only=True)
class Rendered(Node):
    """A template with triple placeholders.

    The text that a triple placeholder inserts is searched for double ones in turn, so the template
    is only complete when the event is known, and may read anything of it.
    """

    template: str
    scope: str
    meter: Meter

    @property
    def paths(self) -> tuple[str, ...]:
        """The path of each placeholder in the template as written."""
        return tuple(path_text(self.scope, keys) for keys in _references(self.template))

    def run(self, scope: Any) -> str:
        """The template filled twice."""
        return _render(self.template, scope, self.meter)

    @property
    def is_present(self) -> bool:
        """Always."""
        return True


def compile_template(spec: Any, compiler: Compiler) -> Node:
    """`{"@template": "Hello {{traits.name}}"}`: text with placeholders."""
    if not isinstance(spec, str):
        meter = compiler.meter()
        return with_computed_text(
            spec, compiler, lambda text, scope: _render(text, scope, meter), "a template"
        )
    paths = tuple(_references(spec))
    if not paths:
        return Constant(spec)
    if any(found[2] for found in _TRIPLE.finditer(spec)):
        return Rendered(template=spec, scope=compiler.scope, meter=compiler.meter())
    first, *others = texts = _texts_around(spec)
    is_free = compiler.reads_free(len(paths), sum(map(len, texts)))
    return Joined(
        first=first,
        others=tuple(others),
        values=paths,
        scope=compiler.scope,
        meter=None if is_free else compiler.meter(),
    )


def _references(template: str) -> list[_Keys]:
    """The keys of each placeholder of a template, the triple ones first."""
    triples = [_keys(found[1]) for found in _TRIPLE.finditer(template) if found[2]]
    without = _filled(_TRIPLE, template, lambda _: "")
    return triples + [_keys(found[1]) for found in _DOUBLE.finditer(without) if found[2]]


def _texts_around(template: str) -> list[str]:
    """The texts before, between and after the double placeholders."""
    texts = []
    begin = 0
    for found in _DOUBLE.finditer(template):
        if found[2]:
            texts.append(template[begin : found.start()])
            begin = found.end()
    return [*texts, template[begin:]]


def _render(template: str, scope: Any, meter: Meter) -> str:
    """Fill a template whose text depends on the event."""

    def fill(reference: str) -> str:
        return _charged(_value_at(_keys(reference), scope), meter)

    meter.characters(len(template))
    return _filled(_DOUBLE, _filled(_TRIPLE, template, fill), fill)


def _filled(pattern: re.Pattern[str], template: str, fill: Callable[[str], str]) -> str:
    return pattern.sub(lambda found: fill(found[1]) if found[2] else found[0], template)


def _keys(reference: str) -> _Keys:
    return split_reference(reference.strip(JS_WHITESPACE))


def _value_at(keys: _Keys, scope: Any) -> Any:
    if not keys and scope is UNSET:
        # Without a scope, a template fills its placeholders from an empty object.
        return {}
    return look_up(scope, keys)


def _charged(value: Any, meter: Meter) -> str:
    """The text of a value, charged before it is put into a longer text."""
    if type(value) is list:
        meter.weigh(value)
    else:
        meter.steps(1)
    text = text_or_empty(value)
    meter.characters(len(text))
    return text


TEMPLATE: Final = Directive(compile=compile_template, check=string_or_directive)
