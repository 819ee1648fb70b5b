"""Fields compiled into one function that cleans, coerces and checks a payload."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from offramp.definition import Fields
from offramp.errors import Fault, PayloadError
from offramp.payload.clean import compile_is_nothing
from offramp.payload.compile import compile_root
from offramp.payload.declared import refuse_impossible
from offramp.payload.quick import compile_quick
from offramp.payload.types import EXEMPT_KEY
from offramp.payload.values import told

#: Makes a checked payload of a raw one, or raises `PayloadError`.
Check: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]


def compile_check(fields: Fields) -> Check:
    """Compile fields into a check: `check(raw)` answers with a cleaned, coerced copy of `raw`.

    `raw` is left alone; what no field declares is dropped. Raises one `PayloadError` with every
    fault. Compiling raises `DefinitionError` for fields that no payload could be checked by.
    """
    refuse_impossible(fields)
    careful = _compile_careful(fields)
    return compile_quick(fields, careful) or careful


def _compile_careful(fields: Fields) -> Check:
    run = compile_root(fields)
    restore = _compile_exempt(fields)

    def check(raw: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(raw, dict):
            raise PayloadError([Fault("$", f"{told(raw)} came, but an object is wanted")])
        faults: list[Fault] = []
        payload = run(raw, faults)
        if EXEMPT_KEY in raw:
            restore(raw[EXEMPT_KEY], payload)
        if faults:
            raise PayloadError(dict.fromkeys(faults))
        return payload

    return check


def _compile_exempt(fields: Fields) -> Callable[[Any, dict[str, Any]], None]:
    field = fields.get(EXEMPT_KEY)
    is_nothing: Callable[[Any], bool] = (
        _is_blank if field is None else compile_is_nothing(field, at_root=True)
    )

    def restore(value: Any, payload: dict[str, Any]) -> None:
        made = payload.get(EXEMPT_KEY)
        if isinstance(value, dict) and isinstance(made, list):
            payload[EXEMPT_KEY] = made[0]
        elif isinstance(value, dict | list) and type(made) is type(value):
            pass  # its members were checked as any others
        elif value or not is_nothing(value):
            payload[EXEMPT_KEY] = value

    return restore


def _is_blank(value: Any) -> bool:
    return isinstance(value, str)
