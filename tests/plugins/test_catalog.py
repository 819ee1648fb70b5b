"""What all plugins together declare: merged, checked, frozen, and every clash named."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import attrs
import pytest
from tests.plugins.small import (
    PRESET,
    Payload,
    Send,
    Settings,
    catalog_of,
    declares,
    make_destination,
    make_plugin,
)

from offramp import (
    Action,
    DynamicChoices,
    Field,
    Preset,
    SaveHook,
    SyncMode,
    field,
    literal,
    path,
    setting,
)
from offramp.definition import fields_to_manifest
from offramp.errors import NotFoundError
from offramp.plugins import Catalog, manifest


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


class Adding(Send):
    """The one action, with one sync mode."""

    sync_mode = SyncMode(default="add", label="How", description="", choices=(("add", "Add"),))


def test_a_presets_mapping_lies_over_the_defaults() -> None:
    """A preset says only what it changes; a sync mode in it, as Segment writes it, is apart."""
    preset = Preset(
        name="Named",
        action="send",
        trigger="",
        mapping={"name": literal("x"), "__segment_internal_sync_mode": "add"},
    )
    made = make_destination(actions=[Adding], presets=[preset])
    entry = catalog_of(declares("owner", made))["small"]
    [listed] = entry.presets
    assert listed.sync_mode == "add"
    assert entry.preset_mapping(listed) == {"id": path("$.messageId"), "name": literal("x")}
    [shown] = manifest(entry)["presets"]
    assert shown["mapping"]["__segment_internal_sync_mode"] == "add"


def test_a_preset_has_a_sync_mode_of_its_action() -> None:
    """Another one is the plugin's fault, told with those there are."""
    preset = Preset(name="Named", action="send", trigger="", sync_mode="mirror")
    made = make_destination(actions=[Adding], presets=[preset])
    [problem] = catalog_of(declares("owner", made)).problems
    wanted = "preset 'Named': sync_mode: 'mirror' is not a sync mode of send; there are: add"
    assert wanted in problem.message


