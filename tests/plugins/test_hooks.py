"""One test for each hook: when it is called, with what, and what becomes of the answer."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
from tests.plugins.small import (
    PRESET,
    Payload,
    Send,
    declares,
    make_destination,
    make_plugin,
)

from offramp import (
    Action,
    Destination,
    Middleware,
    OutgoingRequest,
    Preset,
    Response,
    Route,
    SettledDelivery,
    hookimpl,
    literal,
    option,
    path,
    setting,
)
from offramp.definition import Handler
from offramp.delivery import enter_lifespans
from offramp.errors import PluginError
from offramp.hooks import OfframpSpecs
from offramp.plugins import Catalog, Plugins, hook_names, load_catalog, load_plugins

OWNER = declares("owner", make_destination(), make_destination("other"))


def load(*guests: object) -> Plugins:
    return load_plugins(extra=[OWNER, *guests], installed=False)


def catalog_with(*guests: object) -> Catalog:
    catalog = load_catalog(load(*guests))
    assert catalog.problems == ()
    return catalog


@attrs.frozen
class Region:
    """One more setting."""

    region: str = setting(default="eu")


class Also(Action[Region, Payload]):
    """One more action, which reads the setting that came with it."""

    slug = "also"
    title = "Also"


def test_every_specification_is_empty_and_annotated() -> None:
    """A specification says what a hook takes and returns, and does nothing."""
    for hook in hook_names():
        spec = getattr(OfframpSpecs, hook)
        signature = inspect.signature(spec)
        assert signature.return_annotation is not inspect.Signature.empty
        assert spec(*[None] * len(signature.parameters)) is None
        assert spec.__doc__


def test_hook_destinations() -> None:
    """Each destination is in the catalog, under the name of the plugin that declared it."""
    catalog = catalog_with(declares("guest", make_destination("third")))
    assert {slug: entry.plugin for slug, entry in catalog.items()} == {
        "small": "owner",
        "other": "owner",
        "third": "guest",
    }


def test_hook_settings() -> None:
    """The settings of a guest stand beside the owner's, for the destination that it named."""

    def offramp_settings(destination: Destination) -> type[Any] | None:
        return Region if destination.slug == "small" else None

    catalog = catalog_with(make_plugin("guest", offramp_settings=offramp_settings))
    assert list(catalog["small"].settings) == ["token", "region"]
    assert list(catalog["other"].settings) == ["token"]


def test_hook_actions() -> None:
    """A guest's action is offered beside the owner's, and keeps the settings that it reads."""

    def offramp_actions(destination: Destination) -> Sequence[type[Action[Any, Any]]] | None:
        return [Also] if destination.slug == "small" else None

    catalog = catalog_with(make_plugin("guest", offramp_actions=offramp_actions))
    assert list(catalog["small"].actions) == ["send", "also"]
    assert catalog["small"].action("also").action.settings_type is Region
    assert list(catalog["other"].actions) == ["send"]


def test_hook_default_mapping() -> None:
    """Defaults are laid over in the order of registration: the plugin registered last wins."""
    asked: list[tuple[str, str]] = []

    def first(destination: Destination, action: type[Action[Any, Any]]) -> Mapping[str, Any]:
        asked.append((destination.slug, action.slug))
        return {"id": literal("first"), "name": literal("first")}

    def last(action: type[Action[Any, Any]]) -> Mapping[str, Any] | None:
        return {"name": literal("last")} if action is Send else None

    catalog = catalog_with(
        make_plugin("first", offramp_default_mapping=first),
        make_plugin("last", offramp_default_mapping=last),
    )
    assert asked == [("small", "send"), ("other", "send")]
    assert catalog["small"].action("send").default_mapping == {
        "id": literal("first"),
        "name": literal("last"),
    }
    assert Send.fields["id"].default == path("$.messageId"), "the action itself is as it was"


def test_hook_presets() -> None:
    """A guest's preset stands behind the owner's, and may be of a guest's action."""

    def offramp_presets(destination: Destination) -> Sequence[Preset] | None:
        added = Preset(name="More", action="also", trigger='type = "page"')
        return [added] if destination.slug == "small" else None

    def offramp_actions(destination: Destination) -> Sequence[type[Action[Any, Any]]]:
        return [Also] if destination.slug == "small" else []

    catalog = catalog_with(
        make_plugin("guest", offramp_presets=offramp_presets, offramp_actions=offramp_actions)
    )
    assert [preset.name for preset in catalog["small"].presets] == ["Everything", "More"]
    assert catalog["other"].presets == (PRESET,)


