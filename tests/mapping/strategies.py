"""Made-up events and mappings, for hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from offramp.mapping import BUILTIN_DIRECTIVES

KEYS = st.sampled_from(["a", "b", "c", "0", "1", "length", "size", "x y", ""])


NUMBERS = (
    st.integers()
    | st.sampled_from([10**21, 2**53 + 1, -(10**30)])
    | st.decimals(allow_nan=False, allow_infinity=False)
)


TEXTS = st.text(max_size=8) | st.sampled_from(
    ["$.a.b", "{{a}}", '{"a":[1]}', "\U0001d4b3", "1e3", "2024"]
)


SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS


JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


EVENTS = st.dictionaries(KEYS, JSON, max_size=6)


PATHS = st.lists(KEYS, max_size=3).map(lambda keys: "$." + ".".join(keys))


TEMPLATES = st.lists(
    PATHS.map(lambda path: f"{{{{{path[2:]}}}}}") | st.sampled_from(["{{{a}}}", "{{", "}}", "x"])
).map("".join)


LIQUID = st.sampled_from(
    [
        "{{ a | plus: b }}",
        "{{ a | date: b }} {{ c | slice: a, b }}",
        "{% if a < b and c contains a %}{{ a | json }}{% else %}{{ b.size | times: c }}{% endif %}",
        "{{ a | default: b | split: c | join: a | truncate: b }}",
        "{{ (a..b) | size }} {{ a[b] }} {{ b | where: 'a', c | first }} {{ a | round: b }}",
        "{% assign x = a | push: b | sum: 'a' %}{{ x | modulo: c }}{% increment a %}",
        "{{ a | url_decode }}{{ b | base64_decode }}{{ c | slugify | hmac_sha256: a }}",
        "{{ a.b.size }}{{ size }}{{ a.size.b }}{{ a['size'] }}{{ b.first.a }}{{ c[0].length }}",
        "{% if a %}{% assign b = a.c %}{% endif %}{{ b.a }}{{ [a] }}{{ ['x y'].c }}{{ a == a }}",
        "{% decrement b %}{{ b.a }}{% capture c %}{{ a.b }}{% endcapture %}{{ c.length }}{{ b }}",
    ]
)


def options(inner: st.SearchStrategy[Any]) -> dict[str, st.SearchStrategy[Any]]:
    """By directive, specs around parts of a mapping, mostly with the options that it takes."""
    members = st.dictionaries(KEYS, inner, max_size=3)
    some_object = members | st.builds(lambda path: {"@path": path}, PATHS)
    specs = {
        "@path": PATHS | inner,
        "@template": TEMPLATES | inner,
        "@literal": inner,
        "@excludeWhenNull": inner,
        "@liquid": LIQUID,
        "@case": st.fixed_dictionaries(
            {"operator": st.sampled_from(["lower", "upper", "title"])}, optional={"value": inner}
        ),
        "@if": st.fixed_dictionaries(
            {}, optional={"exists": inner, "blank": inner, "then": inner, "else": inner}
        ),
        "@replace": st.fixed_dictionaries(
            {"pattern": st.sampled_from(["a", "$", "é", "ß"]), "value": inner},
            optional={"replacement": st.sampled_from(["$&", "x"]), "ignorecase": st.booleans()},
        ),
        "@arrayPath": st.tuples(PATHS | inner, some_object).map(list),
        "@flatten": st.fixed_dictionaries(
            {"separator": st.sampled_from([".", "_"]), "value": inner},
            optional={"omitArrays": st.booleans()},
        ),
        "@json": st.fixed_dictionaries(
            {"mode": st.sampled_from(["encode", "decode"]), "value": inner}
        ),
        "@merge": st.fixed_dictionaries(
            {
                "direction": st.sampled_from(["left", "right"]),
                "objects": st.lists(some_object | inner, max_size=3),
            }
        ),
        "@transform": st.fixed_dictionaries({"apply": some_object, "mapping": some_object}),
    }
    assert set(specs) == set(BUILTIN_DIRECTIVES)
    return specs


def specs(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Any directive around parts of a mapping."""
    return st.one_of([st.fixed_dictionaries({name: spec}) for name, spec in options(inner).items()])


PARTS = st.recursive(
    SCALARS | st.builds(lambda path: {"@path": path}, PATHS),
    lambda inner: (
        specs(inner) | st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)
    ),
    max_leaves=8,
)


MAPPINGS = st.dictionaries(KEYS, PARTS, max_size=3) | specs(PARTS)
