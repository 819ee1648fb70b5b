"""The state of the host: queue depths, counts, circuit breakers, what does not run, and sums."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Awaitable, Iterable
from typing import Final, Literal, TypeVar, cast

from offramp._version import __version__
from offramp.api.host_context import HostContext
from offramp.api.operations import Call, Operation, Query, Reply
from offramp.api.records import latency_shape
from offramp.api.shapes import ReconciliationShape
from offramp.api.status_shapes import (
    CatalogStatus,
    CircuitBreakerShape,
    DestinationStatus,
    InstanceStatus,
    SourceStatus,
    StatusShape,
    SubscriptionStatus,
    UnknownPathShape,
)
from offramp.api.times import write_optional, write_time
from offramp.config import Config, Instance
from offramp.delivery import GRANT, Hold, InstanceRuntime
from offramp.errors import StorageDamagedError
from offramp.http import readable
from offramp.plugins import Catalog, ListedDestination, pick
from offramp.queue import Count, Depth
from offramp.web.health import degraded_shape

T = TypeVar("T")

#: Why a destination is not offered, if no problem of a plugin says more.
UNDECLARED: Final = "no plugin in use declares it"
SUMS_UNREADABLE: Final = "the counters cannot be read"
#: Seconds that are counted if the caller gives no `since`.
DEFAULT_LOOK_BACK: Final = 86_400.0
SINCE: Final = Query(
    name="since", kind="time", summary="Count from this time on; the default is the last 24 hours"
)
INSTANCE: Final = Query(
    name="instance", summary="Of instances and subscriptions only this one and its own"
)


class StatusResource:
    """The state of the host."""

    def __init__(self, host: HostContext) -> None:
        self._host = host

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        yield Operation(
            method="GET",
            path="/api/status",
            tag="status",
            summary="Show queues, outcomes, latencies, circuit breakers, sums, what is degraded",
            serve=self.status,
            answer=StatusShape,
            query=(SINCE, INSTANCE),
        )
        yield Operation(
            method="GET",
            path="/api/reconciliation",
            tag="status",
            summary="Recount everything and compare it with the counters; reads all rows",
            serve=self.reconcile,
            answer=ReconciliationShape,
        )

    async def status(self, call: Call) -> Reply:
        """Answer with the state."""
        host = self._host
        now = host.clock()
        since = now - DEFAULT_LOOK_BACK if call.query["since"] is None else call.query["since"]
        revision, _ = await host.configs.load()
        only = call.query["instance"]
        if only is not None:
            pick(host.config.instances, only, "instance")
        counts = await _readable(host.ledger.counts(since, now + 1), ())
        faults = list(await _readable(host.sums(), (SUMS_UNREADABLE,)))
        answer: StatusShape = {
            "version": __version__,
            "revision": revision,
            "now": write_time(now),
            "started_at": write_time(host.started_at),
            "since": write_time(since),
            "degraded": [degraded_shape(each, public=False) for each in await host.degraded()],
            "paused": await host.paused(),
            "sums": {"ok": not faults, "faults": faults},
            "catalog": _catalog(host.catalog, host.config),
            "sources": self._sources(counts),
            "instances": [
                self._instance(each, now)
                for each in host.config.instances.values()
                if only in (None, each.name)
            ],
            "subscriptions": await self._subscriptions(counts, since, only),
            "unknown_paths": self._unknown_paths(),
        }
        return Reply(data=answer, revision=revision)

    async def reconcile(self, _: Call) -> Reply:
        """Answer with the result."""
        result = await self._host.ledger.reconcile()
        answer: ReconciliationShape = {
            "ok": result.ok,
            "deliveries": result.deliveries,
            "faults": list(result.faults),
        }
        return Reply(data=answer)

    def _sources(self, counts: Iterable[Count]) -> list[SourceStatus]:
        sums = _sums((c.source, c) for c in counts if not c.subscription)
        refused: Counter[str] = Counter()
        kept_until = self._host.engine.snapshot.kept_until
        for (source, _), n in self._host.engine.refused.items():
            refused[source] += n
        return [
            {
                "name": source.name,
                "enabled": source.enabled,
                "kept_until": write_optional(kept_until.get(source.name)),
                "accepted": sums[source.name, "accepted"],
                "duplicate": sums[source.name, "duplicate"],
                "refused": refused[source.name],
            }
            for source in self._host.config.sources.values()
        ]

    def _unknown_paths(self) -> list[UnknownPathShape]:
        return [
            {
                "method": each.method,
                "path": each.path,
                "nearest": each.nearest,
                "requests": each.requests,
                "last_at": write_time(each.last_at),
            }
            for each in self._host.unknown_paths.latest()
        ]

    def _instance(self, instance: Instance, now: float) -> InstanceStatus:
        engine = self._host.engine
        runtime = engine.snapshot.runtimes.get(instance.name)
        hold = engine.held.get(instance.name)
        return {
            "name": instance.name,
            "destination": instance.destination,
            "enabled": instance.enabled,
            "paused": instance.paused or self._host.config.sources[instance.source].paused,
            "sandbox": instance.sandbox,
            "circuit_breaker": None
            if runtime is None
            else circuit_breaker_shape(runtime, hold, now=now),
            "concurrency": None if runtime is None else runtime.gate.limit,
        }

    async def _subscriptions(
        self, counts: Iterable[Count], since: float, only: str | None
    ) -> list[SubscriptionStatus]:
        host = self._host
        sums = _sums((c.subscription, c) for c in counts if c.subscription)
        seen = {subscription for (subscription, _), n in sums.items() if n}
        depths = await host.queue.depths()
        latencies = await _readable(host.ledger.latencies(since=since), {})
        subscriptions = [*host.config.subscriptions, *(subscription for subscription in depths)]
        found = []
        for subscription in dict.fromkeys(subscriptions):
            status = self._subscription(subscription, sums, depths.get(subscription, Depth()))
            if only not in (None, status["instance"]):
                continue
            if status["configured"] or subscription in seen:
                latency = latency_shape(latencies.get(subscription))
                found.append(SubscriptionStatus(**{**status, "latency": latency}))
        return found

    def _subscription(
        self, subscription: str, sums: Counter[tuple[str, str]], depth: Depth
    ) -> SubscriptionStatus:
        configured = self._host.config.subscriptions.get(subscription)
        paused = self._host.engine.snapshot.paused_subscriptions
        return {
            "id": subscription,
            "instance": None if configured is None else configured.instance,
            "configured": configured is not None,
            "enabled": configured is not None and configured.enabled,
            "paused": subscription in paused,
            "running": subscription in self._host.engine.snapshot.plans,
            "waiting": depth.waiting,
            "retrying": depth.retrying,
            "leased": depth.leased,
            "accepted": sums[subscription, "accepted"],
            "delivered": sums[subscription, "delivered"],
            "filtered": sums[subscription, "filtered"],
            "rejected": sums[subscription, "rejected"],
            "expired": sums[subscription, "expired"],
            "replayed": sums[subscription, "replayed"],
            "latency": None,
        }


def circuit_breaker_shape(
    runtime: InstanceRuntime, hold: Hold | None, *, now: float
) -> CircuitBreakerShape:
    """Whether an instance is held back, why, and until when; `now` in epoch seconds."""
    state = runtime.gate.state
    # It ends once a person connects the instance.
    is_endless = hold is not None and hold.code == GRANT
    return {
        "state": cast("Literal['closed', 'open', 'half-open']", state),
        "reason": None if hold is None else hold.code,
        "message": None if hold is None else readable(hold.message),
        "remedy": None if hold is None else hold.remedy,
        "until": write_time(now + runtime.gate.pause)
        if state == "open" and not is_endless
        else None,
    }


def _catalog(catalog: Catalog, config: Config) -> CatalogStatus:
    """What became of the destinations; none is built for that."""
    listed, lost = {each.slug: each for each in catalog.listed}, catalog.plugins.lost
    users: defaultdict[str, list[str]] = defaultdict(list)
    for instance in config.instances.values():
        users[instance.destination].append(instance.name)
    replacing = [each.slug for each in listed.values() if each.fallbacks]
    built = len(catalog.built.keys() & listed.keys())
    return {
        "built": built,
        "listed": len(listed) - built,
        "failed": len(lost),
        "destinations": [
            _destination(catalog, listed.get(slug), slug, users.get(slug, []))
            for slug in dict.fromkeys([*users, *replacing, *lost])
        ],
    }


def _destination(
    catalog: Catalog, listed: ListedDestination | None, slug: str, instances: list[str]
) -> DestinationStatus:
    found: DestinationStatus = {
        "slug": slug,
        "state": catalog.state(slug),
        "plugin": None,
        "fallbacks": [],
        "reason": None,
        "instances": instances,
    }
    if listed is None:
        problems = "; ".join(map(str, catalog.missing(slug)))
        return {**found, "reason": problems or UNDECLARED}
    return {**found, "plugin": listed.plugin, "fallbacks": list(listed.fallbacks)}


async def _readable(read: Awaitable[T], otherwise: T) -> T:
    """What is read, or something else if its table is damaged: `degraded` then says so."""
    try:
        return await read
    except StorageDamagedError:
        return otherwise


def _sums(counts: Iterable[tuple[str, Count]]) -> Counter[tuple[str, str]]:
    sums: Counter[tuple[str, str]] = Counter()
    for of, count in counts:
        sums[of, count.counted.value] += count.n
    return sums
