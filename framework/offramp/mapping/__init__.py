"""Mappings: turn an event into a payload; compiled once and run for each event."""

from __future__ import annotations

from offramp.js.values import UNSET
from offramp.mapping.check import MAX_DEPTH
from offramp.mapping.code import Code
from offramp.mapping.compiler import Clock, CompileDirective, Compiler, Directive
from offramp.mapping.directives import BUILTIN_DIRECTIVES
from offramp.mapping.engine import CompiledMapping, compile_mapping, transform
from offramp.mapping.explain import Origin, Trace
from offramp.mapping.nodes import Apply, Node, joined_reads
from offramp.mapping.path import missing_paths
from offramp.mapping.values import Resolver

__all__ = [
    "BUILTIN_DIRECTIVES",
    "MAX_DEPTH",
    "UNSET",
    "Apply",
    "Clock",
    "Code",
    "CompileDirective",
    "CompiledMapping",
    "Compiler",
    "Directive",
    "Node",
    "Origin",
    "Resolver",
    "Trace",
    "compile_mapping",
    "joined_reads",
    "missing_paths",
    "transform",
]
