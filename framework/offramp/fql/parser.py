"""Parses a trigger's text into its tree, and reports all faults together.

    any of      = all of { "or" all of }
    all of      = negated { ( "and" | "," ) negated }
    negated     = { "!" } comparison
    comparison  = operand [ ( "=" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" ) operand ]
    operand     = path | text | number | "true" | "false" | "null" | list | call | "(" any of ")"
    call        = name "(" operand { "," operand } ")"
    list        = "[" [ constant { "," constant } ] "]"

On the right of an operator an unquoted word is a text (`type = track`), unless it can only be a
path: see `is_rooted`. In parentheses a word is always a path.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, TypeAlias

from offramp.errors import Fault, TriggerError, counted
from offramp.fql import shape, tree
from offramp.fql.functions import FUNCTIONS
from offramp.fql.lexer import Token, fault, tokenize
from offramp.fql.words import Role, read_word

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import TypeIs

    from offramp.fql.tree import Group, Node, Operand

#: Most bytes of a trigger. Source: Segment's "Filtering your Segment data", 5 KB a query.
MAX_TRIGGER_BYTES = 5 * 1024
#: Most levels of parentheses. Source: ours; more than anybody writes, far below Python's limit.
MAX_NESTING = 32
#: Least similarity (0 to 1) of a suggested name; difflib's 0.6 suggests "string" for "nothing".
_LIKENESS = 0.7
_ARGUMENTS = ("path", '"text"')

Expression: TypeAlias = "Node | Operand"


class _Unexpected(Exception):  # noqa: N818  # a jump to where parsing can go on, caught in this module
    def __init__(self, column: int, message: str) -> None:
        self.fault = fault(column, message)


def parse(text: str) -> Group:
    """Parse a trigger into its tree, which is plain JSON data.

    `TriggerError` lists every fault with its column.
    """
    plain: Group = tree.as_json(parse_exact(text))
    return plain


def parse_exact(text: str) -> Group:
    """Parse as `parse` does, but with each number as an `int` or an exact `Decimal`."""
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_TRIGGER_BYTES:
        message = f"the trigger has {size} bytes: at most {MAX_TRIGGER_BYTES} are allowed"
        raise TriggerError([fault(1, message)])
    faults: list[Fault] = []
    tokens = tokenize(text, faults)
    found = _Parser(tokens, faults).trigger()
    if faults or found is None:
        raise TriggerError(_first_per_column(faults))
    return shape.root(found)


def _first_per_column(faults: list[Fault]) -> list[Fault]:
    """Sort faults, and drop later ones at the same column, which follow from the first."""
    by_column = {int(each.place.split()[1]): each for each in reversed(faults)}
    return [by_column[column] for column in sorted(by_column)]


class _Parser:
    """Recursive descent; after a fault it continues after the next `and`, `or` or `)`."""

    def __init__(self, tokens: list[Token], faults: list[Fault]) -> None:
        self._tokens = tokens
        self._faults = faults
        self._index = 0
        self._depth = 0

    @property
    def _token(self) -> Token:
        return self._tokens[self._index]

    def _advance(self) -> Token:
        token = self._token
        if token.kind != "end":
            self._index += 1
        return token

    def _accept(self, kind: str) -> bool:
        if self._token.kind == kind:
            self._advance()
            return True
        return False

    def _complain(self, column: int, message: str) -> None:
        self._faults.append(fault(column, message))

    def trigger(self) -> Node | None:
        """Parse the whole text; None, with a fault reported, if it cannot be parsed."""
        if self._token.kind == "end":
            self._complain(1, 'the trigger is empty: write for instance type = "track"')
            return None
        start = self._token
        found = self._any_of()
        while self._token.kind != "end":  # only an unopened ) stops before the end
            self._complain(self._advance().column, "this ) closes nothing: leave it out")
            if self._token.kind in ("and", "or"):
                self._advance()
            if self._token.kind not in (")", "end"):
                self._any_of()
        return self._condition(found, start)

    def _any_of(self) -> Expression | None:
        parts = [(self._token, self._all_of())]
        while self._accept("or"):
            parts.append((self._token, self._all_of()))
        return self._join("or", parts)

    def _all_of(self) -> Expression | None:
        parts = [(self._token, self._part())]
        while self._token.kind not in ("or", ")", "end"):
            if not self._accept("and") and not self._accept(","):
                before = self._tokens[self._index - 1]
                self._complain(self._token.column, _no_connective(self._token, before))
            parts.append((self._token, self._part()))
        return self._join("and", parts)

    def _join(
        self, conjunction: tree.Conjunction, parts: list[tuple[Token, Expression | None]]
    ) -> Expression | None:
        if len(parts) == 1:
            return parts[0][1]
        nodes = [self._condition(part, start) for start, part in parts]
        found = [node for node in nodes if node is not None]
        return shape.join(conjunction, found) if found else None

    def _part(self) -> Expression | None:
        """Parse one condition of a group; after a fault, continue after it."""
        outside = self._depth
        try:
            return self._negated()
        except _Unexpected as stop:
            self._faults.append(stop.fault)
        while self._token.kind != "end":
            kind = self._token.kind
            if self._depth == outside and kind in ("and", "or", ")"):
                break
            self._depth += (kind == "(") - (kind == ")")
            self._advance()
        self._depth = outside
        return None

    def _negated(self) -> Expression | None:
        bangs = 0
        start = self._token
        while self._token.kind == "operator" and self._token.value == "!":
            self._advance()
            bangs += 1
        if not bangs:
            return self._comparison()
        is_group = self._token.kind == "("
        operand = self._operand("path")
        if self._is_comparison():
            raise _Unexpected(
                self._token.column,
                "the ! before this comparison applies to its left side only: "
                "write !(...) around the comparison, or != for =",
            )
        node = self._condition(operand, start)
        if node is None or bangs % 2 == 0:
            return node
        return shape.negate(node) if is_group else shape.negate_test(node)

    def _comparison(self) -> Expression | None:
        start = self._token
        left = self._operand("path")
        if not self._is_comparison():
            return left
        operator = self._advance()
        right = self._operand(_right_role(left, operator))
        if left is None or right is None:
            return None
        if not _is_operand(left) or not _is_operand(right):
            message = "the result of a condition cannot be compared: join conditions with and, or"
            raise _Unexpected(operator.column, message)
        meant = operator.value or operator.kind
        return self._shaped(start, lambda: shape.compare(left, meant, right))

    def _is_comparison(self) -> bool:
        token = self._token
        return token.kind == "in" or (token.kind == "operator" and token.value != "!")

    def _operand(self, role: Role) -> Expression | None:
        token = self._token
        match token.kind:
            case "word" if self._tokens[self._index + 1].kind == "(":
                return self._call()
            case "word":
                self._advance()
                return read_word(token, role)
            case "text" | "number" | "constant":
                self._advance()
                return {"value": token.value}
            case "and" | "or" | "in" if role == "text" and token.text != token.kind:
                self._advance()  # in capitals it can only be a text here: properties.state = OR
                return {"value": token.text}
            case "[":
                return self._list()
            case "(":
                return self._parenthesised()
        raise _Unexpected(token.column, _no_operand(token, role))

    def _parenthesised(self) -> Expression | None:
        opening = self._enter()
        inside = self._any_of()
        self._close(opening)
        return inside

    def _call(self) -> Operand | None:
        name = self._advance()
        arguments: list[Expression | None] = []
        opening = self._enter()
        while self._token.kind not in (")", "end"):
            role: Role = "text" if arguments and not _is_value(arguments[0]) else "path"
            arguments.append(self._operand(role))
            if not self._accept(","):
                break
        self._close(opening)
        operands = [each for each in arguments if _is_operand(each)]
        return self._checked_call(name, operands, complete=len(operands) == len(arguments))

    def _checked_call(
        self, name: Token, arguments: list[Operand], *, complete: bool
    ) -> Operand | None:
        function = FUNCTIONS.get(name.text)
        if function is None:
            self._complain(name.column, _no_function(name.text))
        elif not complete:
            message = f"{name.text}(...) takes paths and constants, not conditions"
            self._complain(name.column, message)
        elif len(arguments) != function.arity:
            self._complain(name.column, _wrong_count(name.text, len(arguments)))
        else:
            return self._call_of(name, arguments)
        return None

    def _call_of(self, name: Token, arguments: list[Operand]) -> Operand | None:
        try:
            return {"function": name.text, "arguments": shape.arguments_of(name.text, arguments)}
        except shape.Refusal as refusal:
            self._complain(name.column, str(refusal))
            return None

    def _list(self) -> Operand:
        opening = self._advance()
        items: list[Any] = []
        while self._token.kind not in ("]", "end"):
            token = self._token
            item = None if token.kind in ("(", "[") else self._operand("text")
            if item is None or not _is_value(item):
                message = "a list holds texts, numbers, true, false and null: put a text in quotes"
                raise _Unexpected(token.column, message)
            items.append(item["value"])
            if not self._accept(","):
                break
        self._close(opening)
        return {"value": items}

    def _enter(self) -> Token:
        self._depth += 1
        if self._depth > MAX_NESTING:
            message = f"parentheses are nested more than {MAX_NESTING} deep: write it flatter"
            raise TriggerError([*self._faults, fault(self._token.column, message)])
        return self._advance()

    def _close(self, opening: Token) -> None:
        closing = {"(": ")", "[": "]"}[opening.text]
        if self._accept(closing):
            self._depth -= closing == ")"
            return
        if self._token.kind == "end":
            message = f"this {opening.text} has no end: write {closing}"
            raise _Unexpected(opening.column, message)
        message = f"`{self._token.text}` is not expected here: write `,` or `{closing}` before it"
        raise _Unexpected(self._token.column, message)

    def _condition(self, expression: Expression | None, start: Token) -> Node | None:
        if _is_operand(expression):
            operand = expression
            return self._shaped(start, lambda: shape.truth(operand))
        return expression

    def _shaped(self, start: Token, make: Callable[[], Node]) -> Node | None:
        try:
            return make()
        except shape.Refusal as refusal:
            self._complain(start.column, str(refusal))
            return None


def _is_operand(expression: Expression | None) -> TypeIs[Operand]:
    return expression is not None and "type" not in expression


def _is_value(expression: Expression | None) -> TypeIs[tree.ValueOperand]:
    return _is_operand(expression) and tree.is_value(expression)


def _right_role(left: Expression | None, operator: Token) -> Role:
    """The role of the word on the right: beside a constant, and after `in`, always a path."""
    return "path" if operator.kind == "in" or _is_value(left) else "text"


# The messages for a token at a wrong position, with what to write instead.


def _no_operand(token: Token, role: Role) -> str:
    """The message where a path or a value is missing."""
    wanted = "a path" if role == "path" else "a value"
    example = "properties.plan" if role == "path" else '"track"'
    if token.kind == "end":
        return f"the trigger ends where {wanted} should follow: write for instance {example}"
    if token.kind in ("and", "or", "in"):
        return (
            f"`{token.text}` is where {wanted} should be: write {wanted} before it, "
            f'"{token.text}" if it is a text, or \\{token.text} if it is a path'
        )
    return f"`{token.text}` is where {wanted} should be: write for instance {example}"


def _no_connective(token: Token, before: Token) -> str:
    """The message where a condition directly follows another one."""
    if before.text.lower() == "not":
        return "`not` is not a word of the language: write `!`"
    if token.kind == "operator" and token.value == "!":
        return "`!` is not expected here: write `and` or `or` before it, or `!=` to compare"
    return f"`{token.text}` is not expected here: write `and` or `or` before it"


def _no_function(name: str) -> str:
    """The message for a function that does not exist."""
    close = difflib.get_close_matches(name.lower(), FUNCTIONS, n=1, cutoff=_LIKENESS)
    guess = f"did you mean {close[0]}? " if close else ""
    return f"there is no function {name}(...): {guess}there are {', '.join(FUNCTIONS)}"


def _wrong_count(name: str, count: int) -> str:
    """The message for too few or too many arguments."""
    arity = FUNCTIONS[name].arity
    usage = f"{name}({', '.join(_ARGUMENTS[:arity])})"
    return f"{name}(...) takes {counted(arity, 'argument')}, not {count}: write {usage}"