@pytest.mark.parametrize(
    ("look", "message"),
    [
        (lambda c: c["smal"], "no destination 'smal'; did you mean 'small'? There are: small"),
        (lambda c: c["small"].action("zzz"), "no action of small 'zzz'. There are: send"),
        (lambda c: c["small"].preset("everything"), "did you mean 'Everything'?"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(look: Callable[[Any], Any], message: str) -> None:
    """A misspelt name gets the nearest one offered, and all that there are."""
    with pytest.raises(NotFoundError) as caught:
        look(catalog_of(declares("owner", make_destination())))
    assert message in str(caught.value)
    assert isinstance(caught.value, KeyError)


def test_a_catalog_cannot_be_changed() -> None:
    """Everything in it is read by several parts of a running host at once."""
    catalog: Any = catalog_of(declares("owner", make_destination()))
    for mapping in (catalog, catalog.directives, catalog["small"].actions):
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


def to_small(answer: Any) -> Callable[..., Any]:
    """A hook that has an answer for one destination only."""

    def hook(destination: Any) -> Any:
        return answer if destination.slug == "small" else None

    return hook


@pytest.mark.parametrize(
    ("hooks", "what"),
    [
        ({"offramp_actions": to_small([Send])}, "action of small 'send'"),
        ({"offramp_presets": to_small([PRESET])}, "preset of small 'Everything'"),
        ({"offramp_settings": to_small(SameSetting)}, "setting of small 'token'"),
    ],
    ids=["action", "preset", "setting"],
)
def test_of_two_plugins_that_declare_one_thing_neither_is_offered(
    hooks: dict[str, Any], what: str
) -> None:
    """They cannot mean different things by one name: the operator chooses; a third one runs."""
    catalog = catalog_of(
        declares("owner", make_destination()),
        make_plugin("guest", **hooks),
        declares("third", make_destination("other")),
    )
    assert list(catalog) == ["other"]
    assert {each.plugin: str(each) for each in catalog.problems} == {
        one: f"plugin '{one}': declares the {what}, and so does the plugin '{two}'; "
        f"it is left out: fix or uninstall it, or block it with OFFRAMP_BLOCKED_PLUGINS={one}"
        for one, two in (("owner", "guest"), ("guest", "owner"))
    }


def test_of_two_plugins_that_declare_one_directive_neither_is_offered() -> None:
    """The same holds for directives."""
    one, two = (
        make_plugin(name, offramp_directives=lambda: {"@upper": upper}) for name in ("one", "two")
    )
    catalog = catalog_of(one, two)
    assert catalog.directives == {}
    assert (
        "declares the directive '@upper', and so does the plugin 'one'" in messages(catalog)["two"]
    )


@pytest.mark.parametrize(
    ("plugin", "what"),
    [
        (declares("owner", make_destination(), make_destination()), "destination 'small'"),
        (declares("owner", make_destination(actions=[Send, Send])), "action of small 'send'"),
        (
            declares("owner", make_destination(presets=[PRESET, PRESET])),
            "preset of small 'Everything'",
        ),
    ],
)
def test_a_plugin_that_clashes_with_itself_is_named_once(plugin: object, what: str) -> None:
    """One plugin with one name twice is told as what it is."""
    catalog = catalog_of(plugin)
    assert list(catalog) == []
    assert f"declares the {what} twice" in messages(catalog)["owner"]


def test_who_clashes_with_a_faulty_plugin_only_is_offered() -> None:
    """A plugin that is left out for its own fault does not take another one with it."""
    bad = Preset(name="P", action="sned")
    catalog = catalog_of(
        declares("sound", make_destination()),
        declares("faulty", make_destination(presets=[bad])),
    )
    assert catalog["small"].plugin == "sound"
    assert list(messages(catalog)) == ["faulty"]


def test_what_adds_to_a_destination_that_is_left_out_is_no_problem() -> None:
    """A guest is not asked about a destination that is not offered; its own one is."""

    def offramp_presets(destination: Any) -> list[Preset]:
        assert destination.slug == "other"
        return []

    catalog = catalog_of(
        make_plugin(
            "guest",
            offramp_destinations=lambda: [make_destination("other")],
            offramp_presets=offramp_presets,
        ),
        make_plugin("faulty", offramp_destinations=raises),
    )
    assert list(catalog) == ["other"]
    assert list(messages(catalog)) == ["faulty"]


def test_a_missing_destination_names_the_faulty_plugins_that_may_declare_it() -> None:
    """A plugin that was asked declares what it said; one that could not be asked may anything."""
    bad = Preset(name="P", action="sned")
    catalog = catalog_of(
        declares("asked", make_destination("a"), make_destination("b", presets=[bad])),
        make_plugin("guest", offramp_presets=lambda: [bad]),
        make_plugin("unasked", offramp_destinations=raises),
        declares("sound", make_destination("c")),
    )
    assert list(catalog) == ["c"]
    assert set(messages(catalog)) == {"asked", "guest", "unasked"}
    may_declare = {
        slug: {each.plugin for each in catalog.missing(slug)} for slug in ("a", "b", "c", "typo")
    }
    assert may_declare == {
        "a": {"asked", "unasked"},
        "b": {"asked", "unasked"},
        "c": set(),
        "typo": {"unasked"},
    }


def raises() -> Any:
    raise RuntimeError("not today")


def messages(catalog: Catalog) -> dict[str, str]:
    return {each.plugin: str(each) for each in catalog.problems}


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
    ("hooks", "cause"),
    [
        (
            {"offramp_default_mapping": lambda: {"nmae": "x"}},
            "a default mapping for 'nmae', which is not a field of small send; there are: id, name",
        ),
        (
            {"offramp_presets": lambda: [Preset(name="P", action="sned")]},
            "no action 'sned'; did you mean 'send'?",
        ),
        (
            {"offramp_presets": lambda: [Preset(name="P", action="send", mapping={"nmae": 1})]},
            "preset 'P': 'nmae' is not a field of send; there are: id, name",
        ),
        ({"offramp_settings": lambda: Raw}, "Raw.raw: bytes cannot be a field"),
        ({"offramp_settings": lambda: int}, "must be an attrs class"),
        ({"offramp_actions": lambda: [NeedsArguments]}, "TypeError"),
        ({"offramp_directives": lambda: {"@path": upper}}, "@path: this directive is built in"),
        ({"offramp_directives": lambda: {"upper": upper}}, "upper: a directive is named @"),
    ],
)
def test_a_plugin_with_a_faulty_declaration_is_left_out(hooks: dict[str, Any], cause: str) -> None:
    """It is reported by name, cause and remedy; nothing of it is in use, and the rest runs."""
    catalog = small_with(**hooks)
    assert list(catalog) == ["small"]
    assert list(catalog["small"].actions) == ["send"]
    assert [preset.name for preset in catalog["small"].presets] == ["Everything"]
    assert list(catalog["small"].settings) == ["token"]
    assert catalog.plugins.names == ("owner",)
    [problem] = catalog.problems
    assert problem.plugin == "guest"
    assert problem.left_out
    assert cause in str(problem)
    assert "OFFRAMP_BLOCKED_PLUGINS=guest" in str(problem)


def test_the_manifest_lists_what_guests_add() -> None:
    """A destination's manifest tells what is on offer here, whoever declared it."""

    @attrs.frozen
    class More:
        region: str = setting(default="eu")

    class Also(Action[Settings, Payload]):
        slug = "also"
        title = "Also"

    entry = small_with(offramp_settings=lambda: More, offramp_actions=lambda: [Also])["small"]
    answer = manifest(entry)
    assert list(answer["authentication"]["fields"]) == ["token", "region"]
    assert list(answer["actions"]) == ["send", "also"]
    assert entry.action("also").plugin == "guest"


NO_AUTHENTICATION = {"scheme": "none", "settings": attrs.make_class("NoSettings", [])}


@pytest.mark.parametrize(
    ("declared", "authentication"),
    [
        ({"scheme": "basic"}, ("basic", ["token"])),
        ({"scheme": "none"}, ("custom", ["token"])),
        (NO_AUTHENTICATION, None),
        ({**NO_AUTHENTICATION, "scheme": "custom"}, ("custom", [])),
    ],
)
def test_the_manifest_has_segments_shape_of_authentication(
    declared: dict[str, Any], authentication: Any
) -> None:
    """Without scheme and settings it is null; settings without a scheme are custom."""
    answer = manifest(catalog_of(declares("owner", make_destination(**declared)))["small"])
    found = answer["authentication"]
    assert (found and (found["scheme"], list(found["fields"]))) == authentication


def test_the_manifest_has_segments_shape_of_mode_and_presets() -> None:
    """A preset without a trigger subscribes to null, and names the event that it stands for."""
    preset = Preset(name="P", action="send", type="specificEvent", event_slug="warehouse_entered")
    declared = make_destination(mode="warehouse", presets=[preset])
    answer = manifest(catalog_of(declares("owner", declared))["small"])
    assert answer["mode"] == "warehouse"
    [written] = answer["presets"]
    assert written == {
        "name": "P",
        "type": "specificEvent",
        "partnerAction": "send",
        "subscribe": None,
        "mapping": written["mapping"],
        "eventSlug": "warehouse_entered",
    }


def test_the_manifest_has_segments_shape_of_an_action() -> None:
    """Outputs of hooks are fields; dynamic are the keys and values of objects, by name."""
    made = Field(label="List", type="string", choices=["a"])

    async def perform(request: Any, inputs: Any) -> Any:
        return {}

    @attrs.frozen
    class Item:
        item: dict[str, Any] = field()
        list_id: str = field(dynamic=True)

    class Save(Action[Settings, Item]):
        slug = "save"
        title = "Save"
        save_hooks = MappingProxyType(
            {
                "onMappingSave": SaveHook(
                    label="List",
                    description="Makes one.",
                    inputs={"name": made},
                    outputs={"id": made},
                    perform=perform,
                )
            }
        )
        dynamic_fields = MappingProxyType(
            {"item.__keys__": "fetch", "item.__values__": "fetch", "list_id": "fetch"}
        )

        async def fetch(self, request: Any, query: Any) -> DynamicChoices:
            return DynamicChoices()

    actions = manifest(
        catalog_of(declares("owner", make_destination(actions=[Save, Send], presets=[])))["small"]
    )["actions"]
    assert actions["save"]["dynamicFields"] == {"item": ["__keys__", "__values__"]}
    assert actions["save"]["fields"]["list_id"]["dynamic"] is True
    written = fields_to_manifest({"it": made})["it"]
    assert written["choices"] == [{"label": "a", "value": "a"}]
    assert actions["save"]["hooks"] == {
        "onMappingSave": {
            "label": "List",
            "description": "Makes one.",
            "inputFields": {"name": written},
            "outputFields": {"id": written},
        }
    }
    assert actions["send"]["dynamicFields"] is None
    assert actions["send"]["hooks"] is None
