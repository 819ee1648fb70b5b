"""@json: a value into JSON text, or JSON text into a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from offramp import _json
from offramp.js.json_text import json_text
from offramp.js.values import UNSET
from offramp.mapping.directives.options import read_options
from offramp.mapping.values import NOTHING, Keep, Resolver

if TYPE_CHECKING:
    from offramp.mapping.compiler import Compiler


def compile_json(spec: Any, compiler: Compiler) -> Resolver:
    """`{"@json": {"mode": "encode", "value": …}}`, or `decode`.

    What cannot be decoded stays as it is; a mode in any other spelling gives nothing.
    """
    options = read_options(spec, compiler, "mode", "value")
    if options is None:
        return NOTHING
    encode = options["mode"] == "encode"
    # Encoding leaves out absent members by itself, decoding hands an object through.
    get = compiler.compile(options["value"], "value", keep=Keep.NONE if encode else compiler.keep)
    if encode:
        return compiler.apply(_encode, get)
    if options["mode"] == "decode":
        return compiler.apply(_decode, get)
    return compiler.apply(_drop, get)


def _encode(value: Any) -> Any:
    return UNSET if value is UNSET else json_text(value)


def _drop(_: Any) -> Any:
    return UNSET


def _decode(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return _json.loads(value)
    except (ValueError, ArithmeticError):
        return value
