"""@liquid: text from a Liquid template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from offramp.js.units import js_length
from offramp.mapping.check import string
from offramp.mapping.compiler import Directive
from offramp.mapping.liquid import LiquidTemplate, Run
from offramp.mapping.liquid import compile_template as compile_liquid_template
from offramp.mapping.liquid.parse import MAX_TEMPLATE_LENGTH
from offramp.mapping.nodes import Constant, Node
from offramp.mapping.path import path_text
from offramp.mapping.wording import shown

if TYPE_CHECKING:
    from offramp._json import Reads
    from offramp.mapping.budget import Meter
    from offramp.mapping.compiler import Compiler


@attrs.frozen(eq=False, kw_only=True)
class Liquid(Node):
    """The text that a Liquid template renders; it runs as a call, not as generated code."""

    template: LiquidTemplate
    compiler: Compiler
    meter: Meter

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of its variables."""
        return tuple(path_text(self.compiler.scope, keys) for keys in self.template.paths)

    @property
    def reads(self) -> Reads:
        """What the template reads."""
        return self.template.reads

    def run(self, scope: Any) -> str:
        """Render the template."""
        compiler = self.compiler
        run = Run(scope, compiler.error, compiler.shared.clock, self.meter)
        return self.template.render(run)


def compile_liquid(spec: Any, compiler: Compiler) -> Node:
    """`{"@liquid": "{{ properties.plan | upcase }}"}`: the event itself is the template's scope.

    At most 1,000 characters, without loops, includes and filters that work on whole lists.
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
    return Liquid(template=template, compiler=compiler, meter=compiler.meter())


LIQUID: Final = Directive(compile=compile_liquid, check=string)
