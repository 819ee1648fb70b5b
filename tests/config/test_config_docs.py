from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from offramp.config.host import HOST_KEYS
from offramp.config.parse import INSTANCE_KEYS, SOURCE_KEYS, TOP_KEYS
from offramp.config.subscriptions import SUBSCRIPTION_KEYS

PAGE = Path(__file__).parents[2].joinpath("docs", "reference", "configuration.md").read_text()


@pytest.mark.parametrize(
    ("heading", "keys"),
    [
        ("Top level", TOP_KEYS),
        ("`[host]`", HOST_KEYS),
        ("`[sources.NAME]`", SOURCE_KEYS),
        ("`[instances.NAME]`", INSTANCE_KEYS),
        ("`[[instances.NAME.subscriptions]]`", SUBSCRIPTION_KEYS),
    ],
)
def test_the_reference_names_every_key(heading: str, keys: tuple[str, ...]) -> None:
    """What can be written is documented, and nothing that cannot."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == set(keys)


def test_the_example_uses_keys_that_there_are() -> None:
    """The example at the top is TOML, and each of its keys is known."""
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    document = tomllib.loads(text)
    assert set(document) <= set(TOP_KEYS)
    assert set(document["host"]) <= set(HOST_KEYS)
    (instance,) = document["instances"].values()
    assert set(instance) <= set(INSTANCE_KEYS)
    for subscription in instance["subscriptions"]:
        assert set(subscription) <= set(SUBSCRIPTION_KEYS)
