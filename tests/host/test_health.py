"""What does not run: each kind is found, told with and without a token, counted and documented."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from tests.clocks import MovedClock
from tests.delivery.audience_parts import lists_catalog
from tests.docs.pages import read_page, section

from offramp.config import Config, Instance
from offramp.delivery.breaker import Hold
from offramp.errors import Fault, StorageDamagedError, StorageError
from offramp.host import health
from offramp.host.health import KINDS, Health
from offramp.host.watched import Find, Finding, Kind, Watched
from offramp.plugins.problems import PluginProblem
from offramp.storage import Damage
from offramp.web.health import Degraded

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from offramp.queue import Clock

SECRET = "a value of the configuration"


def engine(**parts: Any) -> Any:
    """An engine, as far as health reads one; all is well but for `parts`."""
    gates = parts.pop("gates", {})
    runtimes = {
        name: SimpleNamespace(gate=SimpleNamespace(held_for=s)) for name, s in gates.items()
    }
    snapshot = SimpleNamespace(
        problems=parts.pop("problems", {}),
        of_plugins=parts.pop("of_plugins", frozenset()),
        runtimes=runtimes,
        config=parts.pop("config", Config()),
        sources_without_keys=(),
    )
    catalog = SimpleNamespace(problems=parts.pop("plugins", ()), get=lists_catalog().get)
    known = {
        "held": {},
        "troubled": {},
        "withheld": (),
        "clock": clock_that_stepped(0.0),
        **parts,
    }
    return SimpleNamespace(snapshot=snapshot, catalog=catalog, **known)


def clock_that_stepped(seconds: float) -> Clock:
    """One that somebody set while the host ran."""
    clock = MovedClock()
    clock.step(seconds)
    return clock


async def no_faults() -> Sequence[str]:
    return ()


async def one_fault() -> Sequence[str]:
    return ["subscription billing/Usage: 3 accepted, but ends and in flight sum up to 2"]


async def one_stale() -> Sequence[Fault]:
    return [Fault("instances.billing.settings.apiToken", f"{SECRET} cannot be read")]


def spoiled_page() -> Damage:
    damage = Damage()
    damage.note_error(StorageDamagedError("the file is damaged: page 3"))
    return damage


def spoiled_events() -> Damage:
    damage = Damage()
    damage.note_events(11, 21, "the checksum of their block is wrong")
    return damage


HOLD = Hold(code="credentials", message=SECRET, remedy="change the settings")

TRIAL = Instance(name="trial", source="site", destination="metering", sandbox=True)
ADS = Instance(name="ads", source="site", destination="lists", audiences={"vip": {}})
WITH_AUDIENCE = Config(instances={"ads": ADS})
IN_SANDBOX = Config(instances={"trial": TRIAL})

#: Kind -> the parts of a host with this problem, and the pointer of what is found.
CASES: dict[str, tuple[Watched, str]] = {
    "unreadable": (
        Watched(
            engine=engine(
                config=Config(unreadable={("instance", "billing"): SECRET}),
                # It is told of once.
                problems={"instances.billing": SECRET},
            ),
            sums=no_faults,
        ),
        "#/instances/billing",
    ),
    "instance": (
        Watched(engine=engine(problems={"instances.billing": SECRET}), sums=no_faults),
        "#/instances/billing",
    ),
    "subscription": (
        Watched(engine=engine(problems={"subscriptions.billing/Usage": SECRET}), sums=no_faults),
        "#/subscriptions/billing~1Usage",
    ),
    "held": (
        Watched(engine=engine(held={"billing": HOLD}, gates={"billing": 301.0}), sums=no_faults),
        "#/instances/billing",
    ),
    "audience": (
        Watched(engine=engine(config=WITH_AUDIENCE), sums=no_faults),
        "#/instances/ads/audiences/vip",
    ),
    "grant": (
        Watched(engine=engine(held={"billing": attrs.evolve(HOLD, code="grant")}), sums=no_faults),
        "#/instances/billing",
    ),
    "plugin": (
        Watched(
            engine=engine(plugins=[PluginProblem("reports", "has no name", left_out=True)]),
            sums=no_faults,
        ),
        "#/plugins/reports",
    ),
    "restored": (
        Watched(engine=engine(withheld={"billing/Usage"}), sums=no_faults),
        "#/subscriptions/billing~1Usage",
    ),
    "backup": (
        Watched(engine=engine(), sums=no_faults, backup_failure=lambda: SECRET),
        "#/host/backup",
    ),
    "sandbox": (
        Watched(
            engine=engine(config=IN_SANDBOX),
            sums=no_faults,
            sandbox_failures=lambda: {"metering": f"the sandbox did not start: {SECRET}"},
        ),
        "#/instances/trial",
    ),
    "worker": (
        Watched(engine=engine(troubled={"billing/Usage": SECRET}), sums=no_faults),
        "#/subscriptions/billing~1Usage",
    ),
    "reference": (
        Watched(engine=engine(), sums=no_faults, stale=one_stale),
        "#/instances/billing/settings/apiToken",
    ),
    "clock": (
        Watched(engine=engine(clock=clock_that_stepped(7_200)), sums=no_faults),
        "#/host/clock",
    ),
    "database": (
        Watched(engine=engine(), sums=no_faults, damage=spoiled_page()),
        "#/storage",
    ),
    "damaged_events": (
        Watched(engine=engine(), sums=no_faults, damage=spoiled_events()),
        "#/events/11",
    ),
    "sums": (Watched(engine=engine(), sums=one_fault), "#/sums"),
}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.code)
async def test_each_kind_is_found(kind: Kind) -> None:
    """Only this kind is found, at its place, and no value is told to callers without a token."""
    watched, pointer = CASES[kind.code]
    [found] = await Health(watched)()
    assert (found.kind, found.pointer) == (kind.code, pointer)
    assert found.detail.partition("; ")[2]
    assert SECRET not in found.public_detail


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.code)
def test_each_kind_is_documented(kind: Kind) -> None:
    """Whoever is woken by the metric finds what the kind means, and what to do."""
    page = section(read_page("how-to/operate.md"), "Watch it").partition("### What is degraded")[2]
    assert f"| `{kind.code}` | {kind.summary} | {kind.remedy} |" in page


async def test_a_short_hold_wakes_nobody() -> None:
    """An instance is degraded only once it was held for more than five minutes."""
    held = engine(held={"billing": HOLD}, gates={"billing": health.HELD_SECONDS})
    assert await Health(Watched(engine=held, sums=no_faults))() == []


async def test_the_cause_of_a_plugin_may_be_told_to_all() -> None:
    """What a plugin got wrong holds no value of the configuration."""
    parts = {"instances.billing": "the plugin raised ValueError"}
    broken = engine(problems=parts, of_plugins=frozenset(parts))
    [found] = await Health(Watched(engine=broken, sums=no_faults))()
    assert "raised ValueError" in found.public_detail


async def test_a_check_that_fails_is_reported_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """One broken check hides neither itself nor the others."""
    monkeypatch.setattr(health, "CHECK_SECONDS", 0.05)

    async def hangs(_: Watched) -> Iterable[Finding]:
        await asyncio.sleep(30)
        return ()

    def breaks(_: Watched) -> Iterable[Finding]:
        raise ZeroDivisionError

    def refuses(_: Watched) -> Iterable[Finding]:
        raise StorageError("the disk is broken")

    def finds(_: Watched) -> Iterable[Finding]:
        return [Finding(pointer="#/x", cause="is gone", public="is gone")]

    finders: dict[str, Find] = {
        "hangs": hangs,
        "breaks": breaks,
        "refuses": refuses,
        "finds": finds,
    }
    kinds = [Kind(code=c, summary="", remedy="look", find=find) for c, find in finders.items()]
    found = await Health(Watched(engine=engine(), sums=no_faults), kinds)()
    causes = {
        "hangs": "the check did not end within 0.05 s",
        "breaks": "the check raised an error; the log has the traceback",
        "refuses": "the check failed: the disk is broken",
    }
    assert found == [
        *(
            Degraded(
                kind=code,
                pointer=f"#/{code}",
                detail=f"{cause}; look",
                public_detail=f"{cause}; look",
            )
            for code, cause in causes.items()
        ),
        Degraded(
            kind="finds", pointer="#/x", detail="is gone; look", public_detail="is gone; look"
        ),
    ]
