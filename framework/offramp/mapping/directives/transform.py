"""@transform: applies a mapping to the result of another mapping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from offramp.errors import MappingError
from offramp.js.values import UNSET
from offramp.mapping.check import REQUIRED, check_mapping, object_or_directive, options_of
from offramp.mapping.code import quick
from offramp.mapping.compiler import Directive
from offramp.mapping.directives.options import read_options
from offramp.mapping.nodes import NOTHING, Node
from offramp.mapping.root import root_spec
from offramp.mapping.values import prune
from offramp.mapping.wording import kind_of, shown

if TYPE_CHECKING:
    from offramp._json import Reads
    from offramp.mapping.budget import Meter
    from offramp.mapping.code import Code
    from offramp.mapping.compiler import Compiler
    from offramp.mapping.values import Resolver

#: Its name in a place.
_NAME: Final = ".@transform"


@attrs.frozen(eq=False, kw_only=True)
class Transform(Node):
    """One mapping, applied to the object that another mapping makes from the scope."""

    apply: Node
    mapping: Node
    compiler: Compiler
    #: Whether the result of `apply` may hold members that are `UNSET`.
    is_untidy: bool
    #: Charged for the result of `apply`; None if nothing is charged.
    meter: Meter | None

    @property
    def reads(self) -> Reads:
        """What `apply` reads; `mapping` reads its result."""
        return self.apply.reads

    def run(self, scope: Any) -> Any:
        """The result of `mapping` for the result of `apply`."""
        return self._through(self.apply.run, self.mapping.run)(scope)

    def emit(self, code: Code) -> str:
        """A call; each of the two mappings is a separate function."""
        place = self.compiler.place
        apply, mapping = quick(self.apply, place), quick(self.mapping, place)
        return code.call(self._through(apply, mapping), "scope")

    def _through(self, apply: Resolver, mapping: Resolver) -> Resolver:
        is_untidy, meter, error = self.is_untidy, self.meter, self.compiler.error

        def transform(scope: Any) -> Any:
            if scope is UNSET:
                scope = {}
            if type(scope) is not dict:
                raise error(f"expected an object to transform, got {kind_of(scope)}")
            applied = apply(scope)
            if is_untidy:
                applied = prune(applied)
            if meter is not None:
                meter.weigh(applied)
            return mapping(applied)

        return transform


def compile_transform(spec: Any, compiler: Compiler) -> Node:
    """`{"@transform": {"apply": {…}, "mapping": {…}}}`: maps the result of a mapping."""
    options = read_options(spec, compiler, "mapping", "apply")
    if options is None:
        return NOTHING
    if type(options["apply"]) is not dict:
        message = f"expected an object, got {shown(options['apply'])}"
        return compiler.fault("apply", message)
    apply = _compile_apply(options["apply"], compiler)
    is_untidy = compiler.shared.untidy
    # A @transform can use the result of the one inside it twice, and so double it at each level.
    meter = compiler.meter() if compiler.place.count(_NAME) > 1 else None
    scope = compiler.made_at("apply")
    mapping = compiler.node(options["mapping"], "mapping", scope=scope, keep=compiler.keep)
    return Transform(
        apply=apply, mapping=mapping, compiler=compiler, is_untidy=is_untidy, meter=meter
    )


def _compile_apply(apply: dict[str, Any], compiler: Compiler) -> Node:
    place = compiler.at("apply").place
    try:
        spec = root_spec(apply, place)
    except MappingError as error:
        compiler.shared.faults += error.faults
        return NOTHING
    compiler.shared.faults += check_mapping(spec, compiler.shared.directives, place)
    return compiler.node(spec, "apply")


TRANSFORM: Final = Directive(
    compile=compile_transform,
    check=options_of(
        apply=(REQUIRED, object_or_directive), mapping=(REQUIRED, object_or_directive)
    ),
)
