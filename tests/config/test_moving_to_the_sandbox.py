"""What the host wrote at the partner means nothing in the sandbox, and the other way round."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
from tests.delivery.audience_parts import lists
from tests.delivery.lists import lists_catalog

from offramp import Destination, Sandbox, hookimpl
from offramp.config import Config, audiences_of, parse_config
from offramp.delivery.save_hooks import KeptOutputs
from offramp.plugins import Catalog, load_catalog, load_plugins


@asynccontextmanager
async def _never_started() -> Any:
    yield


@attrs.frozen
class _Declares:
    destination: Destination

    @hookimpl
    def offramp_destinations(self) -> list[Destination]:
        return [self.destination]


def _with_sandbox(destination: Destination) -> Catalog:
    sandbox = Sandbox(label="An emulator", description="...", start=_never_started, settings={})
    plugin = _Declares(attrs.evolve(destination, sandbox=sandbox))
    return load_catalog(load_plugins(extra=[plugin], installed=False))


def _read(catalog: Catalog, current: Config | None = None, **instance: Any) -> Config:
    table = {"destination": "lists", "source": "site", "settings": {"token": "t0ken"}, **instance}
    document = {"sources": {"site": {"write_key": "key"}}, "instances": {"l": table}}
    return parse_config(document, catalog, current=current).config


@pytest.mark.parametrize("sandbox", [True, False])
@pytest.mark.parametrize("copied", [True, False])
def test_the_id_of_an_audience_stays_behind(*, sandbox: bool, copied: bool) -> None:
    """Also one that the document repeats unchanged; an id of its own is taken as it is written."""
    catalog = _with_sandbox(lists)
    known = {"vip": {"external_id": "L1"}, "old": {"creation_begun": True}}
    current = _read(catalog, sandbox=not sandbox, audiences=known)
    given = known if copied else {"vip": {}, "old": {}}
    stayed = audiences_of(
        _read(catalog, current, sandbox=not sandbox, audiences=given).instances["l"]
    )
    assert (stayed["vip"].external_id, stayed["old"].creation_begun) == ("L1", True)
    moved = audiences_of(_read(catalog, current, sandbox=sandbox, audiences=given).instances["l"])
    assert (moved["vip"].external_id, moved["old"].creation_begun) == (None, False)
    other = {"vip": {"external_id": "L9"}}
    adopted = audiences_of(_read(catalog, current, sandbox=sandbox, audiences=other).instances["l"])
    assert adopted["vip"].external_id == "L9"


@pytest.mark.parametrize("sandbox", [True, False])
@pytest.mark.parametrize("copied", [True, False])
def test_the_outputs_of_a_save_hook_stay_behind(*, sandbox: bool, copied: bool) -> None:
    """The hook has to run again where the instance sends to now."""
    catalog = _with_sandbox(lists_catalog()["lists"].destination)
    hook: dict[str, Any] = {"inputs": {"name": "VIP"}, "outputs": {"listId": "L1"}}
    one = {"name": "one", "action": "addMember", "trigger": 'type = "track"'}

    def read(current: Config | None, hook: dict[str, Any], *, sandbox: bool) -> Any:
        subscriptions = [{**one, "hooks": {"onMappingSave": hook}}]
        config = _read(catalog, current, sandbox=sandbox, subscriptions=subscriptions)
        return config, config.subscriptions["l/one"]

    current, _ = read(None, hook, sandbox=not sandbox)
    given = hook if copied else {"inputs": hook["inputs"]}
    assert not read(current, given, sandbox=not sandbox)[1].pending_hooks
    assert list(read(current, given, sandbox=sandbox)[1].pending_hooks) == ["onMappingSave"]
    other = {**hook, "outputs": {"listId": "L9"}}
    assert not read(current, other, sandbox=sandbox)[1].pending_hooks


def test_outputs_that_were_not_saved_stay_behind() -> None:
    """What a hook gave in the sandbox, in a change that failed, is not used at the partner."""
    catalog = _with_sandbox(lists_catalog()["lists"].destination)
    hook = {"onMappingSave": {"inputs": {"name": "VIP"}}}
    one = {"name": "one", "action": "addMember", "trigger": 'type = "track"', "hooks": hook}
    inside = _read(catalog, sandbox=True, subscriptions=[one])
    outside = _read(catalog, sandbox=False, subscriptions=[one])
    kept = KeptOutputs()
    kept.keep(inside, "l/one", "onMappingSave", {"listId": "L1"})
    assert kept.find(outside, "l/one", "onMappingSave") is None
    assert kept.find(inside, "l/one", "onMappingSave") == {"listId": "L1"}
    kept.forget(inside, "l/one", "onMappingSave")
    assert kept.find(inside, "l/one", "onMappingSave") is None