def test_hook_directives() -> None:
    """The tables of all plugins are one; each name keeps its compile function."""

    def compile_one(spec: Any, compiler: Any) -> Any:
        """Is never called here."""

    def compile_two(spec: Any, compiler: Any) -> Any:
        """Is never called here either."""

    catalog = catalog_with(
        make_plugin("a", offramp_directives=lambda: {"@one": compile_one}),
        make_plugin("b", offramp_directives=lambda: {"@two": compile_two}),
        make_plugin("c", offramp_directives=lambda: None),
    )
    assert catalog.directives == {"@one": compile_one, "@two": compile_two}


def test_hook_middleware() -> None:
    """Middleware of a destination comes outermost first, in the order of registration."""

    async def outer(outgoing: OutgoingRequest, handler: Handler) -> Response:
        return await handler(outgoing)

    async def inner(outgoing: OutgoingRequest, handler: Handler) -> Response:
        return await handler(outgoing)

    def offramp_middleware(destination: Destination) -> Sequence[Middleware] | None:
        return [outer] if destination.slug == "small" else None

    plugins = load(
        make_plugin("outer", offramp_middleware=offramp_middleware),
        make_plugin("inner", offramp_middleware=lambda: [inner]),
    )
    assert plugins.middleware(make_destination()) == [outer, inner]
    assert plugins.middleware(make_destination("other")) == [inner]


def no_key(destination: Destination) -> Any:
    raise KeyError("no signing key")


@pytest.mark.parametrize(
    ("hook", "cause"),
    [
        (lambda: ["not a function"], "'not a function' is not of type Callable"),
        (lambda: 5, "5 is not of type Iterable"),
        (no_key, "KeyError: 'no signing key'"),
    ],
)
def test_middleware_that_cannot_be_had_is_not_passed_by(hook: Any, cause: str) -> None:
    """It may sign or redact: rather than requests without it, there are none."""
    plugins = load(make_plugin("faulty", offramp_middleware=hook))
    with pytest.raises(PluginError, match=r"plugin 'faulty': offramp_middleware failed") as caught:
        plugins.middleware(make_destination())
    assert cause in str(caught.value)


def test_middleware_of_a_plugin_that_is_left_out_is_not_passed_by() -> None:
    """A typo in its preset must not send requests unsigned; what it does not sign goes on."""

    async def sign(outgoing: OutgoingRequest, handler: Handler) -> Response:
        return await handler(outgoing)

    def offramp_middleware(destination: Destination) -> Sequence[Middleware] | None:
        return [sign] if destination.slug == "small" else None

    plugins = load(
        make_plugin(
            "signer",
            offramp_middleware=offramp_middleware,
            offramp_presets=lambda: [Preset(name="P", action="sned")],
        )
    )
    catalog = load_catalog(plugins)
    assert list(catalog) == ["small", "other"]
    with pytest.raises(PluginError, match=r"plugin 'signer'.*'sned'.*wraps every request"):
        plugins.middleware(catalog["small"].destination)
    assert plugins.middleware(catalog["other"].destination) == []


def test_hook_settled() -> None:
    """Every observer sees every group, also behind one that raises; a return value is refused."""
    settled = [
        SettledDelivery(
            message_id="m1",
            source="web",
            instance="small",
            subscription="small/everything",
            destination="small",
            action="send",
            outcome="delivered",
            reason="",
            attempts=1,
            seconds=0.2,
        )
    ]
    seen: list[Sequence[SettledDelivery]] = []

    def raises(outcomes: Sequence[SettledDelivery]) -> None:
        raise RuntimeError("no room")

    def sees(outcomes: Sequence[SettledDelivery]) -> None:
        seen.append(outcomes)

    plugins = load(
        make_plugin("raises", offramp_settled=raises),
        make_plugin("sees", offramp_settled=sees),
        make_plugin("answers", offramp_settled=lambda: "taken"),
    )
    plugins.settled(settled)
    assert seen == [settled]
    assert [problem.plugin for problem in plugins.problems] == ["raises", "answers"]
    assert plugins.observes
    assert not load().observes


def test_hook_commands() -> None:
    """Commands come with the name of their plugin, and a plugin gets the context it asks for."""
    context: Any = object()
    given: list[Any] = []

    def greet() -> None:
        """Greet."""

    def offramp_commands(context: Any) -> Any:
        given.append(context)
        return [greet]

    plugins = load(
        make_plugin("guest", offramp_commands=offramp_commands),
        make_plugin("faulty", offramp_commands=lambda: [3]),
    )
    assert list(plugins.commands(context)) == [("guest", greet)]
    assert given == [context]
    assert [problem.plugin for problem in plugins.problems] == ["faulty"]


