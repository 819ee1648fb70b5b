"""Configurations and triggers that the pages show: valid, and nothing about them is warned of."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
from tests.docs.pages import CHECKOUT, blocks, read_page

from offramp.config import Document, check_config, parse_config, read_trigger
from offramp.plugins import Catalog, load_catalog, load_plugins
from offramp_metronome.demo.scenario import CONFIG as DEMO

#: These pages show triggers that are warned of, each with its warning; not as their first one.
ABOUT_WARNINGS = {"docs/reference/triggers.md", "docs/explanation/segment-differences.md"}
PAGES = sorted(
    str(path.relative_to(CHECKOUT))
    for path in (
        CHECKOUT / "README.md",
        *(CHECKOUT / "docs").rglob("*.md"),
        *(CHECKOUT / "destinations").glob("*/README.md"),
    )
)
_TRIGGER = re.compile(r"""\btrigger\s*[:=]\s*(?:'([^']*)'|"([^"\\]*)")""")


def whole_configurations() -> dict[str, dict[str, Any]]:
    """The configurations with instances of installed destinations, by page; and the demo's."""
    found: dict[str, dict[str, Any]] = {"the demonstration": DEMO}
    for page in PAGES:
        for number, text in enumerate(blocks((CHECKOUT / page).read_text(), "toml")):
            read = tomllib.loads(text)
            instances = read.get("instances", {}).values()
            if any(each.get("destination") == "metronome-actions" for each in instances):
                found[f"{page}, example {number + 1}"] = read
    return found


def triggers() -> dict[str, str]:
    """Each trigger in a page's code or configuration, and the page."""
    return {
        single or double: page
        for page in PAGES
        if page not in ABOUT_WARNINGS
        for single, double in _TRIGGER.findall((CHECKOUT / page).read_text())
    } | {blocks(read_page("reference/triggers.md"), "fql")[0].strip(): "docs/reference/triggers.md"}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(load_plugins())


@pytest.mark.parametrize("name", whole_configurations())
def test_a_configuration_that_is_shown_has_no_faults_and_no_warnings(
    catalog: Catalog, name: str
) -> None:
    """`offramp check` reports that it `is valid`, and nothing else but that it uses a sandbox."""
    # Plugin files are the reader's own, and loaded before the rest is read.
    data = {
        key: part for key, part in whole_configurations()[name].items() if key != "plugin_files"
    }
    config = parse_config(Document(data=data), catalog).config
    report = check_config(config, catalog)
    sandboxes = {f"instances.{each.name}" for each in config.instances.values() if each.sandbox}
    found = (*report.errors, *report.warnings)
    assert [str(fault) for fault in found if fault.place not in sandboxes] == []


@pytest.mark.parametrize("trigger", triggers())
def test_a_trigger_that_is_shown_means_the_same_at_segment(trigger: str) -> None:
    """It is valid, and no warning stands at it."""
    assert read_trigger(trigger).warnings == ()


def test_examples_are_found() -> None:
    """The pages that people copy from are among them."""
    assert {
        "the demonstration",
        "README.md, example 1",
        "docs/reference/configuration.md, example 1",
    } <= set(whole_configurations())
    pages = {"docs/tutorial.md", "docs/reference/hooks.md", "docs/reference/triggers.md"}
    assert pages <= {*triggers().values()}
