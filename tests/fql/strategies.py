"""Made-up triggers, as trees, and events for them; for hypothesis."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from offramp.fql import tree
from offramp.fql.functions import FUNCTIONS
from offramp.fql.glob import ends_of, parse_glob
from offramp.js.numbers import parse_number

KEYS = st.sampled_from(
    ["type", "event", "userId", "properties", "traits", "context", "a", "b", "0", "1", "length"]
)
ODD_KEYS = st.sampled_from(
    ["or", "and", "in", "true", "AND", "1st", "-", "x.y", "a b", "\\", "é\n"]
)
TEXTS = st.sampled_from(["track", "", "5", 'say "hi"', "C:\\", "\\\\", "it's", "a*b", "[x", "é😀"])
TEXTS |= st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
NUMBERS = st.integers() | st.decimals(allow_nan=False, allow_infinity=False, places=3)
NUMBERS |= st.sampled_from([0, 10**25, Decimal("1e300"), Decimal("-1e-7"), Decimal("5.0")])
SCALARS = NUMBERS | TEXTS | st.booleans() | st.none()
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
EVENTS = st.dictionaries(KEYS, JSON, max_size=6)
GLOBS = st.lists(
    st.sampled_from(["*", "?", "a", "b", "[ab]", "[^a-c]", "\\*", "\\\\", "é"]), max_size=5
).map("".join)

PATHS = st.lists(KEYS | ODD_KEYS, min_size=1, max_size=4).map(tuple)
PATH_OPERANDS = PATHS.map(lambda keys: {"path": tree.join_keys(keys)})


def is_no_number(text: str) -> bool:
    """Whether a text beside an order stays a text: one that writes a number is written as one."""
    return parse_number(text) is None


def conditions() -> st.SearchStrategy[Any]:
    """Conditions as the parser makes them: each thing has one way to be said."""
    text_only = [*tree.NEGATIONS, *tree.AFFIRMATIONS]
    pattern = GLOBS.filter(lambda glob: ends_of(parse_glob(glob)) is None)
    tests = st.one_of(
        st.tuples(st.sampled_from(sorted(tree.WITHOUT_VALUE))),
        st.tuples(st.sampled_from(["=", "!="]), TEXTS | st.lists(SCALARS, max_size=3)),
        st.tuples(st.just("!="), st.booleans()),
        st.tuples(st.sampled_from(["number_equals", "number_not_equals"]), NUMBERS),
        st.tuples(st.sampled_from(sorted(tree.ORDERS)), NUMBERS | TEXTS.filter(is_no_number)),
        st.tuples(st.sampled_from([name for name in text_only if "match" not in name]), TEXTS),
        st.tuples(st.sampled_from(["match", "not_match"]), pattern),
        st.tuples(st.just("in"), st.lists(SCALARS, min_size=1, max_size=3)),
    ).filter(lambda test: test[1:] != ("",) or not test[0].endswith("ends_with"))
    return st.builds(lambda keys, test: tree.condition(keys, *test), PATHS, tests)


def functions(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Calls of every function with as many arguments as it takes."""
    one = [name for name, function in FUNCTIONS.items() if function.arity == 1]
    text = TEXTS.map(lambda part: {"value": part})
    pattern = GLOBS.map(lambda glob: {"value": glob})
    return st.one_of(
        st.builds(call, st.sampled_from(one), inner),
        st.builds(call, st.just("contains"), inner, PATH_OPERANDS | text),
        st.builds(call, st.just("match"), inner, pattern),
    )


def call(name: str, *arguments: Any) -> Any:
    """Make a function operand."""
    return {"function": name, "arguments": list(arguments)}


OPERANDS = st.recursive(PATH_OPERANDS, functions, max_leaves=3)
CALLS = functions(OPERANDS | SCALARS.map(lambda value: {"value": value}))


def compares() -> st.SearchStrategy[Any]:
    """Compares as the parser makes them: never a path with a constant, never two constants."""
    comparison = st.sampled_from(["=", "!=", *sorted(tree.ORDERS)])
    constant = SCALARS.map(lambda value: {"value": value})
    number = NUMBERS.map(lambda value: {"value": value})
    items = st.lists(SCALARS, min_size=1, max_size=3).map(lambda value: {"value": value})
    text = TEXTS.map(lambda value: {"value": value})
    pattern = GLOBS.map(lambda value: {"value": value})
    containing = st.sampled_from(["contains", "not_contains"])
    return st.one_of(
        st.tuples(OPERANDS, comparison, OPERANDS),
        st.tuples(CALLS, st.sampled_from(["=", "!="]), constant),
        st.tuples(CALLS, st.sampled_from(sorted(tree.ORDERS)), number),
        st.tuples(OPERANDS | constant, st.just("in"), OPERANDS),
        st.tuples(CALLS, st.just("in"), items),
        st.tuples(OPERANDS, containing, PATH_OPERANDS),
        st.tuples(CALLS, containing, text),
        st.tuples(CALLS, st.sampled_from(["match", "not_match"]), pattern),
    ).map(lambda parts: dict(zip(("left", "operator", "right"), parts, strict=True)) | COMPARE)


COMPARE = {"type": "compare"}
LEAVES = conditions() | compares()


def groups(inner: st.SearchStrategy[Any], *, least: int) -> st.SearchStrategy[Any]:
    """Groups of at least so many children."""
    return st.builds(
        lambda operator, children: {"type": "group", "operator": operator, "children": children},
        st.sampled_from(["and", "or"]),
        st.lists(inner, min_size=least, max_size=4),
    )


def branches(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Groups and `not`, one level up; twice `not` is nothing, so that no parser makes it."""
    negated = inner.filter(lambda node: node["type"] != "not")
    return groups(inner, least=2) | negated.map(lambda child: {"type": "not", "child": child})


NODES = st.recursive(LEAVES, branches, max_leaves=6)
TREES = groups(NODES, least=1).filter(
    lambda root: (
        len(root["children"]) > 1
        or (root["operator"] == "and" and root["children"][0]["type"] != "group")
    )
)
PIECES = st.sampled_from(
    [
        *("type", "event", "properties.a", "traits.b", "anonymousId", "track", "5", "-.5", "1e5"),
        *("true", "null", "and", "or", "in", "AND", "!", "!=", "=", "<", ">=", "==", "not", "&&"),
        *("(", ")", "[", "]", ",", "contains(", "match(", "length(", "bool(", "foo*", '"', "'"),
        *("\\", ".", "\\or", '"a*"', "'x'", '"\\""', "é", "properties.a = 5 and", "(event = x)"),
    ]
)
FUZZ = st.lists(PIECES | st.text(max_size=2), max_size=14).map(" ".join) | st.text(max_size=20)
