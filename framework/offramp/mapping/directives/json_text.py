"""@json: turns a value into JSON text, or JSON text into a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from offramp import _json
from offramp.js.text import json_text
from offramp.js.values import UNSET
from offramp.mapping.check import REQUIRED, any_json, one_of, options_of
from offramp.mapping.compiler import Directive
from offramp.mapping.directives.options import read_options
from offramp.mapping.nodes import NOTHING
from offramp.mapping.values import Keep

if TYPE_CHECKING:
    from offramp.mapping.compiler import Compiler
    from offramp.mapping.nodes import Node


def compile_json(spec: Any, compiler: Compiler) -> Node:
    """`{"@json": {"mode": "encode", "value": …}}`, or `decode`.

    A text that cannot be decoded stays as it is; any other spelling of the mode gives no value.
    """
    options = read_options(spec, compiler, "mode", "value")
    if options is None:
        return NOTHING
    encode = options["mode"] == "encode"
    # Encoding leaves out absent members by itself; decoding passes an object through.
    value = compiler.node(options["value"], "value", keep=Keep.NONE if encode else compiler.keep)
    if encode:
        return compiler.apply(_encode, value)
    if options["mode"] == "decode":
        return compiler.apply(_decode, value)
    return compiler.apply(_drop, value)


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


JSON: Final = Directive(
    compile=compile_json,
    check=options_of(value=(REQUIRED, any_json), mode=(REQUIRED, one_of("encode", "decode"))),
)
