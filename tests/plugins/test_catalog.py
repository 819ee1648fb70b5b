"""What all plugins together declare: merged, checked, frozen, and every clash named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
from tests.plugins.small import (
    PRESET,
    Payload,
    Send,
    Settings,
    declares,
    make_destination,
    make_plugin,
)

from offramp import Action, Preset, literal, path, setting
from offramp.errors import NotFoundError, PluginError
from offramp.plugins import Catalog, load_catalog, load_plugins, manifest


def catalog_of(*plugins: object) -> Catalog:
    return load_catalog(load_plugins(extra=plugins, installed=False))


def small_with(**hooks: Callable[..., Any]) -> Catalog:
    return catalog_of(declares("owner", make_destination()), make_plugin("guest", **hooks))


def test_a_catalog_is_a_mapping_by_slug() -> None:
    """Destinations are looked up by their slugs, in the order of registration."""
    catalog = catalog_of(
        declares("one", make_destination("b"), make_destination("a")),
        declares("two", make_destination("c")),
    )
    assert list(catalog) == ["b", "a", "c"]
    assert len(catalog) == 3
    assert "a" in catalog
    assert catalog["a"].plugin == "one"
    assert catalog["a"].slug == "a"


def test_an_entry_knows_its_parts_by_name() -> None:
    """Actions, presets, settings and the mapping that a preset starts from."""
    entry = catalog_of(declares("owner", make_destination()))["small"]
    assert list(entry.settings) == ["token"]
    assert isinstance(entry.action("send").action, Send)
    assert entry.preset("Everything") is PRESET
    defaults = {"id": path("$.messageId"), "name": path("$.event")}
    assert entry.action("send").default_mapping == defaults
    assert entry.preset_mapping(PRESET) == defaults


def test_a_presets_mapping_lies_over_the_defaults() -> None:
    """A preset says only what it changes; reserved keys such as the sync mode may stand in it."""
    preset = Preset(
        name="Named",
        action="send",
        trigger="",
        mapping={"name": literal("x"), "__segment_internal_sync_mode": "add"},
    )
    entry = catalog_of(declares("owner", make_destination(presets=[preset])))["small"]
    assert entry.preset_mapping(preset) == {
        "id": path("$.messageId"),
        "name": literal("x"),
        "__segment_internal_sync_mode": "add",
    }


@pytest.mark.parametrize(
    ("look", "told"),
    [
        (lambda c: c["smal"], "no destination 'smal'; did you mean 'small'? There are: small"),
        (lambda c: c["small"].action("zzz"), "no action of small 'zzz'. There are: send"),
        (lambda c: c["small"].preset("everything"), "did you mean 'Everything'?"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(look: Callable[[Any], Any], told: str) -> None:
    """A misspelt name gets the nearest one offered, and all that there are."""
    with pytest.raises(NotFoundError) as caught:
        look(catalog_of(declares("owner", make_destination())))
    assert told in str(caught.value)
    assert isinstance(caught.value, KeyError)


def test_a_catalog_cannot_be_changed() -> None:
    """Everything in it is read by several parts of a running host at once."""
    catalog: Any = catalog_of(declares("owner", make_destination()))
    for mapping in (catalog.entries, catalog.directives, catalog["small"].actions):
        with pytest.raises(TypeError):
            mapping["new"] = None
    with pytest.raises(TypeError):
        catalog["small"].action("send").fields["new"] = None
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        catalog["small"].slug = "other"


@attrs.frozen
class SameSetting:
    """Declares a key that the destination has."""

    token: str = setting()


def upper(spec: Any, compiler: Any) -> Any:
    """Compiles to its own specification, whatever the event."""
    return lambda _event: spec


@pytest.mark.parametrize(
    ("hooks", "what"),
    [
        ({"offramp_destinations": lambda: [make_destination()]}, "destination 'small'"),
        ({"offramp_actions": lambda: [Send]}, "action of small 'send'"),
        ({"offramp_presets": lambda: [PRESET]}, "preset of small 'Everything'"),
        ({"offramp_settings": lambda: SameSetting}, "setting of small 'token'"),
    ],
    ids=["destination", "action", "preset", "setting"],
)
def test_a_clash_names_both_plugins(hooks: dict[str, Any], what: str) -> None:
    """Two plugins cannot mean different things by one name: the operator has to choose."""
    with pytest.raises(PluginError) as caught:
        small_with(**hooks)
    assert str(caught.value) == (
        f"two plugins declare the {what}: 'owner' and 'guest'; "
        "rename one, or block one of the plugins"
    )


def test_a_clash_of_directives_names_both_plugins() -> None:
    """The same holds for directives."""
    one, two = (
        make_plugin(name, offramp_directives=lambda: {"@upper": upper}) for name in ("one", "two")
    )
    with pytest.raises(PluginError, match="the directive '@upper': 'one' and 'two'"):
        catalog_of(one, two)


def test_a_plugin_that_clashes_with_itself_is_named_once() -> None:
    """One plugin with one name twice is told as what it is."""
    with pytest.raises(PluginError, match=r"'owner' declares the destination 'small' twice"):
        catalog_of(declares("owner", make_destination(), make_destination()))


class NeedsArguments(Action[Settings, Payload]):
    """Cannot be made without an argument."""

    slug = "needs"
    title = "Needs"

    def __init__(self, wanted: str) -> None:
        self.wanted = wanted


@attrs.frozen
class Raw:
    """A setting that cannot be one."""

    raw: bytes = setting()


@pytest.mark.parametrize(
    ("hooks", "told"),
    [
        (
            {"offramp_default_mapping": lambda: {"nmae": "x"}},
            "a default mapping for 'nmae', which is not a field of small send; there are: id, name",
        ),
        (
            {"offramp_presets": lambda: [Preset(name="P", action="sned", trigger="")]},
            "no action 'sned'; did you mean 'send'?",
        ),
        (
            {
                "offramp_presets": lambda: [
                    Preset(name="P", action="send", trigger="", mapping={"nmae": 1})
                ]
            },
            "preset 'P': 'nmae' is not a field of send; there are: id, name",
        ),
        ({"offramp_settings": lambda: Raw}, "Raw.raw: bytes cannot be a field"),
        ({"offramp_settings": lambda: int}, "must be an attrs class"),
        ({"offramp_actions": lambda: [NeedsArguments]}, "TypeError"),
        ({"offramp_directives": lambda: {"@path": upper}}, "@path: this directive is built in"),
        ({"offramp_directives": lambda: {"upper": upper}}, "upper: a directive is named @"),
    ],
)
def test_a_declaration_that_does_not_hold_together_names_its_plugin(
    hooks: dict[str, Any], told: str
) -> None:
    """The message says whose declaration it is, and what is wrong with it."""
    with pytest.raises(PluginError) as caught:
        small_with(**hooks)
    assert "plugin 'guest'" in str(caught.value)
    assert told in str(caught.value)


def test_the_manifest_lists_what_guests_add() -> None:
    """A destination's manifest tells what is on offer here, whoever declared it."""

    @attrs.frozen
    class More:
        region: str = setting(default="eu")

    class Also(Action[Settings, Payload]):
        slug = "also"
        title = "Also"

    entry = small_with(offramp_settings=lambda: More, offramp_actions=lambda: [Also])["small"]
    told = manifest(entry)
    assert list(told["authentication"]["fields"]) == ["token", "region"]
    assert list(told["actions"]) == ["send", "also"]
    assert entry.action("also").plugin == "guest"
