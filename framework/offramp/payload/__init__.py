"""Compiles fields or a payload class into one function from raw payload to checked payload."""

from offramp.payload.compile import Check, compile_careful, compile_check
from offramp.payload.conditions import conditions_text
from offramp.payload.formats.dates import is_date_like, parse_date_like
from offramp.payload.schema import json_schema
from offramp.payload.structure import (
    compile_mapped_pair,
    compile_pair,
    compile_payload,
    structurer,
)

__all__ = [
    "Check",
    "compile_careful",
    "compile_check",
    "compile_mapped_pair",
    "compile_pair",
    "compile_payload",
    "conditions_text",
    "is_date_like",
    "json_schema",
    "parse_date_like",
    "structurer",
]
