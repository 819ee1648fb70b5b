"""@liquid: text from a Liquid template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from offramp.js.units import js_length
from offramp.mapping.liquid import Run
from offramp.mapping.liquid import compile_template as compile_liquid_template
from offramp.mapping.liquid.parse import MAX_TEMPLATE_LENGTH
from offramp.mapping.path import path_text
from offramp.mapping.values import Constant, Resolver
from offramp.mapping.wording import shown

if TYPE_CHECKING:
    from offramp.mapping.compiler import Compiler


def compile_liquid(spec: Any, compiler: Compiler) -> Resolver:
    """`{"@liquid": "{{ properties.plan | upcase }}"}`: the event itself is the template's scope.

    At most 1,000 characters, without loops, includes and the filters that work on whole lists.
    """
    if not isinstance(spec, str):
        return compiler.fault("", f"expected a template as a string, got {shown(spec)}")
    length = js_length(spec)
    if length > MAX_TEMPLATE_LENGTH:
        message = f"a template has at most {MAX_TEMPLATE_LENGTH:,} characters, got {length:,}"
        return compiler.fault("", message)
    if not spec:
        return Constant("")
    try:
        template = compile_liquid_template(spec)
    except ValueError as error:
        return compiler.fault("", f"{error}; correct the template {shown(spec)}")
    for keys in template.paths:
        compiler.reads(path_text(compiler.scope, keys))
    clock, meter = compiler.shared.clock, compiler.meter()
    return lambda scope: template.render(Run(scope, compiler.error, clock, meter))
