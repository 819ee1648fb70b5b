"""JSON in and out with every number kept exact; reads of an object only what is asked for."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeAlias, TypedDict

import msgspec

_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_OBJECT_DECODER = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
#: msgspec's message for an integer that it cannot read.
_OUT_OF_RANGE: Final = "Integer value out of range"


#: Most characters of an integer, its sign included. Python refuses longer ones, because reading
#: them takes quadratic time. Source: `sys.set_int_max_str_digits`.
MAX_INTEGER_CHARS: Final = 4_300


#: Most keys of a path that a projection tells apart; it reads whole what lies below.
MAX_PATH_KEYS: Final = 16
#: Most keys of one object that a projection reads by themselves. msgspec compares each key of the
#: text with them in turn, so with more of them reading the whole object takes less time.
MAX_OBJECT_KEYS: Final = 32

#: A key by which msgspec can read a field of a struct.
_NAME: Final = re.compile(r'[^\x00-\x1f"\\\ud800-\udfff]*')

#: Keys, each inside the one before.
Path: TypeAlias = tuple[str, ...]
#: The paths of an object that something reads, each with all that is below it; `None`, or the path
#: without keys, for the whole object.
Reads: TypeAlias = frozenset[Path] | None
#: By key, what is read of an object: of a value its keys, or all of it (`None`).
_Tree: TypeAlias = "dict[str, _Tree | None]"

#: Numbers that `loads` refuses, though their grammar is that of JSON: an exponent that `Decimal`
#: does not have, or more digits than Python reads. Both have a run of so many digits.
_REFUSED_NUMBER: Final = re.compile(rb"[eE][+-]?[0-9]{18}|[0-9]{4300}")
#: Every fourth byte, and what a run of 18 digits has at least among them.
_SAMPLE: Final = slice(None, None, 4)
_SAMPLED_DIGITS: Final = b"0000"
_AS_ZERO: Final = bytes.maketrans(b"123456789", b"000000000")

#: What reading raises for a text that it cannot read.
READ_ERRORS: Final = (msgspec.MsgspecError, RecursionError, ArithmeticError, ValueError)

_typed_dict: Final[Any] = TypedDict

_TOO_LONG: Final = f"integers have at most {MAX_INTEGER_CHARS} characters"


class HalfCharacterError(ValueError):
    """Half of a surrogate pair in a text that must stay unique; `place` says where."""

    def __init__(self, place: str) -> None:
        super().__init__("has half of a surrogate pair; cut texts between characters")
        self.place = place


def loads(data: bytes | str, *, exact: Collection[str] = ()) -> Any:
    """Parse JSON; numbers with a fraction or exponent become `Decimal`, others `int`.

    Half of a surrogate pair, which JavaScript clients send when they cut a string in two,
    becomes U+FFFD. In a key, and in the text under a key of `exact`, it raises
    `HalfCharacterError`, since two different texts could become equal. Raises `ValueError` for
    anything that is not JSON, and for integers longer than `MAX_INTEGER_CHARS`.
    """
    try:
        return _DECODER.decode(data)
    except msgspec.MsgspecError as error:
        text = data if isinstance(data, str) else data.decode(errors="replace")
        if r"\ud" not in text.lower():
            raise ValueError(_describe(error)) from None
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None
    except InvalidOperation:
        raise ValueError("a number's exponent is out of range") from None
    try:
        parsed = json.loads(
            text, parse_float=Decimal, parse_int=_parse_int, parse_constant=_refuse_constant
        )
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None
    except InvalidOperation:
        raise ValueError("a number's exponent is out of range") from None
    return _mend(parsed, exact, "$")


def dumps(value: Any) -> bytes:
    """Write compact JSON; `Decimal` as the number it is, `datetime` in ISO 8601.

    Half of a surrogate pair, which aiohttp makes from header bytes that are not UTF-8, is written
    as U+FFFD. Raises `TypeError` for a value that has no JSON form.
    """
    try:
        return dumps_exactly(value)
    except UnicodeEncodeError:
        return dumps_exactly(_readable(value))


#: As `dumps`, except that half of a surrogate pair raises `UnicodeEncodeError`.
dumps_exactly: Final[Callable[[Any], bytes]] = _ENCODER.encode


def pretty(value: Any, *, indent: int = 2) -> str:
    """Write JSON for a person to read."""
    return msgspec.json.format(dumps(value), indent=indent).decode()


class Projection:
    """Reads JSON objects, of each only what some paths name; the rest is skipped, not parsed.

    What it returns equals the whole object for everything that reads only these paths. It may hold
    more: the whole object is read where a path leads into a value that is neither an object nor
    null, such as a list with an index in the path.
    """

    def __init__(self, paths: Reads) -> None:
        self._decode: Callable[[bytes], Any] | None = None
        tree = None if paths is None else _tree_of(map(_known_keys, paths))
        if tree is not None and len(tree) <= MAX_OBJECT_KEYS:
            self._decode = msgspec.json.Decoder(_shape(tree), float_hook=Decimal).decode

    def read(self, data: bytes) -> Any:
        """Read a text that `loads` can read, such as one that is stored; raises as `loads` does.

        What is skipped is not checked in full: a text from outside may pass that `loads` refuses.
        """
        if self._decode is None:
            return loads(data)
        try:
            return self._decode(data)
        except READ_ERRORS:
            return loads(data)


class StructReader:
    """Reads JSON objects into structs: values with an attribute for each key that is read.

    A struct is smaller than a dictionary, and made faster. Its attributes are named by
    `attribute_of`, and are `None` where the object has no such key; their values hold what
    `Projection` reads of them. Of the values at `objects` only the type is read: an object or null,
    and of an object none of its keys. Keys are found fastest in the order of the paths.
    """

    def __init__(self, paths: Iterable[Path], *, objects: Iterable[Path] = ()) -> None:
        tree = _tree_of((_known_keys(path) or path[:1] for path in paths), objects) or {}
        self._keys = tuple(tree)
        fields = [(attribute_of(key), _value_shape(below), None) for key, below in tree.items()]
        self._decode: Callable[[bytes], Any] = self._decode_whole
        if all(map(_NAME.fullmatch, tree)):
            names = {attribute_of(key): key for key in tree}
            self._struct = msgspec.defstruct("Read", fields, rename=names, gc=False)
            self._decode = msgspec.json.Decoder(self._struct, float_hook=Decimal).decode
        else:
            self._struct = msgspec.defstruct("Read", fields, gc=False)

    def of(self, whole: Mapping[str, Any]) -> Any:
        """Make the struct of an object."""
        return self._struct(*map(whole.get, self._keys))

    def read(self, data: bytes) -> Any:
        """Read a text that `loads` can read, such as one that is stored; raises as `loads` does."""
        try:
            return self._decode(data)
        except READ_ERRORS:
            return self.of(loads(data))

    def read_checked(self, data: bytes) -> Any:
        """Read a text from outside that `is_skipped_safely`.

        Raises one of `READ_ERRORS` if `loads` does not read it, or would change a text in it, and
        for some texts that `loads` reads.
        """
        return self._decode(data)

    def _decode_whole(self, data: bytes) -> Any:
        return self.of(_OBJECT_DECODER.decode(data))


def attribute_of(key: str) -> str:
    """The attribute of a struct that has the value of a key."""
    if key.isascii() and key.isidentifier() and key[0] != "_" and not keyword.iskeyword(key):
        return key
    return f"_{key.encode(errors='surrogatepass').hex()}"


def _tree_of(paths: Iterable[Path], objects: Iterable[Path] = ()) -> _Tree | None:
    """The keys that are read, by object; `None` if all are."""
    tree: _Tree = {}
    for path, is_whole in [*((path, True) for path in paths), *((path, False) for path in objects)]:
        if not path:
            return None
        _add(tree, path, whole=is_whole)
    return tree


def _known_keys(path: Path) -> Path:
    """The beginning of a path that a projection can follow; it reads whole what lies below.

    msgspec takes a key that is not ASCII for another one (0.22: it finds it under "").
    """
    for at, key in enumerate(path):
        if at == MAX_PATH_KEYS or not key.isascii():
            return path[:at]
    return path


def _add(tree: _Tree, keys: Path, *, whole: bool) -> None:
    *outer, last = keys
    for key in outer:
        below = tree.setdefault(key, {})
        if below is None:
            return
        tree = below
    if whole:
        tree[last] = None
    else:
        tree.setdefault(last, {})


def _shape(tree: _Tree) -> Any:
    """The type that makes msgspec read the keys of a tree, and skip the others."""
    return _typed_dict(
        "Read",
        {key: _value_shape(below) for key, below in tree.items()},
        total=False,
    )


def _value_shape(tree: _Tree | None) -> Any:
    """The type of a value of which the keys of a tree are read, or all of it."""
    return Any if tree is None or len(tree) > MAX_OBJECT_KEYS else _shape(tree) | None


def is_skipped_safely(data: bytes) -> bool:
    """Whether msgspec refuses everything in the text that `loads` refuses, even if it skips it.

    It checks the grammar of what it skips, but neither that it is UTF-8 nor the size of numbers.
    """
    if not data.isascii():
        try:
            data.decode()
        except UnicodeDecodeError:
            return False
    # Found by `find`, as `in` takes twice as long here.
    if data[_SAMPLE].translate(_AS_ZERO).find(_SAMPLED_DIGITS) < 0:
        return True
    return _REFUSED_NUMBER.search(data) is None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _describe(error: msgspec.MsgspecError) -> str:
    message = str(error)
    # The rest of msgspec's message, a place such as `$[...][...]`, does not say which value it is.
    return f"{_OUT_OF_RANGE}: {_TOO_LONG}" if message.startswith(_OUT_OF_RANGE) else message


def _parse_int(text: str) -> int:
    if len(text) > MAX_INTEGER_CHARS:
        raise ValueError(f"{_OUT_OF_RANGE}: {_TOO_LONG}")
    return int(text)


def _readable(value: Any) -> Any:
    match value:
        case str():
            return _LONE_SURROGATE.sub("\ufffd", value)
        case list() | tuple():
            return [_readable(item) for item in value]
        case dict():
            return {_readable(key): _readable(item) for key, item in value.items()}
        case _:
            return value


def _mend(value: Any, exact: Collection[str], place: str) -> Any:
    match value:
        case str():
            return _LONE_SURROGATE.sub("\ufffd", value)
        case list():
            return [_mend(item, exact, f"{place}[{index}]") for index, item in enumerate(value)]
        case dict():
            mended = {}
            for key, item in value.items():
                inside = f"{place}.{_LONE_SURROGATE.sub(chr(0xFFFD), key)}"
                if _LONE_SURROGATE.search(key) or (
                    key in exact and isinstance(item, str) and _LONE_SURROGATE.search(item)
                ):
                    raise HalfCharacterError(inside)
                mended[key] = _mend(item, exact, inside)
            return mended
        case _:
            return value
