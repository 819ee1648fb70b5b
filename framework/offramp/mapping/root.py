"""The reserved key of a mapping that applies a directive to all its other fields."""

from __future__ import annotations

from typing import Any

from offramp.errors import Fault, MappingError
from offramp.mapping.wording import shown

#: `{ROOT_KEY: {"@transform": {"apply": …}}, "a": …}` maps with the fields as the directive's
#: `mapping`. Source: Segment's actions-core, mapping-kit.
ROOT_KEY = "__segment_internal_directive"


def root_spec(mapping: dict[str, Any], place: str = "$") -> Any:
    """The spec of a mapping with its root directive; raises `MappingError` if that is invalid."""
    if ROOT_KEY not in mapping:
        return mapping
    fields = {key: value for key, value in mapping.items() if key != ROOT_KEY}
    directive = mapping[ROOT_KEY]
    if type(directive) is not dict or len(directive) != 1:
        message = f"expected an object with a single directive, got {shown(directive)}"
        raise MappingError([Fault(f"{place}.{ROOT_KEY}", message)])
    [(name, spec)] = directive.items()
    if type(spec) is list:
        return directive
    if type(spec) is not dict:
        message = f"expected the options of {name} as an object, got {shown(spec)}"
        raise MappingError([Fault(f"{place}.{ROOT_KEY}.{name}", message)])
    return {name: {**spec, "mapping": fields}}
