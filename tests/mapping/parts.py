"""Mappings compiled by hand, to be run in one way or the other."""

from __future__ import annotations

from typing import Any

from offramp.mapping import BUILTIN_DIRECTIVES, CompileDirective, Compiler, Directive, Resolver
from offramp.mapping.code import quick
from offramp.mapping.compiler import Shared
from offramp.mapping.nodes import Part


def part_of(mapping: Any, **more: CompileDirective) -> Part:
    """The nodes of a mapping, with more directives than the built-in ones."""
    own = {f"@{name}": Directive(compile=compile_it) for name, compile_it in more.items()}
    shared = Shared(directives={**BUILTIN_DIRECTIVES, **own})
    return Compiler(place="$", scope="$", shared=shared).node(mapping)


def as_tree(mapping: Any) -> Resolver:
    """The careful way: node by node."""
    return part_of(mapping).run


def as_code(mapping: Any) -> Resolver:
    """The quick way: as one function of straight-line code."""
    return quick(part_of(mapping))
