"""The options that an operator writes in `[plugins.segment]`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from offramp import option
from offramp_segment.definitions import Listed, index
from offramp_segment.pools import Pools

#: Stands for every destination that runs without more being allowed.
ALL: Final = "all"
#: Each has 70 to 150 MB, and one process serves a few thousand events a second.
MAX_WORKERS: Final = 64


def _offered(name: Any) -> str | None:
    """What is wrong with an item of `destinations`."""
    if name == ALL:
        return None
    listed, fault = _find(name)
    if listed is not None and listed.own_network:
        return f"{name!r} opens connections of its own: name it in own_network, if it may"
    return fault


def _allowed(name: Any) -> str | None:
    """What is wrong with an item of `own_network`."""
    listed, fault = _find(name)
    if listed is not None and not listed.own_network:
        return f"{name!r} opens no connections of its own: name it in destinations"
    return fault


def _find(name: Any) -> tuple[Listed | None, str | None]:
    """The destination of a slug, or why it cannot be offered."""
    if not isinstance(name, str):
        return None, "must be a string"
    listed = index().get(name)
    if listed is None:
        slug = next((each.slug for each in index().values() if each.directory == name), None)
        if slug is not None:
            return None, f"{name!r} is the name of a folder: the slug is {slug!r}"
        return None, f"Segment publishes no destination {name!r}{_near(name, index())}"
    if listed.missing:
        return None, f"{name!r} cannot run here. {listed.missing}"
    return listed, None


def _known_variables(environment: Mapping[str, Any]) -> str | None:
    known = {name for each in index().values() for name in each.environment}
    for name, value in environment.items():
        if name not in known:
            return f"no destination reads {name!r}{_near(name, known)}"
        if not isinstance(value, str):
            return f"{name} must be a string"
    return None


def _near(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(names), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _a_few(workers: int) -> str | None:
    return None if workers <= MAX_WORKERS else f"must be at most {MAX_WORKERS}"


@attrs.frozen(eq=False)
class Options:
    """Which destinations are offered, and what their workers get."""

    destinations: tuple[str, ...] = option(
        default=(),
        check=_offered,
        description='slugs of the destinations to offer; `["all"]` offers every one that needs no '
        "entry in `own_network`",
    )
    own_network: tuple[str, ...] = option(
        default=(),
        check=_allowed,
        description="slugs of destinations to offer that open connections of their own, past the "
        "host's client, its time-outs and its egress rules",
    )
    environment: Mapping = option(  # type: ignore[type-arg]  # the annotation names the kind
        default=attrs.Factory(dict),
        secret=True,
        check=_known_variables,
        description="partner credentials that some destinations read, by the name of the variable",
    )
    workers: int = option(
        default=1,
        minimum=1,
        unit="workers",
        check=_a_few,
        description="processes that run destinations; an instance stays with one of them",
    )
    #: Started by the plugin's lifespan.
    pools: Pools = attrs.field(init=False, repr=False)

    @pools.default
    def _idle_pools(self) -> Pools:
        allowed = [index()[slug].directory for slug in self.own_network]
        return Pools(self.workers, dict(self.environment), allowed)

    def offered(self) -> list[Listed]:
        """The destinations that are offered."""
        named: Iterable[str] = self.destinations
        if ALL in named:
            runnable = (each for each in index().values() if not each.missing)
            named = [each.slug for each in runnable if not each.own_network]
        return [index()[slug] for slug in dict.fromkeys([*named, *self.own_network])]
