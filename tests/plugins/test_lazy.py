"""Lazy destinations: listed as they are declared, and built when they are asked for by slug."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import pytest
from tests.plugins.small import (
    PRESET,
    Payload,
    Send,
    Settings,
    catalog_of,
    make_destination,
    make_plugin,
)

from offramp import Action, Destination, LazyDestination, Preset, setting
from offramp.config import check_config, parse_config
from offramp.errors import ConfigError, DefinitionError, NotFoundError

MANY = 214


@attrs.define
class Shelf:
    """A plugin with many lazy destinations, which counts what is built."""

    slugs: tuple[str, ...] = tuple(f"d{n}" for n in range(MANY))
    make: Callable[[str], Any] = make_destination
    built: list[str] = attrs.field(factory=list)

    def plugin(self, name: str = "shelf", *, fallback: bool = False) -> object:
        def destinations() -> Iterable[LazyDestination]:
            return [self.lazy(slug, fallback=fallback) for slug in self.slugs]

        return make_plugin(name, offramp_destinations=destinations)

    def lazy(self, slug: str, *, fallback: bool = False) -> LazyDestination:
        def load() -> Destination:
            self.built.append(slug)
            made: Destination = self.make(slug)
            return made

        return LazyDestination(
            slug=slug,
            name=slug.upper(),
            description=f"About {slug}.",
            load=load,
            actions={"send": "Send"},
            presets=("Everything",),
            fallback=fallback,
        )


def document(*slugs: str) -> dict[str, Any]:
    """A configuration with an instance of each destination."""
    return {
        "sources": {"site": {"write_key": "k" * 24}},
        "instances": {
            slug: {
                "source": "site",
                "destination": slug,
                "settings": {"token": "t" * 12},
                "subscriptions": [{"preset": "Everything"}],
            }
            for slug in slugs
        },
    }


def test_to_list_many_destinations_builds_none() -> None:
    """What lists show comes from the declaration: slug, name, description, actions, presets."""
    shelf = Shelf()
    catalog = catalog_of(shelf.plugin())
    assert len(catalog) == len(list(catalog)) == len(catalog.listed) == MANY
    [first, *_] = catalog.listed
    assert (first.slug, first.name, first.description) == ("d0", "D0", "About d0.")
    assert [(each.slug, each.title) for each in first.actions] == [("send", "Send")]
    assert (first.presets, first.plugin) == (("Everything",), "shelf")
    assert not catalog.is_partial
    assert shelf.built == []


def test_a_configuration_builds_only_what_it_names() -> None:
    """To check one instance of one in 214 destinations costs that one, once."""
    shelf = Shelf()
    catalog = catalog_of(shelf.plugin())
    config = parse_config(document("d7"), catalog).config
    assert check_config(config, catalog).ok
    assert shelf.built == ["d7"]
    assert list(catalog.built) == ["d7"]


def test_a_name_that_is_not_offered_builds_nothing() -> None:
    """A misspelt slug is told with the nearest one; of hundreds, some are listed."""
    shelf = Shelf()
    catalog = catalog_of(shelf.plugin())
    with pytest.raises(NotFoundError) as caught:
        catalog["d2l4"]
    assert "no destination 'd2l4'; did you mean 'd2" in str(caught.value)
    assert "d29 and 184 more" in str(caught.value)
    assert catalog.get("nothing") is None
    assert shelf.built == []


def test_other_plugins_add_to_a_lazy_destination_when_it_is_built() -> None:
    """Settings, actions, presets and default mappings of others: their hooks get what is built."""

    @attrs.frozen
    class More:
        region: str = setting(default="eu")

    class Also(Action[Settings, Payload]):
        slug = "also"
        title = "Also"

    asked: list[str] = []

    def more(destination: Destination) -> type[Any]:
        asked.append(destination.slug)
        return More

    shelf = Shelf()
    guest = make_plugin(
        "guest",
        offramp_settings=more,
        offramp_actions=lambda: [Also],
        offramp_presets=lambda: [attrs.evolve(PRESET, name="Theirs", action="also")],
        offramp_default_mapping=lambda: {"name": "fixed"},
    )
    catalog = catalog_of(shelf.plugin(), guest)
    assert asked == []
    entry = catalog["d1"]
    assert asked == ["d1"]
    assert list(entry.settings) == ["token", "region"]
    assert list(entry.actions) == ["send", "also"]
    assert [each.name for each in entry.presets] == ["Everything", "Theirs"]
    assert entry.action("send").default_mapping["name"] == "fixed"


def test_many_threads_get_one_entry() -> None:
    """A host asks from several threads: it is built once, and every one gets the same."""
    barrier = threading.Barrier(4)

    def slowly(slug: str) -> Destination:
        time.sleep(0.01)
        return make_destination(slug)

    def ask(_: int) -> Any:
        barrier.wait()
        return catalog["d0"]

    shelf = Shelf(make=slowly)
    catalog = catalog_of(shelf.plugin())
    with ThreadPoolExecutor(4) as pool:
        entries = list(pool.map(ask, range(4)))
    assert shelf.built == ["d0"]
    assert len(set(map(id, entries))) == 1


def broken(_: str) -> Any:
    raise RuntimeError("not today")


BAD_PRESET = Preset(name="P", action="sned")


@pytest.mark.parametrize(
    ("make", "cause"),
    [
        (broken, "cannot be loaded: RuntimeError: not today"),
        (lambda _: "d0", "load returned 'd0', which is not a Destination"),
        (lambda _: make_destination("d9"), "load returned the destination 'd9'"),
        (lambda s: make_destination(s, presets=[BAD_PRESET]), "no action 'sned'"),
        (lambda s: make_destination(s, actions=[Send, Send]), "'send' twice"),
    ],
)
def test_a_fault_leaves_out_that_destination_alone(make: Callable[[str], Any], cause: str) -> None:
    """It is found when the destination is built; the other 213 and their plugin stay in use."""
    shelf = Shelf(make=lambda slug: make(slug) if slug == "d0" else make_destination(slug))
    catalog = catalog_of(shelf.plugin())
    assert not catalog.is_partial
    assert "d0" not in catalog
    [problem] = catalog.problems
    assert (problem.plugin, problem.destination, problem.left_out) == ("shelf", "d0", False)
    assert cause in problem.message
    assert "the destination 'd0' is left out: fix or uninstall it, or block" in problem.message
    assert problem.place == "plugins.shelf.destinations.d0"
    assert len(catalog) == MANY - 1
    assert catalog["d1"].slug == "d1"
    assert catalog.plugins.names == ("shelf",)
    with pytest.raises(NotFoundError, match="the destination 'd0' is not offered: plugin 'shelf'"):
        catalog["d0"]
    assert shelf.built == ["d0", "d1"]  # and not again


def one_preset_each() -> Iterator[tuple[Any, str]]:
    """Guests whose hook is at fault for one destination, and what is said of it."""
    yield (
        lambda destination: [BAD_PRESET] if destination.slug == "d0" else None,
        "preset 'P': no action 'sned'",
    )
    yield (
        lambda destination: broken("") if destination.slug == "d0" else None,
        "offramp_presets failed: RuntimeError: not today",
    )
    yield (
        lambda destination: [PRESET] if destination.slug == "d0" else None,
        "declares the preset of d0 'Everything', and so does the plugin 'shelf'",
    )


@pytest.mark.parametrize(("hook", "cause"), list(one_preset_each()))
def test_a_guests_fault_leaves_out_the_destination_that_it_adds_to(hook: Any, cause: str) -> None:
    """The guest may be in use elsewhere already, so it is named but not unloaded."""
    catalog = catalog_of(Shelf().plugin(), make_plugin("guest", offramp_presets=hook))
    assert "d0" not in catalog
    assert "d1" in catalog
    messages = {each.plugin: each.message for each in catalog.problems}
    assert cause in messages["guest"]
    assert catalog.plugins.names == ("shelf", "guest")


def test_a_configuration_with_a_left_out_destination_says_why() -> None:
    """A new file is refused with the cause; a host that starts anyway keeps its events waiting."""
    shelf = Shelf(make=lambda slug: broken(slug) if slug == "d0" else make_destination(slug))
    catalog = catalog_of(shelf.plugin())
    with pytest.raises(ConfigError, match=r"instances\.d0\.destination.*not today"):
        parse_config(document("d0", "d1"), catalog)
    whole = document("d0", "d1")
    whole["instances"]["d0"]["subscriptions"] = [
        {"name": "all", "action": "send", "trigger": 'type = "track"'}
    ]
    read = parse_config(whole, catalog, keep_unread=True)
    assert list(read.config.instances) == ["d0", "d1"]
    assert "not today" in str(read.unread[0])
    # Its plugin is in use, so what wraps requests is too: other instances are not held.
    assert catalog.holding(["d0", "d1"]) == ()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"load": make_destination("d0")}, "LazyDestination.load: is a function"),
        ({"actions": ["send"]}, "LazyDestination.actions: is an object: slug of an action"),
        ({"presets": "Everything"}, "LazyDestination.presets: is a list of the presets' names"),
        ({"slug": 7}, "LazyDestination.slug: is a text"),
    ],
)
def test_a_lazy_destination_is_checked_where_it_is_declared(
    wrong: dict[str, Any], message: str
) -> None:
    """A mistake is told with its place when the plugin is loaded, not when somebody asks."""
    with pytest.raises(DefinitionError, match=message):
        LazyDestination(**{"slug": "d0", "name": "D0", "load": make_destination, **wrong})


def native(name: str, *, fallback: bool = False, **changes: Any) -> object:
    made = make_destination("d0", fallback=fallback, **changes)
    return make_plugin(name, offramp_destinations=lambda: [made])


def test_of_two_plugins_that_declare_one_destination_neither_is_offered() -> None:
    """They cannot mean different things by one name; all other destinations of both are offered."""
    catalog = catalog_of(Shelf().plugin(), native("native"))
    assert "d0" not in catalog
    assert len(catalog) == MANY - 1
    assert {each.plugin: str(each) for each in catalog.problems} == {
        one: f"plugin '{one}': declares the destination 'd0', and so does the plugin '{two}'; the "
        f"destination 'd0' is left out: block one of the plugins with OFFRAMP_BLOCKED_PLUGINS={one}"
        ", or let the one that stands in for the other declare it with fallback=True"
        for one, two in (("shelf", "native"), ("native", "shelf"))
    }


def test_a_fallback_makes_way_for_the_other_one() -> None:
    """The native plugin wins, whichever is registered first; lists say what it replaces."""
    for plugins in (
        [Shelf().plugin(fallback=True), native("native")],
        [native("native"), Shelf().plugin(fallback=True)],
    ):
        catalog = catalog_of(*plugins)
        assert catalog.problems == ()
        assert catalog["d0"].plugin == "native"
        assert catalog.fallbacks("d0") == ("shelf",)
        assert catalog["d1"].plugin == "shelf"
        assert catalog.fallbacks("d1") == ()


def test_a_fallback_alone_is_offered() -> None:
    """It is a destination as any other where nobody else declares it."""
    assert catalog_of(native("worker", fallback=True))["d0"].plugin == "worker"


@pytest.mark.parametrize("fallbacks", [(True, True), (False, False), (True, False, False)])
def test_two_equals_clash_whatever_else_there_is(fallbacks: tuple[bool, ...]) -> None:
    """Two fallbacks are as equal as two others are."""
    plugins = [native(f"p{n}", fallback=each) for n, each in enumerate(fallbacks)]
    catalog = catalog_of(*plugins)
    assert list(catalog) == []
    assert len(catalog.problems) == 2


def test_a_fallback_does_not_stand_in_for_a_broken_plugin() -> None:
    """A configuration means the native one, and the fallback may send something else."""
    catalog = catalog_of(native("worker", fallback=True), native("native", presets=[BAD_PRESET]))
    assert "d0" not in catalog
    messages = [str(each) for each in catalog.missing("d0")]
    assert "no action 'sned'" in messages[0]
    assert "declares the destination 'd0' as a fallback for the plugin 'native'" in messages[1]
    assert "block it with OFFRAMP_BLOCKED_PLUGINS=native" in messages[1]
