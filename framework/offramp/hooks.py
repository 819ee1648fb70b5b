"""Every hook that a plugin may implement: when it is called, with what, and what to return.

A plugin is a module (or any object) whose functions carry `@hookimpl`. It names itself with an
entry point in the group `offramp`. Hooks register or observe and return at once; actions and
middleware do what has to be awaited.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeAlias

import attrs
import pluggy

from offramp.definition import Action, Destination, LazyDestination, Middleware, Preset

PROJECT: Final = "offramp"
ENTRY_POINT_GROUP: Final = "offramp"

hookspec = pluggy.HookspecMarker(PROJECT)
#: Marks a function of a plugin as the implementation of the hook of the same name.
hookimpl = pluggy.HookimplMarker(PROJECT)


@attrs.frozen(kw_only=True)
class SettledDelivery:
    """How one event ended at one subscription."""

    message_id: str
    source: str
    instance: str
    subscription: str
    #: Slugs.
    destination: str
    action: str
    outcome: Literal["delivered", "rejected", "expired"]
    #: A reason code, such as `PAYLOAD_VALIDATION_FAILED`; empty where it was delivered.
    reason: str
    attempts: int
    #: Time from accepted to settled.
    seconds: float


@attrs.frozen
class Route:
    """An additional HTTP endpoint: `handler(query, body) -> (status, answer as JSON data)`."""

    method: str
    #: Path below `/x/`, for example `/x/mine/stats`; requests need the control API's token.
    path: str
    handler: Callable[[Mapping[str, str], Any], Awaitable[tuple[int, Any]]]


#: A CLI command: a function whose name, docstring and annotated parameters become its help.
Command: TypeAlias = Callable[..., Any]


class RunningHost(Protocol):
    """A host that a command has started."""

    @property
    def url(self) -> str:
        """Where its collector listens: `http://127.0.0.1:PORT`."""

    async def wait_until_idle(self, *, timeout: float) -> bool:
        """Wait until no delivery is in flight; return False after `timeout` seconds."""

    async def event(self, message_id: str) -> Mapping[str, Any] | None:
        """All that the host has stored about one event, or None."""

    async def explain(self, subscription: str, event: dict[str, Any]) -> Mapping[str, Any]:
        """Run one event through one subscription without sending anything."""

    async def status(self) -> Mapping[str, Any]:
        """Counts of deliveries by outcome, and whether their sum equals what was accepted."""


class CommandContext(Protocol):
    """What the command line offers to the commands of plugins."""

    def host(
        self, config: Mapping[str, Any], *, folder: Path, port: int = 0
    ) -> AbstractAsyncContextManager[RunningHost]:
        """Run a host with a configuration in the shape of `offramp.toml`; port 0 picks one."""

    def render(self, explanation: Mapping[str, Any]) -> Any:
        """The result of `RunningHost.explain`, as tables that rich prints."""


class OfframpSpecs:
    """The hook specifications.

    `options` are the values of a plugin's own table `[plugins.NAME]`, as an instance of the class
    that its `offramp_options` returns; `None` for a plugin without one.
    """

    @hookspec
    def offramp_options(self) -> type[Any] | None:
        """Return an attrs class whose attributes are declared with `option`.

        They are the keys of the table `[plugins.NAME]`. Called once, before all other hooks; the
        table is checked before the catalog is built.
        """

    @hookspec
    def offramp_destinations(  # type: ignore[empty-body]
        self, options: Any
    ) -> Iterable[Destination | LazyDestination]:
        """Return the destinations that this plugin declares; called when the catalog is built.

        A `LazyDestination` is listed then, and built when somebody asks for it by its slug.
        """

    @hookspec
    def offramp_settings(self, destination: Destination, options: Any) -> type[Any] | None:
        """Return an attrs class with more settings for a destination, or None.

        Called for each destination when it is built. An action gets an instance of the
        settings class that it names: `class Mine(Action[MySettings, MyPayload])`.
        """

    @hookspec
    def offramp_actions(
        self, destination: Destination, options: Any
    ) -> Iterable[type[Action[Any, Any]]] | None:
        """Return more actions for a destination; called for each when it is built."""

    @hookspec
    def offramp_default_mapping(
        self, destination: Destination, action: type[Action[Any, Any]], options: Any
    ) -> Mapping[str, Any] | None:
        """Return default mappings, by field, that override those of an action's fields.

        Called for each action when its destination is built; the plugin registered last wins.
        """

    @hookspec
    def offramp_presets(self, destination: Destination, options: Any) -> Iterable[Preset] | None:
        """Return more presets for a destination; called for each when it is built."""

    @hookspec
    def offramp_directives(self, options: Any) -> Mapping[str, Any] | None:
        """Return more mapping directives: name (with its `@`) -> compile function.

        Called when the catalog is built. A compile function gets the value beside the name and a
        compiler, and has to return one thing: a function from event to value, which runs once for
        each event. The mapping reference says what else it may return.
        """

    @hookspec
    def offramp_middleware(
        self, destination: Destination, options: Any
    ) -> Iterable[Middleware] | None:
        """Return middleware that wraps every request of a destination.

        Called when an instance starts; the middleware of the plugin registered first is outermost.
        """

    @hookspec
    def offramp_settled(self, outcomes: Sequence[SettledDelivery], options: Any) -> None:
        """Observe deliveries that have ended; called in groups, after they are on disk."""

    @hookspec
    def offramp_lifespan(self, options: Any) -> AbstractAsyncContextManager[Any] | None:
        """Return an async context manager for what the plugin holds open, such as connections.

        Entered when a host starts, before any delivery, and left after the last one has ended.
        """

    @hookspec
    def offramp_commands(self, context: CommandContext) -> Iterable[Command] | None:
        """Return more commands for the `offramp` command line; called when it starts."""

    @hookspec
    def offramp_routes(self, options: Any) -> Iterable[Route] | None:
        """Return more HTTP endpoints; called when a host starts."""
