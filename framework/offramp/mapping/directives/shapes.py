"""@arrayPath, @flatten, @merge and @transform: objects and lists in another shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from offramp.errors import MappingError
from offramp.js.text import js_items
from offramp.js.units import characters
from offramp.js.values import UNSET, is_truthy
from offramp.mapping.check import check_mapping
from offramp.mapping.code import Apply
from offramp.mapping.compiler import directive_name
from offramp.mapping.directives.options import read_options
from offramp.mapping.path import path_text, split_path
from offramp.mapping.root import root_spec
from offramp.mapping.values import NOTHING, Constant, Keep, Resolver, prune
from offramp.mapping.wording import kind_of, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from offramp.mapping.compiler import Compiler

#: What a path through the items of a list is written with.
EACH_ITEM = "[*]"

#: Characters that `@arrayPath` may write into each item without being charged: the 11,000 items
#: that the largest event can have do not spend the budget by them.
FREE_CHARACTERS: Final = 100

#: How it is named in a place.
TRANSFORM: Final = ".@transform"

#: What `@flatten` takes apart.
_Types: TypeAlias = frozenset[type]
_OBJECTS: Final[_Types] = frozenset({dict})
_OBJECTS_AND_LISTS: Final[_Types] = frozenset({dict, list})


def compile_array_path(spec: Any, compiler: Compiler) -> Resolver:
    """`{"@arrayPath": ["$.products", {"sku": {"@path": "$.sku"}}]}`: a list, item by item.

    An object counts as a list of itself; any other value stays as it is.
    """
    if type(spec) is not list:
        return compiler.fault("", f"expected a list of a path and an object, got {shown(spec)}")
    path, shape = (*spec, UNSET, UNSET)[:2]
    get = _root(path, compiler)
    if type(shape) is not dict or not shape:
        return get
    each = _item_scope(path, compiler)
    make = compiler.straight(compiler.compile(shape, "[1]", scope=each, keep=compiler.keep.inside))
    if any(key.startswith("@") for key in shape):
        compiler.leaves_undefined()

    written = _constant_characters(shape)
    meter = compiler.meter() if written > FREE_CHARACTERS else None

    def resolve(scope: Any) -> Any:
        root = get(scope)
        if type(root) is list:
            if meter is not None:
                meter.characters(written * len(root))
            return [make(item) for item in root]
        return [make(root)] if type(root) is dict else root

    return resolve


def _constant_characters(spec: Any) -> int:
    """Characters of the keys and constants that each item gets, directives left out."""
    if type(spec) is dict:
        if any(key.startswith("@") for key in spec):
            return 0
        return sum(len(key) + _constant_characters(value) for key, value in spec.items())
    if type(spec) is list:
        return sum(map(_constant_characters, spec))
    return len(spec) if type(spec) is str else 1


def compile_flatten(spec: Any, compiler: Compiler) -> Resolver:
    """`{"@flatten": {"separator": "_", "value": …, "omitArrays": true}}`: nested keys made one."""
    options = read_options(spec, compiler, "separator")
    if options is None:
        return NOTHING
    get_separator = compiler.compile(options["separator"], "separator")
    get: Resolver = NOTHING
    if "value" in options:
        # An absent member takes the place of an equal flat key before it, so it must be seen.
        get = compiler.compile(options["value"], "value", keep=Keep.ALL)
    keeps_lists = is_truthy(options.get("omitArrays"))
    opened = _OBJECTS if keeps_lists else _OBJECTS_AND_LISTS

    def separator_of(separator: Any) -> str:
        if not isinstance(separator, str):
            raise compiler.error(f"expected a separator as a string, got {shown(separator)}")
        return separator

    def flatten(separator: str, value: Any) -> dict[str, Any]:
        flat: dict[str, Any] = {}
        _flatten(value, "", separator, flat, opened)
        return flat if compiler.keep else _present(flat)

    if keeps_lists and directive_name(options.get("value")) != "@path":
        # A list that stays as it is takes the absent members of its objects along.
        compiler.leaves_undefined()
    separator = get_separator
    if not (isinstance(separator, Constant) and isinstance(separator.value, str)):
        # One that is no text is a fault before the value is asked for.
        separator = compiler.written(
            lambda scope: separator_of(get_separator(scope)), Apply(separator_of, (get_separator,))
        )
    resolver = compiler.written(
        lambda scope: flatten(separator(scope), get(scope)), Apply(flatten, (separator, get))
    )
    return compiler.fold(resolver, get_separator, get)


def compile_merge(spec: Any, compiler: Compiler) -> Resolver:
    """`{"@merge": {"direction": "right", "objects": […]}}`: one object out of several.

    The last object wins, with the direction `left` the first. Texts and lists count as objects
    of their indexes, other values are left out.
    """
    options = read_options(spec, compiler, "direction", "objects")
    if options is None:
        return NOTHING
    objects = options["objects"]
    if type(objects) is not list:
        return compiler.fault("objects", f"expected a list, got {shown(objects)}")
    get_direction = compiler.compile(options["direction"], "direction")
    getters = [
        compiler.compile(member, f"objects[{at}]", keep=max(compiler.keep, Keep.TOP))
        for at, member in enumerate(objects)
    ]

    def merge(direction: Any, *members: Any) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for one in reversed(members) if direction == "left" else members:
            if type(one) is dict:
                merged.update(one)
            else:
                _assign(merged, one)
        return merged if compiler.keep else _present(merged)

    return compiler.apply(merge, get_direction, *getters)


def compile_transform(spec: Any, compiler: Compiler) -> Resolver:
    """`{"@transform": {"apply": {…}, "mapping": {…}}}`: a mapping of what a mapping gives."""
    options = read_options(spec, compiler, "mapping", "apply")
    if options is None:
        return NOTHING
    if type(options["apply"]) is not dict:
        message = f"expected an object, got {shown(options['apply'])}"
        return compiler.fault("apply", message)
    apply = _bounded(_compile_apply(options["apply"], compiler), compiler)
    applied = compiler.made_at("apply")
    make = compiler.straight(
        compiler.compile(options["mapping"], "mapping", scope=applied, keep=compiler.keep)
    )

    def resolve(scope: Any) -> Any:
        if scope is UNSET:
            scope = {}
        if type(scope) is not dict:
            raise compiler.error(f"expected an object to transform, got {kind_of(scope)}")
        return make(apply(scope))

    return resolve


def _bounded(apply: Resolver, compiler: Compiler) -> Resolver:
    """The resolver, charged for what it gives where it stands inside of another `@transform`.

    Each of them can take the whole of the one around it twice, and that again.
    """
    if compiler.place.count(TRANSFORM) == 1:
        return apply
    meter = compiler.meter()

    def resolve(scope: Any) -> Any:
        value = apply(scope)
        meter.weigh(value)
        return value

    return resolve


def _compile_apply(apply: dict[str, Any], compiler: Compiler) -> Resolver:
    inner = compiler.at("apply")
    try:
        spec = root_spec(apply, inner.place)
    except MappingError as error:
        compiler.shared.faults += error.faults
        return NOTHING
    compiler.shared.faults += check_mapping(spec, compiler.shared.directives, inner.place)
    resolver = compiler.straight(compiler.compile(spec, "apply"))
    # Inside of it nothing may be left that only looks like a member.
    return (lambda scope: prune(resolver(scope))) if compiler.shared.untidy else resolver


def _root(path: Any, compiler: Compiler) -> Resolver:
    if not isinstance(path, str):
        return NOTHING if path is UNSET else compiler.compile(path, "[0]", keep=compiler.keep)
    return compiler.read(split_path(path))


def _item_scope(path: Any, compiler: Compiler) -> str:
    if directive_name(path) == "@path":
        path = path["@path"]
    if isinstance(path, str):
        return path_text(compiler.scope, split_path(path)) + EACH_ITEM
    return compiler.made_at("[0]") + EACH_ITEM


def _flatten(value: Any, prefix: str, separator: str, flat: dict[str, Any], opened: _Types) -> None:
    """Add what a value holds to `flat`, each part under the keys that lead to it."""
    if type(value) not in opened:
        flat[prefix] = value
        return
    members = js_items(value) if type(value) is dict else _numbered(value)
    for key, item in members:
        below = f"{prefix}{separator}{key}" if prefix else key
        if type(item) in opened:
            _flatten(item, below, separator, flat, opened)
        else:
            flat[below] = item


def _assign(merged: dict[str, Any], value: Any) -> None:
    if isinstance(value, (list, str)):
        merged.update(_numbered(characters(value) if isinstance(value, str) else value))


def _numbered(items: Iterable[Any]) -> Iterable[tuple[str, Any]]:
    return ((str(at), item) for at, item in enumerate(items))


def _present(members: dict[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in members.items() if item is not UNSET}
