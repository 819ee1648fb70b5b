"""Mappings: what makes a payload of an event, compiled once and run for each event."""

from __future__ import annotations

from offramp.js.values import UNSET
from offramp.mapping.check import MAX_DEPTH
from offramp.mapping.compiler import Clock, CompileDirective, Compiler
from offramp.mapping.directives import BUILTIN_DIRECTIVES
from offramp.mapping.engine import CompiledMapping, compile_mapping, transform
from offramp.mapping.explain import Origin
from offramp.mapping.values import Resolver

__all__ = [
    "BUILTIN_DIRECTIVES",
    "MAX_DEPTH",
    "UNSET",
    "Clock",
    "CompileDirective",
    "CompiledMapping",
    "Compiler",
    "Origin",
    "Resolver",
    "compile_mapping",
    "transform",
]
