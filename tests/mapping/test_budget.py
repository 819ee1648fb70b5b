"""What one event may cost: a counted budget, with one answer however the mapping is run."""

from __future__ import annotations

import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.mapping.parts import as_code, as_tree

from offramp.errors import BudgetError, MappingError, TransformError
from offramp.mapping import compile_mapping, transform
from offramp.mapping.budget import MAX_CHARACTERS, MAX_STEPS, budgeted
from offramp.mapping.compiler import FREE_PLACEHOLDERS
from offramp.payload.formats.regexes import is_js_regex
from offramp.payload.values import read_number

#: The largest event, in characters; half of it, where an attack needs two of its values.
LARGEST, HALF = 32_000, 16_000
#: Characters of a template that filters have room in.
TEMPLATE = 900
#: Generous for machines that do other work meanwhile: each took from 1 s to 30 s without a bound.
SECONDS = 0.7
#: Bytes of memory at most, of which characters beyond Latin take two or four.
MOST_MEMORY = 40_000_000
MANY = " {{ a }}" * 120

LIQUID_OF_TEXT = {
    f"@liquid {each}": (
        {"@liquid": f"{{{{ a | {each}{f' | {each}' * (TEMPLATE // len(f' | {each}'))} }}}}"},
        {"a": "& é<" * (LARGEST // 4)},
    )
    for each in (
        "url_encode", "cgi_escape", "uri_escape", "slugify", "escape", "escape_once", "upcase",
        "squish", "normalize_whitespace", "truncatewords: 9999", "base64_encode", "sha256", "date",
        "replace: '', 'ab'", "split: '' | join: 'ab'", "json", "strip_html", "append: a",
    )
}  # fmt: skip


def nested_transforms(inner: Any) -> Any:
    """A mapping of a mapping, and so on, of which each doubles what it gets."""
    for _ in range(20):
        doubled = {"a": {"@path": "$."}, "b": {"@path": "$."}}
        inner = {"@transform": {"apply": doubled, "mapping": inner}}
    return inner


#: What it is -> mapping of one field, event.
ATTACKS: dict[str, tuple[Any, dict[str, Any]]] = {
    "range": ({"@liquid": "{{ (1..1000000) | join: '' }}"}, {}),
    "range of the event": ({"@liquid": "{{ (1..n) | join: '' }}"}, {"n": 999_999}),
    "range without end": ({"@liquid": "{{ (n..m) | size }}"}, {"n": "-Infinity", "m": "Infinity"}),
    "ranges": ({"@liquid": "{{ (1..9999) | join }}" * 40}, {}),
    "outputs": ({"@liquid": MANY}, {"a": "x" * LARGEST}),
    "outputs of lists": ({"@liquid": MANY}, {"a": [1] * HALF}),
    "doubled": ({"@liquid": "{% assign a = a | append: a %}" * 30}, {"a": "x"}),
    "captured": ({"@liquid": "{% capture a %}{{a}}{{a}}{% endcapture %}" * 24}, {"a": "xx"}),
    "nested lists": (
        {"@liquid": "{% assign a = a | push: a %}" * 30 + "{{ a }}"},
        {"a": ["x"]},
    ),
    "nested lists compared": (
        {"@liquid": "{% assign a = a | push: a %}" * 30 + "{% if a == b %}x{% endif %}"},
        {"a": ["x"], "b": ["x"]},
    ),
    "padding": ({"@liquid": "{{ 0 | date: '%200000000d' }}"}, {}),
    "fractions": ({"@liquid": "{{ 0 | date: f }}"}, {"f": "%2000000000N"}),
    "endless widths": ({"@liquid": "{{ 0 | date: f }}"}, {"f": f"%{'9' * HALF}N"}),
    "layouts": ({"@liquid": "{{ 0 | date: f }}"}, {"f": "%c" * HALF}),
    "dates": ({"@liquid": "{{ a | date }}" * 60}, {"a": "a." * HALF}),
    "sum by keys": (
        {"@liquid": "{{ a | sum: k }}"},
        {"a": [{"a": 1}] * 2_000, "k": ".".join("a" * 7_000)},
    ),
    "where by keys": (
        {"@liquid": "{{ a | where: k }}"},
        {"a": [{"a": 1}] * 2_000, "k": ".".join("a" * 7_000)},
    ),
    "constants for each item": (
        {"@arrayPath": ["$.a", {f"c{index}": "x" for index in range(100)}]},
        {"a": [{}] * (LARGEST // 3)},
    ),
    "a long text for each item": (
        {"@arrayPath": ["$.a", {"c": [{"d": "x" * 300}]}]},
        {"a": [{}] * (LARGEST // 3)},
    ),
    "before": (
        {"@replace": {"pattern": "a", "replacement": "$`$`$`$`", "value": {"@path": "$.a"}}},
        {"a": "a" * LARGEST},
    ),
    "behind": (
        {"@replace": {"pattern": "a", "replacement": "$'$'", "value": {"@path": "$.a"}}},
        {"a": "a" * LARGEST},
    ),
    "tenfold, twice": (
        {
            "@replace": {
                "pattern": "a", "replacement": "a" * 10,
                "pattern2": "a", "replacement2": "a" * 10,
                "value": {"@path": "$.a"},
            }
        },
        {"a": "a" * LARGEST},
    ),
    "a template of the event": (
        {"@template": {"@path": "$.t"}},
        {"t": "{{a}}" * 3_200, "a": "x" * HALF},
    ),
    "a template of lists": (
        {"@template": {"@path": "$.t"}},
        {"t": "{{a}}" * 3_200, "a": [1] * (HALF // 2)},
    ),
    "a triple placeholder": (
        {"@template": "{{{t}}}"},
        {"t": "{{a}}" * 3_200, "a": "x" * HALF},
    ),
    "many placeholders": ({"@template": "{{a}}" * 2_000}, {"a": "x" * LARGEST}),
    "few placeholders, doubled": (
        {
            "@transform": {
                "apply": {"a": {"@template": "{{a}}{{a}}{{a}}{{a}}{{a}}{{a}}{{a}}{{a}}"}},
                "mapping": {
                    "@transform": {
                        "apply": {"a": {"@template": "{{a}}{{a}}{{a}}{{a}}{{a}}{{a}}{{a}}{{a}}"}},
                        "mapping": {"@template": "{{a}}{{a}}{{a}}{{a}}{{a}}{{a}}{{a}}{{a}}"},
                    }
                },
            }
        },
        {"a": "x" * LARGEST},
    ),
    "transforms within transforms": (
        nested_transforms({"@json": {"mode": "encode", "value": {"@path": "$."}}}),
        {"a": 1},
    ),
    "transforms within transforms, flattened": (
        nested_transforms({"@flatten": {"separator": ".", "value": {"@path": "$."}}}),
        {"a": 1},
    ),
    "a text for each item": (
        {"@arrayPath": ["$.a", {"t": {"@template": "x" * 500 + "{{.}}"}}]},
        {"a": [1] * HALF},
    ),
}  # fmt: skip
#: What stays within the budget, or has none to stay within, and used to take seconds.
HARMLESS: dict[str, tuple[Any, dict[str, Any]]] = {
    "a template of letters": (
        {"@template": {"@path": "$.t"}},
        {"t": "{{a.1}}" * 2_300, "a": "😀" * (HALF // 4)},
    ),
    "braces": ({"@template": {"@path": "$.a"}}, {"a": "{" * LARGEST}),
    "open braces": ({"@template": "{{{a}}}"}, {"a": "{{a" * (LARGEST // 3)}),
    "open triple braces": ({"@template": "{{{a}}}"}, {"a": "{{{a}}" * (LARGEST // 6)}),
    "digits": ({"@liquid": "{{ a | plus: 1 }}"}, {"a": "1" * LARGEST + "x"}),
    "sizes": ({"@liquid": "{{ a.size }}" * 80}, {"a": "😀" * (LARGEST // 4)}),
}


def measured(run: Any) -> tuple[Any, float, int]:
    """What came of it, processor seconds without tracing, bytes at the peak."""
    begin = time.process_time()
    outcome = run()
    seconds = time.process_time() - begin
    tracemalloc.start()
    try:
        run()
        return outcome, seconds, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def outcome_of(resolve: Any, event: Any) -> tuple[str, str]:
    try:
        return "made", repr(resolve(event))
    except TransformError as error:
        return error.code, str(error)


@pytest.mark.parametrize("name", [*ATTACKS, *LIQUID_OF_TEXT])
def test_no_event_costs_more_than_its_budget(name: str) -> None:
    """Each way to make much of little ends as a rejection that names place, budget and remedy."""
    spec, event = {**ATTACKS, **LIQUID_OF_TEXT}[name]
    compiled = compile_mapping({"f": spec})
    (code, said), seconds, peak = measured(lambda: outcome_of(compiled, event))
    assert seconds < SECONDS
    assert peak < MOST_MEMORY
    if name in ATTACKS or code != "made":
        assert code == "MAPPING_BUDGET"
        assert said.startswith("mapping @ $.f.@")
        assert f"{MAX_STEPS:,} steps" in said or f"{MAX_CHARACTERS:,} characters" in said
        assert said.endswith("make the mapping simpler or the event smaller")
    assert compiled.explain(event).fault == (
        None if code == "made" else said.removeprefix("mapping ")
    )


@pytest.mark.parametrize("name", HARMLESS)
def test_what_needs_no_budget_takes_no_time(name: str) -> None:
    """A value that looks like the beginning of something is read once, not once for each sign."""
    spec, event = HARMLESS[name]
    compiled = compile_mapping({"f": spec})
    (code, _), seconds, _ = measured(lambda: outcome_of(compiled, event))
    assert code == "made"
    assert seconds < SECONDS


@pytest.mark.parametrize("name", [*ATTACKS, *HARMLESS])
def test_both_ways_of_running_end_alike(name: str) -> None:
    """The straight-line code and the functions spend the same at the same places."""
    spec, event = {**ATTACKS, **HARMLESS}[name]
    mapping = {"before": {"@path": "$.n"}, "f": spec, "after": {"@path": "$.t"}}
    as_functions = outcome_of(budgeted(as_tree(mapping)), event)
    assert outcome_of(budgeted(as_code(mapping)), event) == as_functions


COSTS = st.sampled_from([0, 1, 30, 300])
PIECES = st.recursive(
    st.builds(lambda n: {"@liquid": f"{{{{ (1..{n}) | join: a }}}}"}, COSTS)
    | st.builds(lambda n: {"@template": "{{a}}" * (n + 1)}, COSTS)
    | st.builds(
        lambda to: {"@replace": {"pattern": "a", "replacement": to, "value": {"@path": "$.a"}}},
        st.sampled_from(["aaa", "$`", "b"]),
    )
    | st.just({"@path": "$.a"}),
    lambda inner: (
        st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
        | st.builds(lambda one: {"@if": {"exists": one, "then": one}}, inner)
        | st.builds(lambda one: {"@arrayPath": ["$.l", {"x": one}]}, inner)
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(
    mapping=st.dictionaries(st.sampled_from("abc"), PIECES, max_size=3),
    size=st.sampled_from([1, 40, 900]),
)
def test_every_mapping_spends_alike_in_both_ways(mapping: Any, size: int) -> None:
    """With a small budget, the same events are rejected, at the same place, however it is run."""
    event = {"a": "a" * size, "l": [{"a": "aa"}] * size}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("offramp.mapping.budget.Budget.__init__", _poor)
        answer = {
            outcome_of(budgeted(as_tree(mapping)), event),
            outcome_of(budgeted(as_code(mapping)), event),
            outcome_of(compile_mapping(mapping), event),
        }
    assert len({code if code != "made" else (code, made) for code, made in answer}) == 1
    assert len({said for code, said in answer if code != "made"}) <= 1


def _poor(budget: Any) -> None:
    budget.steps, budget.characters = 400, 20_000


def test_the_budget_is_one_for_all_fields_and_new_for_each_event() -> None:
    """What one field spends the next has no more; what one event spends the next has again."""
    field = {"@liquid": f"{{{{ (1..{MAX_STEPS * 2 // 5}) | size }}}}"}
    assert transform({"a": field}, {}) == {"a": str(MAX_STEPS * 2 // 5)}
    compiled = compile_mapping({"a": field, "b": field})
    for _ in range(3):
        with pytest.raises(BudgetError, match=r"@ \$\.b\.@liquid"):
            compiled({})


def test_a_mapping_that_is_too_much_for_any_event_is_refused_when_saved() -> None:
    """What depends on no event is made when the mapping is compiled, within the same budget."""
    spec: Any = "a"
    for _ in range(8):
        spec = {"@replace": {"pattern": "a", "replacement": "a" * 10, "value": spec}}
    with pytest.raises(MappingError, match="the budget of one event"):
        compile_mapping({"f": spec})


def test_a_few_placeholders_of_the_event_are_free() -> None:
    """Usual templates are charged nothing; a mapping of many is, from the same one on each time."""
    free = {f"f{at}": {"@template": "{{a}}"} for at in range(FREE_PLACEHOLDERS)}
    event = {"a": "x" * (MAX_CHARACTERS // 2)}
    assert len(transform(free, event)) == FREE_PLACEHOLDERS
    charged = {**free, "g": {"@template": "{{a}}"}, "h": {"@template": "{{a}}-"}}
    with pytest.raises(BudgetError, match=r"@ \$\.h"):
        transform(charged, event)


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (read_number, "1" * LARGEST + "x"),
        (read_number, "1" * LARGEST + ".x"),
        (is_js_regex, r"\k<" * (LARGEST // 3)),
        (is_js_regex, r"\k<" * (LARGEST // 3) + ">"),
    ],
)
def test_hostile_values_of_fields_take_no_time(read: Any, text: str) -> None:
    """A number or an expression that ends badly is seen through in time linear in its length."""
    begin = time.process_time()
    read(text)
    assert time.process_time() - begin < SECONDS
