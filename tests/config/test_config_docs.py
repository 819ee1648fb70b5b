"""The reference of the configuration says what is declared, default by default."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from offramp.config import BackupSettings, BatchTable, EgressSettings, HostSettings, OAuthApp
from offramp.config.audiences import InstanceAudience
from offramp.config.model import DocumentTable, InstanceTable, Source, SubscriptionTable
from offramp.config.options import keys_of, reference_rows

PAGE = Path(__file__).parents[2].joinpath("docs", "reference", "configuration.md").read_text()
HEAD = "| key | default | value |\n|---|---|---|\n"


@pytest.mark.parametrize(
    ("heading", "cls"),
    [
        ("Top level", DocumentTable),
        ("`[host]`", HostSettings),
        ("`[host.backup]`", BackupSettings),
        ("`[host.egress]`", EgressSettings),
        ("`[sources.NAME]`", Source),
        ("`[instances.NAME]`", InstanceTable),
        ("`[instances.NAME.audiences.KEY]`", InstanceAudience),
        ("`[instances.NAME.oauth]`", OAuthApp),
        ("`[[instances.NAME.subscriptions]]`", SubscriptionTable),
        ("Batching", BatchTable),
    ],
)
def test_the_reference_is_the_declaration(heading: str, cls: type[Any]) -> None:
    """What can be written stands there with its default as a number with its unit, and no more."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    table = HEAD + "\n".join(reference_rows(cls)) + "\n"
    assert table in section, f"write this table under {heading}:\n\n{table}"
    assert not section.partition(table)[2].startswith("|")


def test_every_default_that_is_a_number_has_its_unit() -> None:
    """Nobody has to look up what 5000000 counts; a port and a number of proxies say it."""
    cells = {row.split(" | ")[0][2:]: row.split(" | ")[1] for row in reference_rows(HostSettings)}
    bare = {key.strip("`") for key, cell in cells.items() if re.fullmatch(r"[\d.]+", cell)}
    assert bare == {"port", "trusted_proxies"}
    assert cells["`max_in_flight`"] == "5000000 deliveries"
    assert cells["`min_free_bytes`"] == "536870912 bytes"
    assert cells["`keep_dead_letters_days`"] == "34 days"


def test_the_example_uses_keys_that_there_are() -> None:
    """The example at the top is TOML, and each of its keys is known."""
    text, *_ = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    document = tomllib.loads(text)
    assert set(document) <= set(keys_of(DocumentTable))
    assert set(document["host"]) <= set(keys_of(HostSettings))
    (instance,) = document["instances"].values()
    assert set(instance) <= set(keys_of(InstanceTable))
    for subscription in instance["subscriptions"]:
        assert set(subscription) <= set(keys_of(SubscriptionTable))
