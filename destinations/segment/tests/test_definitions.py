"""All published destinations become destinations of Offramp, and the options that choose them."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from offramp_segment import plugin
from offramp_segment.definitions import definition, index
from offramp_segment.destination import load, preset_names
from offramp_segment.options import Options

OFFRAMP = Path(sys.executable).with_name("offramp")
#: Destinations and actions of the pinned package. Source: its own manifest.
DESTINATIONS, ACTIONS = 214, 601
#: Settings that are secrets, and that Segment declares as plain texts.
RETYPED = 13


async def check(folder: Path, tables: str) -> tuple[int | None, str]:
    """The end and the output of `offramp check` with these tables."""
    file = folder / "offramp.toml"
    file.write_text(tables)
    process = await asyncio.create_subprocess_exec(
        OFFRAMP, "check", file,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    return process.returncode, output.decode()


def test_every_destination_is_built_without_a_fault() -> None:
    """Each has all of its actions, and no plugin's problem comes of any; those of Segment too."""
    options = Options()
    built = [load(each, options.pools) for each in index().values()]
    assert len(built) == DESTINATIONS
    assert sum(len(each.actions) for each in built) == ACTIONS
    for each in built:
        named = set(index()[each.slug].actions)
        assert {action.slug for action in each.actions} == named
        assert all(preset.action in named for preset in each.presets)
        names = [preset.name for preset in each.presets]
        assert len(names) == len(set(names))
        assert preset_names(index()[each.slug].presets) == tuple(names)


async def test_the_catalog_offers_all_and_reports_nothing(tmp_path: Path) -> None:
    """`["all"]` is every destination that may run without more being allowed."""
    options = Options(destinations=("all",))
    offered = {each.slug for each in options.offered()}
    left = {each.slug for each in index().values() if each.missing or each.own_network}
    assert offered == set(index()) - left
    assert {"actions-kafka", "actions-segment-profiles"} <= left
    code, output = await check(tmp_path, '[plugins.segment]\ndestinations = ["all"]\n')
    assert code == 0, output


def test_secrets_that_segment_shows_are_passwords_here() -> None:
    """A setting whose name looks like a secret is encrypted and masked."""
    pools = Options().pools
    retyped = []
    for listed in index().values():
        declared = definition(listed.directory)["authentication"]["fields"]
        settings = load(listed, pools).settings
        for attribute in settings.__attrs_attrs__:
            field = attribute.metadata["offramp.field"]
            if field["type"] == "password" and declared[field["key"]]["type"] != "password":
                retyped.append((listed.slug, field["key"]))
    assert len(retyped) == RETYPED
    assert ("actions-webhook", "sharedSecret") not in retyped  # Segment says it itself


WRONG = """
[plugins.segment]
destinations = ["slack", "actions-slak", "actions-kafka", "actions-segment-profiles", 1]
own_network = ["actions-slack"]
environment = { ADWORDS_TOKEN = "x" }
workers = 1000
"""
MESSAGES = (
    "plugins.segment.destinations[0]: 'slack' is the name of a folder: the slug is 'actions-slack'",
    "did you mean 'actions-slack'?",
    "'actions-kafka' opens connections of its own: name it in own_network, if it may",
    "'actions-segment-profiles' cannot run here. It writes to Segment's profiles.",
    "plugins.segment.destinations[4]: must be a string",
    "'actions-slack' opens no connections of its own: name it in destinations",
    "no destination reads 'ADWORDS_TOKEN'; did you mean 'ADWORDS_DEVELOPER_TOKEN'?",
    "plugins.segment.workers: must be at most 64",
)


async def test_wrong_options_are_refused_with_their_places(tmp_path: Path) -> None:
    """An operator reads all that is wrong, and what to write, before anything runs."""
    code, output = await check(tmp_path, WRONG)
    assert code != 0
    shown = " ".join(output.split())
    assert [each for each in MESSAGES if each not in shown] == [], output


def test_without_a_configuration_nothing_is_offered_or_started() -> None:
    """A catalog may be built before there is a file; the plugin is no problem of it."""
    for options in (None, Options()):
        assert list(plugin.offramp_destinations(options)) == []
        assert plugin.offramp_lifespan(options) is None


def test_who_names_no_destination_does_not_read_the_list() -> None:
    """Every command asks each installed plugin for its destinations."""
    index.cache_clear()
    assert Options().offered() == []
    assert index.cache_info().misses == 0


def test_partner_credentials_are_not_shown() -> None:
    """They are secrets of the operator, or of his partner's contract."""
    options = Options(environment={"ADWORDS_DEVELOPER_TOKEN": "a-developer-token"})
    assert "a-developer-token" not in repr(options)