def test_hook_routes() -> None:
    """Routes come with the name of their plugin."""

    async def stats(query: Mapping[str, str], body: Any) -> tuple[int, Any]:
        return 200, {}

    route = Route("GET", "/x/guest/stats", stats)
    plugins = load(
        make_plugin("guest", offramp_routes=lambda: [route]),
        make_plugin("faulty", offramp_routes=lambda: [("GET", "/x/faulty")]),
    )
    assert list(plugins.routes()) == [("guest", route)]
    assert [problem.plugin for problem in plugins.problems] == ["faulty"]


async def test_hook_lifespan() -> None:
    """Lifespans are entered in the order of registration, with options, and left in reverse."""
    seen: list[str] = []

    def holding(name: str) -> Any:
        @asynccontextmanager
        async def offramp_lifespan(options: Any) -> AsyncIterator[None]:
            seen.append(f"{name} with {options}")
            yield
            seen.append(f"{name} left")

        return make_plugin(name, offramp_lifespan=offramp_lifespan)

    none = make_plugin("none", offramp_lifespan=lambda: None)
    plugins = load(holding("one"), none, holding("two"))
    plugins.give_options("two", "its options")
    async with enter_lifespans(plugins):
        assert seen == ["one with None", "two with its options"]
        del seen[:]
    assert seen == ["two left", "one left"]
    assert plugins.problems == ()


SITE = '''
"""What one company adds to Metronome, without touching it."""

import attrs
from offramp import Action, Preset, field, hookimpl, literal, path, setting

OURS = "metronome-actions"


@attrs.frozen
class AuditSettings:
    audit_key: str | None = setting(key="auditKey", type="password", label="Audit key")


@attrs.frozen
class Note:
    text: str = field(default=path("$.event"))


class Audit(Action[AuditSettings, Note]):
    slug, title = "audit", "Audit"

    async def perform(self, request, payload):
        await request.post("https://audit.example/notes", json=[request.settings.audit_key])


@hookimpl
def offramp_settings(destination):
    return AuditSettings if destination.slug == OURS else None


@hookimpl
def offramp_actions(destination):
    return [Audit] if destination.slug == OURS else None


@hookimpl
def offramp_default_mapping(destination, action):
    if (destination.slug, action.slug) == (OURS, "sendEvent"):
        return {"event_type": literal("ours")}


@hookimpl
def offramp_presets(destination):
    if destination.slug == OURS:
        yield Preset(name="Ours", action="audit", trigger='type = "identify"')
'''


def test_a_site_plugin_adds_to_a_destination_that_it_does_not_own(tmp_path: Path) -> None:
    """One file adds settings, an action, defaults and a preset; the package stays as it is."""
    before = load_catalog()["metronome-actions"]
    site = tmp_path / "site.py"
    site.write_text(SITE)
    catalog = load_catalog(load_plugins(files=[site]))
    assert catalog.problems == ()
    entry = catalog["metronome-actions"]

    assert entry.destination is before.destination
    assert entry.settings == {**before.settings, "auditKey": entry.settings["auditKey"]}
    audit = entry.action("audit")
    assert (audit.plugin, audit.action.settings_type.__name__) == ("site", "AuditSettings")
    assert entry.action("sendEvent").default_mapping == {
        **before.action("sendEvent").default_mapping,
        "event_type": literal("ours"),
    }
    own = entry.preset("Send track events to Metronome")
    assert entry.preset_mapping(own)["event_type"] == literal("ours")
    assert entry.preset_mapping(entry.preset("Ours")) == {"text": path("$.event")}

    after = load_catalog()["metronome-actions"]
    assert after.actions.keys() == before.actions.keys()
    assert after.action("sendEvent").fields == before.action("sendEvent").fields


def test_hook_options() -> None:
    """The class is told once for each plugin, and each hook gets what its own plugin was given."""

    @attrs.frozen
    class Options:
        region: str = option(default="eu", description="where")

    class Guest:
        @hookimpl
        def offramp_options(self) -> type[Options]:
            return Options

        @hookimpl
        def offramp_directives(self, options: Options) -> dict[str, Any]:
            return {f"@{options.region}": str}

    plugins = load(Guest())
    [(name, cls)] = plugins.option_classes().items()
    assert cls is Options
    plugins.give_options(name, Options(region="us"))
    assert [each for _, table in plugins.directives() for each in table] == ["@us"]


def test_options_that_cannot_be_read_leave_the_plugin_out() -> None:
    """An annotation that no configuration can hold is told with the class."""

    class Guest:
        @hookimpl
        def offramp_options(self) -> type[int]:
            return int

    plugins = load(Guest())
    assert plugins.option_classes() == {}
    [problem] = plugins.left_out
    assert "offramp_options" in problem.cause
