"""The filters of Segment's Liquid engine, each by its name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import attrs

from offramp.mapping.liquid.filters.codes import CODE_FILTERS
from offramp.mapping.liquid.filters.dates import DATE_FILTERS
from offramp.mapping.liquid.filters.lists import LIST_FILTERS
from offramp.mapping.liquid.filters.numbers import NUMBER_FILTERS
from offramp.mapping.liquid.filters.texts import TEXT_FILTERS

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Disabled filters. Source: Segment's actions-core, liquid-directive.
DISABLED_FILTERS: Final = frozenset(
    {
        "array_to_sentence_string",
        "concat",
        "find",
        "find_exp",
        "find_index",
        "find_index_exp",
        "group_by",
        "group_by_exp",
        "has",
        "has_exp",
        "map",
        "newline_to_br",
        "reject",
        "reject_exp",
        "reverse",
        "sort",
        "sort_natural",
        "type",
        "uniq",
        "where_exp",
    }
)
#: Filters that refuse any other number of arguments. Source: liquidjs 10.30.
_ONE_ARGUMENT = frozenset({"append", "prepend"})


@attrs.frozen(kw_only=True)
class FilterEntry:
    """A filter and its arguments."""

    #: `(run, value, *arguments) -> value`.
    function: Callable[..., Any]
    #: Number of arguments that it uses; further ones are ignored, None means any number.
    arity: int | None
    #: The number of arguments it must have, if any.
    exactly: int | None


def _entry(name: str, function: Callable[..., Any]) -> FilterEntry:
    parameters = inspect.signature(function).parameters.values()
    unlimited = any(one.kind is inspect.Parameter.VAR_POSITIONAL for one in parameters)
    return FilterEntry(
        function=function,
        arity=None if unlimited else len(parameters) - len(("run", "value")),
        exactly=1 if name in _ONE_ARGUMENT else None,
    )


#: Filter name -> filter.
FILTERS: Final[Mapping[str, FilterEntry]] = MappingProxyType(
    {
        name: _entry(name, function)
        for table in (CODE_FILTERS, DATE_FILTERS, LIST_FILTERS, NUMBER_FILTERS, TEXT_FILTERS)
        for name, function in table.items()
    }
)
