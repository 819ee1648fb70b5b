"""A destination as small as can be, for tests to build on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import attrs

from offramp import Action, Destination, Preset, field, hookimpl, path, setting
from offramp.plugins import Catalog, load_catalog, load_plugins


@attrs.frozen
class Settings:
    """One secret."""

    token: str = setting(type="password")


@attrs.frozen
class Payload:
    """Two fields with defaults."""

    id: str = field(default=path("$.messageId"))
    name: str | None = field(default=path("$.event"))


class Send(Action[Settings, Payload]):
    """The one action."""

    slug = "send"
    title = "Send"


PRESET = Preset(name="Everything", action="send", trigger='type = "track"')


def make_destination(slug: str = "small", **changes: Any) -> Destination:
    """A destination with one setting, one action and one preset."""
    declared = {"settings": Settings, "actions": [Send], "presets": [PRESET], **changes}
    return Destination(slug=slug, name=slug.title(), **declared)


def make_plugin(name: str, **hooks: Callable[..., Any]) -> object:
    """A plugin from functions: `make_plugin("mine", offramp_routes=lambda: [...])`."""
    plugin = type(name, (), {hook: staticmethod(hookimpl(made)) for hook, made in hooks.items()})()
    plugin.__name__ = name
    return plugin


def declares(name: str, *destinations: Destination) -> object:
    """A plugin that declares destinations."""

    def offramp_destinations() -> Iterable[Destination]:
        return destinations

    return make_plugin(name, offramp_destinations=offramp_destinations)


def catalog_of(*plugins: object) -> Catalog:
    """What these plugins declare, without those that are installed."""
    return load_catalog(load_plugins(extra=plugins, installed=False))
