"""@if: one of two values, chosen by whether a third value exists."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import attrs

from offramp.js.text import js_string
from offramp.js.values import UNSET, is_truthy
from offramp.mapping.check import OPTIONAL, any_json, options_of
from offramp.mapping.compiler import Directive
from offramp.mapping.directives.options import read_options
from offramp.mapping.nodes import NOTHING, Constant, Node, joined_reads
from offramp.mapping.wording import shown

if TYPE_CHECKING:
    from offramp._json import Reads
    from offramp.mapping.code import Code
    from offramp.mapping.compiler import Compiler


@attrs.frozen(eq=False)
class Condition:
    """A condition on a value: as a function, and as code."""

    holds: Callable[[Any], bool]
    #: The same condition as an expression with `{value}`, if there is one.
    expression: str | None = None


@attrs.frozen(eq=False, kw_only=True)
class Choose(Node):
    """One of two values, chosen by a condition on a third."""

    asked: Node
    condition: Condition
    then: Node
    otherwise: Node

    @property
    def reads(self) -> Reads:
        """What the tested value and both branches read."""
        return joined_reads((self.asked, self.then, self.otherwise))

    def run(self, scope: Any) -> Any:
        """The value of the branch that is taken; the other is not run."""
        return self._branch(self.asked.run(scope)).run(scope)

    def _branch(self, value: Any) -> Node:
        return self.then if self.condition.holds(value) else self.otherwise

    def emit(self, code: Code) -> str:
        """An `if` statement, or just one branch if the tested value is constant."""
        if self.asked.constant:
            return code.value(self._branch(self.asked.constant.value))
        asked, name = code.value(self.asked), code.name("value")
        value = code.named(asked)
        written = self.condition.expression or (
            f"{code.name('holds', self.condition.holds)}({{value}})"
        )
        condition = written.format(value=value)
        for opening, branch in ((f"if {condition}:", self.then), ("else:", self.otherwise)):
            with code.block(opening):
                made = code.value(branch)
                code.write(f"{name} = {value if made == asked else made}")
        return name

    @property
    def constant(self) -> Constant | None:
        """The constant of the branch, if the tested value is constant."""
        asked = self.asked.constant
        return self._branch(asked.value).constant if asked else None

    @property
    def is_present(self) -> bool:
        """Whether both branches always have a value."""
        return self.then.is_present and self.otherwise.is_present


def compile_if(spec: Any, compiler: Compiler) -> Node:
    """`{"@if": {"exists": …, "then": …, "else": …}}`, or `blank` instead of `exists`.

    `exists` holds for every value except null and absence. `blank`, despite its name, holds for a
    value that is not blank: not null or absent, nor "", 0, false or [].
    """
    options = read_options(spec, compiler)
    if options is None:
        return NOTHING
    if not is_truthy(options.get("exists")) and not is_truthy(options.get("blank")):
        return compiler.fault("", f"'exists' or 'blank' is missing in {shown(spec)}; add one")
    # "else" counts if it is truthy, "then" if it is present: `"else": 0` gives no value.
    then = _branch(options, "then", compiler, present="then" in options)
    otherwise = _branch(options, "else", compiler, present=is_truthy(options.get("else")))
    name = "exists" if "exists" in options else "blank"
    asked = compiler.node(options[name], name)
    return Choose(asked=asked, condition=_CONDITIONS[name], then=then, otherwise=otherwise)


def _branch(options: dict[str, Any], name: str, compiler: Compiler, *, present: bool) -> Node:
    return compiler.node(options[name], name, keep=compiler.keep) if present else NOTHING


def _exists(value: Any) -> bool:
    return value is not None and value is not UNSET


def _has_content(value: Any) -> bool:
    if value is None or value is UNSET:
        return False
    match value:
        case dict():
            return True
        case list():
            # JavaScript compares a list with "" by the joined text of its items.
            return bool(js_string(value))
        case _:
            return bool(value)


_CONDITIONS: Final = {
    "exists": Condition(_exists, "{value} is not None and {value} is not absent"),
    "blank": Condition(_has_content),
}

IF: Final = Directive(
    compile=compile_if,
    check=options_of(
        exists=(OPTIONAL, any_json), then=(OPTIONAL, any_json), **{"else": (OPTIONAL, any_json)}
    ),
)
