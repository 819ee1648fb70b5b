r"""Generates a trigger's text from its tree, which Segment reads the same way if possible.

For Segment's sake a key such as `or` is written `\or`, child groups are always in parentheses, and
a `\` inside a text is doubled only where it would escape something.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from offramp.errors import Fault, TriggerError, describe_type
from offramp.fql import shape, tree
from offramp.fql.functions import FUNCTIONS
from offramp.fql.numeric import number_from_json, write_digits
from offramp.fql.parser import MAX_NESTING, MAX_TRIGGER_BYTES, parse_exact
from offramp.fql.words import is_rooted
from offramp.js.numbers import parse_number

#: Most levels of nodes, which only ends the recursion: the parser refuses a text that is nested too
#: deeply. A `not` and its group are two levels, but one pair of parentheses.
_MAX_LEVELS = 2 * MAX_NESTING + 2

_TYPES = (*tree.FIELD_TYPES, *tree.OBJECT_TYPES, "event-field")
_NUMERIC = frozenset({"number_equals", "number_not_equals"})
_COMPARISONS = frozenset({"=", "!=", *tree.ORDERS})
_CALLS = frozenset({*tree.NEGATIONS, *tree.AFFIRMATIONS})
_OPERATORS = (*_COMPARISONS, *tree.WITHOUT_VALUE, *_NUMERIC, *_CALLS, "in")
_COMPARE_OPERATORS = frozenset(
    {*_COMPARISONS, "in", "contains", "not_contains", "match", "not_match"}
)

_OTHER_THAN_PATH = re.compile(r"[^A-Za-z0-9_-]", re.DOTALL)
_NEEDS_ESCAPE = re.compile(r"[0-9-]")
#: Keys that a lexer may mistake for reserved words: Segment's lexer the first set anywhere in a
#: path, ours the second set if it is the whole path.
_RESERVED_KEYS = frozenset({"and", "or", "null"})
_RESERVED_PATHS = frozenset({"and", "or", "in", "true", "false", "null", "AND", "OR", "IN"})
_ESCAPING_BACKSLASH = re.compile(r'\\(?=[\\"]|\Z)')


class _Fault(Exception):  # noqa: N818  # carries a Fault to the node where it is collected
    def __init__(self, place: str, message: str) -> None:
        self.fault = Fault(place, message)


def generate(source: Mapping[str, Any]) -> str:
    """Write a tree as text; `TriggerError` lists each node without one of the shapes of `tree`."""
    faults: list[Fault] = []
    text = _write_root(source, faults)
    if faults:
        raise TriggerError(faults)
    if len(text.encode("utf-8", "surrogatepass")) > MAX_TRIGGER_BYTES:
        message = f"the tree makes a trigger of more than {MAX_TRIGGER_BYTES} bytes"
        raise TriggerError([Fault("$", message)])
    try:
        parse_exact(text)
    except TriggerError as error:
        reasons = "; ".join(fault.message for fault in error.faults)
        message = f"the tree does not make a valid trigger (`{text}`): {reasons}"
        raise TriggerError([Fault("$", message)]) from None
    return text


def write_node(node: tree.Node) -> str:
    """Write one node of a parsed tree; a group without parentheses around it."""
    if node["type"] == "group":
        return _write_group(node, "$", [], _MAX_LEVELS)
    return _write(node, "$", [], _MAX_LEVELS)


def write_value(value: tree.Value) -> str:
    """Write a constant of a parsed tree."""
    return _write_value(value, "$")


def write_path(keys: tree.Keys) -> str:
    r"""Write a path, with every character except letters, digits, `_` and `-` escaped with `\`."""
    if len(keys) == 1 and keys[0] in _RESERVED_PATHS:
        return f"\\{keys[0]}"
    return ".".join(_write_key(key) for key in keys)


def _write_key(key: str) -> str:
    escaped = _OTHER_THAN_PATH.sub(r"\\\g<0>", key)
    return f"\\{escaped}" if key in _RESERVED_KEYS or _NEEDS_ESCAPE.match(key) else escaped


def _write_root(source: Any, faults: list[Fault]) -> str:
    if isinstance(source, Mapping) and source.get("type") == "group":
        return _write_group(source, "$", faults, _MAX_LEVELS)
    faults.append(Fault("$", 'the root of a tree is a group: write {"type": "group", ...}'))
    return ""


def _write(node: Any, place: str, faults: list[Fault], levels: int) -> str:
    """Write a node that is not the root; with a fault, which is collected, the text is ""."""
    try:
        return _write_kind(node, place, faults, levels)
    except _Fault as found:
        faults.append(found.fault)
        return ""


def _write_kind(node: Any, place: str, faults: list[Fault], levels: int) -> str:
    kind = _field(node, "type", str, place)
    if not levels:
        raise _Fault(place, "groups are nested too deeply: make the tree flatter")
    if kind == "group":
        return f"({_write_group(node, place, faults, levels)})"
    if kind == "not":
        return _write_not(node, place, faults, levels)
    if kind == "compare":
        return _write_compare(node, place)
    return _write_condition(node, place)


def _write_group(node: Any, place: str, faults: list[Fault], levels: int) -> str:
    operator, children = node.get("operator"), node.get("children")
    if operator not in ("and", "or"):
        message = f'{operator!r} does not join conditions: write "and" or "or"'
        faults.append(Fault(f"{place}.operator", message))
    if not isinstance(children, list) or not children:
        faults.append(Fault(f"{place}.children", "a group needs a list of at least one child"))
        return ""
    texts = [
        _write(child, f"{place}.children[{index}]", faults, levels - 1)
        for index, child in enumerate(children)
    ]
    return f" {operator} ".join(texts)


def _write_not(node: Any, place: str, faults: list[Fault], levels: int) -> str:
    child = _field(node, "child", Mapping, place)
    inside = _write(child, f"{place}.child", faults, levels - 1)
    return f"!{inside}" if child.get("type") == "group" else f"!({inside})"


def _write_condition(node: Any, place: str) -> str:
    kind = node["type"]
    if kind not in _TYPES:
        known = ", ".join(("group", "not", "compare", *_TYPES))
        raise _Fault(f"{place}.type", f"there is no node {kind!r}; there are {known}")
    operator = _field(node, "operator", str, place)
    if operator not in _OPERATORS:
        known = ", ".join(_OPERATORS)
        raise _Fault(f"{place}.operator", f"there is no operator {operator!r}; there are {known}")
    if kind not in tree.FIELD_TYPES:
        _field(node, "name", str, place)
    try:
        path = write_path(tree.condition_keys(node))
    except ValueError as problem:
        raise _Fault(f"{place}.name", str(problem)) from None
    if operator in tree.WITHOUT_VALUE:
        return _infix(path, *shape.plain_operator(node), place)
    if "value" not in node:
        raise _Fault(place, f"the operator {operator!r} needs a value")
    return _with_value(node, path, operator, f"{place}.value")


def _with_value(node: Any, path: str, operator: str, place: str) -> str:
    if operator in _CALLS:
        value = node["value"]
        if operator.endswith("contains"):
            return _call(operator, path, _write_value(value, place))
        if not isinstance(value, str):
            raise _Fault(place, f"{operator!r} takes a text, not {describe_type(value)}")
        called = "not_match" if operator in tree.AFFIRMATIONS else "match"
        return _call(called, path, _write_text(shape.pattern_of(node)))
    if operator in _NUMERIC:
        plain, value = shape.plain_operator(node)
        number = parse_number(value) if isinstance(value, str) else number_from_json(value)
        if number is None:
            raise _Fault(place, f"{operator!r} takes a number, not {describe_type(value)}")
        return _infix(path, plain, number, place)
    value = node["value"]
    if operator in tree.ORDERS and isinstance(value, str):
        number = parse_number(value)  # as Segment writes it; any other text stays as it is
        value = value if number is None or not Decimal(number).is_finite() else number
    return _infix(path, operator, value, place)


def _write_compare(node: Any, place: str) -> str:
    operator = _field(node, "operator", str, place)
    if operator not in _COMPARE_OPERATORS:
        known = ", ".join(sorted(_COMPARE_OPERATORS))
        message = f"there is no operator {operator!r} here; there are {known}"
        raise _Fault(f"{place}.operator", message)
    left = _write_operand(node.get("left"), f"{place}.left", _MAX_LEVELS)
    right = _write_operand(node.get("right"), f"{place}.right", _MAX_LEVELS)
    if operator == "in":
        return f"{left} in {right}"
    if "path" in node["right"]:
        right = _as_path(right, node["right"]["path"])
    if operator in _CALLS:
        return _call(operator, left, right)
    return f"{left} {operator} {right}"


def _as_path(written: str, path: str) -> str:
    """Put a word in parentheses if it would be read as a text; they make it a path."""
    return written if is_rooted(tree.split_name(path)) else f"({written})"


def _write_operand(operand: Any, place: str, levels: int) -> str:
    if not levels:
        raise _Fault(place, "functions are nested too deeply: use fewer")
    if not isinstance(operand, Mapping) or len({"path", "value", "function"} & set(operand)) != 1:
        raise _Fault(place, 'an operand is {"path": ...}, {"value": ...} or {"function": ...}')
    if "value" in operand:
        return _write_value(operand["value"], f"{place}.value")
    if "path" in operand:
        try:
            return write_path(tree.split_name(_field(operand, "path", str, place)))
        except ValueError as problem:
            raise _Fault(f"{place}.path", str(problem)) from None
    return _write_function(operand, place, levels)


def _write_function(operand: Any, place: str, levels: int) -> str:
    name = _field(operand, "function", str, place)
    arguments = _field(operand, "arguments", list, place)
    if name not in FUNCTIONS or len(arguments) != FUNCTIONS[name].arity:
        known = ", ".join(f"{each} ({FUNCTIONS[each].arity})" for each in FUNCTIONS)
        raise _Fault(place, f"no function {name!r} of {len(arguments)}: there are {known}")
    texts = [
        _write_operand(each, f"{place}.arguments[{index}]", levels - 1)
        for index, each in enumerate(arguments)
    ]
    for index, each in enumerate(arguments[1:], start=1):
        if "path" in each:
            texts[index] = _as_path(texts[index], each["path"])
    return f"{name}({', '.join(texts)})"


def _infix(path: str, operator: str, value: Any, place: str) -> str:
    return f"{path} {operator} {_write_value(value, place)}"


def _call(operator: str, first: str, second: str) -> str:
    function = tree.AFFIRMATIONS.get(operator, operator)
    return f"{'' if function == operator else '!'}{function}({first}, {second})"


def _write_value(value: Any, place: str) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _write_text(value)
    if isinstance(value, list):
        if any(isinstance(item, list) for item in value):
            raise _Fault(place, "a trigger holds no list inside a list")
        items = (_write_value(item, f"{place}[{index}]") for index, item in enumerate(value))
        return f"[{', '.join(items)}]"
    number = number_from_json(value)
    if number is None:
        raise _Fault(place, f"a trigger holds no {describe_type(value)}")
    return _write_number(Decimal(number), place)


def _write_number(number: Decimal, place: str) -> str:
    if not number.is_finite() or abs(number.adjusted()) > MAX_TRIGGER_BYTES:
        raise _Fault(place, "this number is too long to be written")
    return write_digits(number)


def _write_text(text: str) -> str:
    inside = _ESCAPING_BACKSLASH.sub(r"\\\\", text).replace('"', '\\"')
    return f'"{inside}"'


def _field(node: Any, name: str, kind: type, place: str) -> Any:
    value = node.get(name) if isinstance(node, Mapping) else None
    if not isinstance(value, kind):
        wanted = "a text" if kind is str else "a list" if kind is list else "an object"
        raise _Fault(place, f"a node needs {name!r} with {wanted} in it")
    return value
