"""Renders all that a destination declares: what it is, its settings, actions and presets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from offramp.cli.render.columns import indented
from offramp.cli.render.event import duration
from offramp.cli.render.fields import mapping_lines, render_fields, rows_of
from offramp.config import batch_limits
from offramp.definition import (
    Audience,
    Batch,
    Destination,
    Fields,
    Idempotency,
    Preset,
    SaveHook,
    SyncMode,
)
from offramp.plugins import Catalog, CatalogAction, CatalogEntry
from offramp.plugins.origin import PluginOrigin

_SCHEMES: Final[Mapping[str, str]] = {
    "custom": "by settings (custom)",
    "basic": "by user name and password (basic)",
    "oauth2": "OAuth 2 (oauth2): connect it with `offramp connect`",
    "oauth-managed": "OAuth 2, with tokens from outside (oauth-managed)",
    "none": "none",
}


def render_destination(catalog: Catalog, entry: CatalogEntry) -> RenderableType:
    """A destination with all that a catalog's entry declares."""
    destination = entry.destination
    parts: list[RenderableType] = [Text.assemble((destination.name, "bold"), f"  {entry.slug}")]
    if destination.description:
        parts.append(Text(destination.description))
    fallbacks = catalog.fallbacks(entry.slug)
    parts += ["", rows_of(_about(entry, catalog.plugins.origin(entry.plugin), fallbacks))]
    parts += _section("settings", entry.settings)
    if destination.audience is not None:
        parts += _section("settings of each audience", destination.audience.declared_fields)
    for offered in entry.actions.values():
        parts += ["", *_action(offered, entry)]
    for preset in entry.presets:
        parts += ["", *_preset(preset)]
    return Group(*parts)


def plugin_text(plugin: str, fallbacks: Sequence[str]) -> str:
    """The plugin, and those whose destination of the same slug is not offered."""
    return f"{plugin} (instead of {', '.join(fallbacks)})" if fallbacks else plugin


def _about(
    entry: CatalogEntry, origin: PluginOrigin, fallbacks: Sequence[str]
) -> Iterator[tuple[str, str]]:
    destination = entry.destination
    yield "plugin", plugin_text(entry.plugin, fallbacks)
    yield "distribution", f"{origin.distribution or ''} {origin.version or ''}".strip()
    yield "module", origin.module or ""
    yield "file", str(origin.file or "")
    if destination.fallback:
        yield "fallback", "yes: makes way for a destination of this slug by another plugin"
    yield "mode", destination.mode
    yield "authentication", _SCHEMES[destination.scheme]
    yield from _oauth(destination)
    tested = destination.test_authentication is not None
    yield "credentials", "can be tested" if tested else "cannot be tested"
    deleted = destination.on_delete is not None
    yield "deletion", "takes events of type delete (on_delete)" if deleted else ""
    yield "audiences", "" if destination.audience is None else _audience(destination.audience)
    yield "sandbox", "" if destination.sandbox is None else destination.sandbox.label


def _oauth(destination: Destination) -> Iterator[tuple[str, str]]:
    if destination.oauth is not None:
        yield "grant by", ", ".join(destination.oauth.flows)
        yield "scopes", "\n".join(destination.oauth.scopes)


def _audience(audience: Audience) -> str:
    words = {
        audience.mode: True,
        "each sync carries all members": audience.full_sync,
        "created at the partner": audience.create is not None,
        "looked up at the partner": audience.get is not None,
    }
    return ", ".join(word for word, holds in words.items() if holds)


def _section(title: str, fields: Fields) -> Iterator[RenderableType]:
    if fields:
        yield from ("", Text(title, "bold underline"), render_fields(fields))


def _action(offered: CatalogAction, entry: CatalogEntry) -> Iterator[RenderableType]:
    action = offered.action
    name = Text.assemble(("action ", "underline"), (offered.slug, "bold underline"))
    yield Text.assemble(name, f"  {action.title}")
    if action.description:
        yield Text(action.description)
    yield rows_of(_about_action(offered, entry))
    yield indented(render_fields(offered.fields, action.dynamic_fields))
    for hook, declared in action.save_hooks.items():
        yield from _save_hook(hook, declared)


def _about_action(offered: CatalogAction, entry: CatalogEntry) -> Iterator[tuple[str, str]]:
    action, batch = offered.action, batch_limits(offered)
    yield "plugin", "" if offered.plugin == entry.plugin else offered.plugin
    yield "hidden", "yes" if action.hidden else ""
    yield "trigger", action.default_trigger or ""
    if action.sync_mode is not None:
        yield "sync modes", _sync_mode(action.sync_mode)
    yield "batches", "none: each event is sent alone" if batch is None else _batch(batch)
    yield "idempotency", "" if action.idempotency is None else _idempotency(action.idempotency)


def _sync_mode(mode: SyncMode) -> str:
    choices = (
        f"{value}{' (default)' if value == mode.default else ''}: {label}"
        for value, label in mode.choices
    )
    return "\n".join((mode.description, *choices))


def _batch(batch: Batch) -> str:
    size = f"up to {batch.max_events:,} events and {batch.max_bytes:,} bytes in a request"
    lines = [size, f"the first event waits up to {duration(batch.linger.total_seconds())}"]
    if batch.keys:
        lines.append(f"all with the same {', '.join(batch.keys)}")
    return "\n".join(lines)


def _idempotency(idempotency: Idempotency) -> str:
    return f"{idempotency.key}, for {idempotency.window.days} days"


def _save_hook(name: str, hook: SaveHook) -> Iterator[RenderableType]:
    title = Text.assemble(("save hook ", "underline"), (name, "bold underline"))
    yield indented(Text.assemble(title, f"  {hook.label}"))
    yield indented(Text(hook.description))
    for what, fields in (("inputs", hook.inputs), ("outputs", hook.outputs)):
        dynamic = hook.dynamic_inputs if what == "inputs" else ()
        yield indented(Text(what, "underline") if fields else Text(f"no {what}", "dim"))
        yield indented(indented(render_fields(fields, dynamic)))


def _preset(preset: Preset) -> Iterator[RenderableType]:
    title = Text.assemble(("preset ", "underline"), (preset.name, "bold underline"))
    yield Text.assemble(title, f"  {preset.action}")
    yield rows_of(_about_preset(preset))


def _about_preset(preset: Preset) -> Iterator[tuple[str, str]]:
    trigger: Any = preset.trigger
    yield "trigger", "none yet: the operator gives one" if trigger is None else trigger
    yield "sync mode", preset.sync_mode or ""
    yield "for", "" if preset.type == "automatic" else preset.event_slug or "an event of Segment"
    yield "mapping", mapping_lines(preset.mapping)
