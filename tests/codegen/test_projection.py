"""Reading by projection equals reading the whole text, for everything that reads only the paths."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from offramp import _json
from offramp._json import (
    MAX_OBJECT_KEYS,
    MAX_PATH_KEYS,
    Path,
    Projection,
    StructReader,
    attribute_of,
    is_skipped_safely,
)
from offramp.codegen import Source
from offramp.fql.paths import compile_path, compile_struct_path
from offramp.mapping.path import look_up

KEYS = st.sampled_from(["a", "b", "c", "0", "length", "size", "a.b", "", "é", "\U0001d4b3", "\n"])
NUMBERS = st.sampled_from(["0", "-0", "1.50", "1e5", "123456789012345678901234567890", "1E-400"])
SCALARS = st.none() | st.booleans() | st.text(max_size=4) | st.builds(_json.loads, NUMBERS)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=16,
)
PATHS = st.lists(KEYS, max_size=4).map(tuple)
#: Is skipped by whatever does not read it.
PADDING = '"padding":"xxx"'

#: What `loads` refuses, and what it reads though it looks odd; each is the value of a skipped key.
ODD = [
    *("1", "-0", "01", "1.", ".5", "+1", "-", "1e", "0x1", "1_0", "1e400", "NaN", "-Infinity"),
    *("tru", "nul", "true1", "[1,]", "[,1]", "[1 2]", "[1}", '{"b":1,}', "{b:1}", "{1:2}", ""),
    *("1e9999999999999999999", "1E-9999999999999999999", "0e+1000000000000000000"),
    *("1e99999999999999999", "1e999999999999999999", "1e000000000000000000000000001"),
    *("9" * 4_300, "9" * 4_301, "-" + "9" * 4_300, "9" * 5_000 + ".5", "0." + "9" * 5_000),
    *('"' + "9" * 5_000 + '"', '"1e9999999999999999999"', "18446744073709551616"),
    *(r'"\x"', r'"\u12g4"', r'"\u123"', r'"\u0000"', '"\x00"', '"\x1f"', '"\x7f"', '"\t"', '"a'),
    *(r'"\ud800"', r'"\uDC00"', r'"\ud83d\ude00"', r'"\ud800\u0041"', r'{"\ud800":1}', r'{"\x":1}'),
    *("[" * 100 + "]" * 100, "[" * 5_000 + "]" * 5_000, '{"a":' * 5_000 + "1" + "}" * 5_000),
    *(
        "1 x",
        "1}",
        "1]",
        "[\x0b1]",
        "[\u00a01]",
        "/**/1",
        "1,",
        '1,"a"',
        '1,"a":2,"a":3',
        "\ufeff1",
    ),
]


def outcome(read: Any, data: bytes) -> Any:
    """What reading gives: the value, or that the text is refused."""
    try:
        return read(data)
    except _json.READ_ERRORS:
        return "refused"


def strictly(reader: StructReader, data: bytes) -> Any:
    """What is read of a text from outside, as the collector reads it; raises if it is refused."""
    if not is_skipped_safely(data):
        raise ValueError
    return reader.read_checked(data)


def made_anew(key: str) -> str:
    """An equal text: one that was written as JSON keeps its UTF-8, where msgspec finds it."""
    return key.encode("utf-8", "surrogatepass").decode("utf-8", "surrogatepass")


def texts(value: Any) -> st.SearchStrategy[str]:
    """The value written in different ways: with escapes, with spaces, with repeated keys."""
    return st.sampled_from(
        [
            _json.dumps(value).decode(),
            _json.pretty(value),
            json.dumps(json.loads(_json.dumps(value)), ensure_ascii=True),
        ]
    )


@st.composite
def objects(draw: st.DrawFn) -> str:
    """The text of an object; a key may come twice, and its value change with that."""
    members = draw(st.lists(st.tuples(KEYS, VALUES.flatmap(texts)), max_size=6))
    written = []
    for key, value in members:
        name = json.dumps(key)
        if draw(st.booleans()):
            name = '"' + "".join(f"\\u{ord(c):04x}" for c in key if ord(c) < 0x10000) + '"'
        written.append(f"{name}{draw(st.sampled_from(['', ' ']))}:{value}")
    return "{" + ",".join([*written, PADDING]) + "}"


@example(text='{"a":{"b":1},"a":{"c":2}}', paths=[("a", "b")], only=[])
@example(text='{"a":null}', paths=[("a", "b")], only=[])
@example(text='{"a":"text"}', paths=[("a", "length")], only=[])
@example(text='{"a":[{"b":1}]}', paths=[("a", "0", "b")], only=[])
@example(text='{"a":{"b":1}}', paths=[("a",), ("a", "b")], only=[("a",)])
@example(text='{"a":{"b":1}}', paths=[("\ud800",), ("a", "\ud800")], only=[])
@example(text='{"":1,"\u00e9":2}', paths=[("\u00e8\u00e9"[1:],)], only=[])
@settings(max_examples=500, deadline=None)
@given(
    text=objects(), paths=st.lists(PATHS, max_size=4), only=st.lists(st.tuples(KEYS), max_size=2)
)
def test_every_path_reads_what_it_reads_of_the_whole(
    text: str, paths: list[Path], only: list[Path]
) -> None:
    """Mappings and triggers find the same values of the same types."""
    data = text.encode()
    whole = _json.loads(data)
    paths = [tuple(map(made_anew, path)) for path in paths]
    part = Projection(frozenset(paths)).read(data)
    for path in paths:
        assert repr(look_up(part, path)) == repr(look_up(whole, path))
        if path:
            assert repr(compile_path(path)(part)) == repr(compile_path(path)(whole))
    named = [path for path in paths if path]
    reader = StructReader(named, objects=only)
    for read in (reader.of(whole), reader.read(data), outcome(partial(strictly, reader), data)):
        if read == "refused":  # as a list with an index in a path is
            continue
        for path in named:
            assert repr(compile_struct_path(path)(read)) == repr(compile_path(path)(whole))
        for (key,) in only:
            value, found = whole.get(key), getattr(read, attribute_of(key))
            assert type(value) is type(found)
            assert isinstance(value, dict) or repr(value) == repr(found)


@pytest.mark.parametrize("key", ["a", "b"])
@pytest.mark.parametrize("odd", ODD, ids=lambda odd: ascii(odd)[:40])
def test_a_text_is_refused_if_it_is_refused_as_a_whole(odd: str, key: str) -> None:
    """Whether the odd value is read or skipped: an accepted event can be read whole later."""
    read = partial(strictly, StructReader([("a",), ("c",)]))
    is_usual = "\\u" not in odd and "9" * 18 not in odd and "0" * 18 not in odd
    for text in (f'{{"{key}":{odd},{PADDING}}}', f'{{{PADDING},"{key}":{{"n":[{odd}]}}}}'):
        data = text.encode("utf-8", "surrogatepass")
        is_read = outcome(read, data) != "refused"
        assert not is_read or outcome(_json.loads, data) != "refused"
        assert is_read or not is_usual or outcome(_json.loads, data) == "refused"


@pytest.mark.parametrize(
    "odd", [b"\xff", b"\xed\xa0\x80", b"\xc3", b"\xf0\x9f\x98\x80", b"\xc0\x80"]
)
def test_what_is_skipped_is_utf_8(odd: bytes) -> None:
    """In a skipped text, and in a skipped key."""
    read = partial(strictly, StructReader([("a",)]))
    for member in (b'"b":"%b"', b'"%b":1', b'"b":{"%b":[]}'):
        data = b"{" + member % odd + b"," + PADDING.encode() + b"}"
        is_read = outcome(read, data) != "refused"
        assert is_read is (outcome(_json.loads, data) != "refused")


@settings(max_examples=500, deadline=None)
@given(text=objects(), at=st.integers(0), put=st.binary(max_size=2), cut=st.integers(0, 3))
def test_a_damaged_text_is_refused_if_it_is_refused_as_a_whole(
    text: str, at: int, put: bytes, cut: int
) -> None:
    """Any bytes in any place, or bytes that are missing."""
    data = text.encode()
    at %= len(data) - len(PADDING)
    data = data[:at] + put + data[at + cut :]
    whole = outcome(_json.loads, data)
    part = outcome(partial(strictly, StructReader([("a", "b"), ("c",)])), data)
    if part != "refused":
        for path in (("a", "b"), ("c",)):
            assert repr(compile_struct_path(path)(part)) == repr(compile_path(path)(whole))


def test_only_what_is_asked_for_is_read() -> None:
    """Numbers keep each digit, keys beside the paths are not there, other objects are empty."""
    data = b'{"a":{"b":1.50,"c":2},"d":[1],"e":{"f":1},"g":0}'
    projection = Projection(frozenset({("a", "b")}))
    assert projection.read(data) == {"a": {"b": Decimal("1.50")}}
    assert str(projection.read(data)["a"]["b"]) == "1.50"
    read = StructReader([("a", "b"), ("no",)], objects=[("e",)]).read(data)
    assert (read.a, read.e, read.no) == ({"b": Decimal("1.50")}, {}, None)
    assert not hasattr(read, "g")
    assert Projection(frozenset()).read(data) == {}
    assert (
        Projection(None).read(data) == Projection(frozenset({()})).read(data) == _json.loads(data)
    )


@pytest.mark.parametrize("text", [b"[]", b"1", b"null", b'"a"'])
def test_what_is_no_object_is_read_whole(text: bytes) -> None:
    """So that whoever asked can say what it is."""
    assert Projection(frozenset({("a",)})).read(text) == _json.loads(text)


def test_long_paths_and_many_keys_are_read_whole() -> None:
    """What costs more to tell apart than to read is read; nothing is missing."""
    long = tuple("abcdefghijklmnopqrstuvwxyz")
    nested: Any = {"b": 1}
    for key in reversed(long[:-1]):
        nested = {key: nested, "beside": 1}
    read = Projection(frozenset({long})).read(_json.dumps(nested))
    assert look_up(read, long[:MAX_PATH_KEYS]) == look_up(nested, long[:MAX_PATH_KEYS])
    assert "beside" not in read
    many = {f"k{number}": number for number in range(2 * MAX_OBJECT_KEYS)}
    asked = [f"k{number}" for number in range(MAX_OBJECT_KEYS + 1)]
    assert Projection(frozenset((key,) for key in asked)).read(_json.dumps(many)) == many
    data = _json.dumps({"a": many, "b": 1})
    assert Projection(frozenset(("a", key) for key in asked)).read(data) == {"a": many}


def test_attributes_tell_keys_apart() -> None:
    """Whatever a key is, it has an attribute of its own, which generated code can write."""
    keys = ["a", "_a", "_61", "__class__", "class", "None", "é", "\ufb01", "fi", "", "a b", "0"]
    assert len({attribute_of(key) for key in keys}) == len(keys)
    read = StructReader([(key,) for key in keys]).read(_json.dumps({key: key for key in keys}))
    for key in keys:
        source = Source("attribute")
        with source.block("def get(read):"):
            source.write(f"return read.{attribute_of(key)}")
        assert source.function("get")(read) == key
