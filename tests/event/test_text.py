"""An event's text is judged and changed without being parsed; what is not sure is told so."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp import _json
from offramp.event import may_nest_deeper_than, nests_deeper_than
from offramp.event.text import cut_text, extend_context

TEXTS = st.text(st.sampled_from('{}[]",: \\ab'), max_size=5)
NESTED = st.recursive(
    st.none() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=30,
)
PLAIN = st.recursive(
    st.integers() | st.text(st.sampled_from("ab: ,"), max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.just("a"), inner),
    max_leaves=30,
)


@given(value=NESTED, levels=st.integers(0, 6))
def test_what_is_surely_flat_is_flat(value: Any, levels: int) -> None:
    """Whatever its strings hold, written compactly or with spaces."""
    for text in (_json.dumps(value), _json.pretty(value).encode()):
        assert may_nest_deeper_than(text, levels) or not nests_deeper_than(value, levels)


@given(value=PLAIN, levels=st.integers(0, 6))
def test_without_brackets_in_strings_the_depth_is_known(value: Any, levels: int) -> None:
    """To the level, however many brackets there are side by side."""
    text = _json.pretty(value).encode()
    assert may_nest_deeper_than(text, levels) is nests_deeper_than(value, levels)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (b'{"a":1,"k":"v"}', b'{"a":1}'),
        (b'{"k":"v","a":1}', b'{"a":1}'),
        (b'{"a":1, "k":"v" ,"b":2}', None),
        (b'{"a":1,"k":"v" ,"b":2}', b'{"a":1 ,"b":2}'),
        (b'{"a":1,"k": "v"}', None),
        (b'{"a":{"k":"v"},"k":"v"}', None),
        (rb'{"a":"\"k\":\"v\"","\u006b":"v"}', None),
        (b'{"k":"v"}', None),
    ],
)
def test_a_member_is_cut_where_it_is_surely_found(text: bytes, left: bytes | None) -> None:
    """The rest is JSON without it."""
    assert cut_text(text, "k", "v") == left
    assert cut_text(text, "k", 5) is None


@pytest.mark.parametrize(
    ("text", "extended"),
    [
        (b'{"context":{"a":1},"b":{}}', b'{"context":{"a":1,"ip":"i"},"b":{}}'),
        (b'{"context":{"a":{}} }', b'{"context":{"a":{},"ip":"i"} }'),
        (b'{"context":{"a":1},"b":{"a":1}}', None),
        (
            b'{"context":{"a":1},"context":{"b":1}}',
            b'{"context":{"a":1},"context":{"b":1,"ip":"i"}}',
        ),
    ],
)
def test_a_context_is_extended_where_it_is_surely_found(
    text: bytes, extended: bytes | None
) -> None:
    """Of two contexts the last, which is the one that counts."""
    assert extend_context(text, {"ip": "i"}) == extended
