"""Whether events can be stored, and which parts of the host do not run: one registry of kinds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Final

from offramp.config import audience_remedy, pending_audiences
from offramp.delivery import EGRESS, GRANT, used_by
from offramp.errors import OfframpError, counted
from offramp.host.ops import CHECK_SECONDS
from offramp.host.watched import Finding, Kind, Watched
from offramp.pointers import pointer_of, pointer_to
from offramp.storage.connect import RECOVERY
from offramp.web.health import Degraded

#: Seconds for which an instance may be held back before it counts as degraded: a partner that is
#: away for a moment should wake nobody.
HELD_SECONDS: Final = 300.0
MINUTE_SECONDS: Final = 60
#: Why nothing is sent to a subscription after a restore, and what to do about it.
UNDECIDED: Final = (
    "the data folder was restored from a backup, and what was in flight then may have been sent "
    "since: nothing is sent"
)
DECIDE: Final = "decide with `offramp restored` whether to send or to expire it"
CAUSE_HIDDEN: Final = "`offramp status` shows why"

_AUDIENCE_CAUSES: Final[Mapping[str, str]] = {
    "not_created": "is not created at the partner yet, so its events wait",
    "unknown": "the partner may have created it, but its id is not known, so its events wait",
}

_log = logging.getLogger(__name__)


class Health:
    """Lists what does not run, by all kinds; call it as `FindDegraded`."""

    def __init__(self, watched: Watched, kinds: Sequence[Kind] | None = None) -> None:
        self._watched = watched
        self._kinds = KINDS if kinds is None else kinds

    async def __call__(self) -> Sequence[Degraded]:
        """Ask every kind, all at the same time."""
        found = await asyncio.gather(*map(self._ask, self._kinds))
        return [each for of_kind in found for each in of_kind]

    async def _ask(self, kind: Kind) -> Sequence[Degraded]:
        return [_degraded(kind, each) for each in await self._findings(kind)]

    async def _findings(self, kind: Kind) -> Iterable[Finding]:
        """What a kind finds; a check that fails is reported itself, as something may be wrong."""
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                found = kind.find(self._watched)
                return await found if isinstance(found, Awaitable) else found
        except TimeoutError:
            cause = f"the check did not end within {CHECK_SECONDS:g} s"
        except OfframpError as error:
            cause = f"the check failed: {error}"
        except Exception:  # noqa: BLE001 - one broken check must not hide the others
            _log.exception("the check %r failed with an error", kind.code)
            cause = "the check raised an error; the log has the traceback"
        return [Finding(pointer=pointer_to(kind.code), cause=cause, public=cause)]


def _degraded(kind: Kind, found: Finding) -> Degraded:
    remedy = kind.remedy if found.remedy is None else found.remedy
    end = f"; {remedy}" if remedy else ""
    return Degraded(
        kind=kind.code,
        pointer=found.pointer,
        detail=found.cause + end,
        public_detail=found.public + end,
    )


def _stopped(watched: Watched, part: str) -> Iterable[Finding]:
    """Instances or subscriptions that cannot run."""
    snapshot = watched.engine.snapshot
    for place, problem in snapshot.problems.items():
        of, _, name = place.partition(".")
        if of == part and (part.removesuffix("s"), name) not in snapshot.config.unreadable:
            cause = f"does not run, and its events wait: {problem}"
            of_plugin = place in snapshot.of_plugins
            public = cause if of_plugin else f"does not run, and its events wait; {CAUSE_HIDDEN}"
            yield Finding(pointer=pointer_to(part, name), cause=cause, public=public)


def _unreadable(watched: Watched) -> Iterable[Finding]:
    """What is stored in a way that cannot be read, and what that does to its events."""
    snapshot = watched.engine.snapshot
    for (kind, name), why in snapshot.config.unreadable.items():
        if kind != "source":
            effect = "it does not run; its events are accepted, and wait"
        elif name in snapshot.sources_without_keys:
            effect = "its write keys are unknown: who sends with them is answered with 503"
        else:
            effect = "its events are accepted, as its write keys are references"
        yield Finding(
            pointer=pointer_to(f"{kind}s", name),
            cause=f"{why}; {effect}",
            public=f"its stored document cannot be read; {effect}",
        )


def _instances(watched: Watched) -> Iterable[Finding]:
    return _stopped(watched, "instances")


def _subscriptions(watched: Watched) -> Iterable[Finding]:
    return _stopped(watched, "subscriptions")


def _held(watched: Watched) -> Iterable[Finding]:
    engine = watched.engine
    for name, hold in engine.held.items():
        if hold.code == GRANT:
            continue  # a kind of its own
        seconds = engine.snapshot.runtimes[name].gate.held_for
        # A refused address is a fault of the configuration: it does not go away by itself.
        if seconds > HELD_SECONDS or hold.code == EGRESS:
            # Without the partner's answer, which may be long: the instance's own state has it.
            cause = f"held back for {seconds / MINUTE_SECONDS:.0f} minutes ({hold.code})"
            yield Finding(
                pointer=pointer_to("instances", name),
                cause=cause,
                public=cause,
                remedy=hold.remedy,
            )


def _audiences(watched: Watched) -> Iterable[Finding]:
    engine = watched.engine
    for instance, audience, state in pending_audiences(engine.snapshot.config, engine.catalog):
        cause = _AUDIENCE_CAUSES[state]
        yield Finding(
            pointer=pointer_to("instances", instance.name, "audiences", audience.key),
            cause=cause,
            public=cause,
            remedy=audience_remedy(instance, audience, state),
        )


def _grants(watched: Watched) -> Iterable[Finding]:
    for name, hold in watched.engine.held.items():
        if hold.code == GRANT:
            cause = f"nothing is sent, and its events wait: {hold.message}"
            public = "nothing is sent, and its events wait: it has no valid grant"
            pointer = pointer_to("instances", name)
            yield Finding(pointer=pointer, cause=cause, public=public, remedy=hold.remedy)


def _plugins(watched: Watched) -> Iterable[Finding]:
    for problem in watched.engine.catalog.problems:
        # A problem of a plugin contains no value of the configuration.
        yield Finding(
            pointer=pointer_to(*problem.keys),
            cause=problem.message,
            public=problem.message,
            remedy="",
        )


def _workers(watched: Watched) -> Iterable[Finding]:
    for subscription, trouble in watched.engine.troubled.items():
        yield Finding(
            pointer=pointer_to("subscriptions", subscription),
            cause=f"its worker does not deliver: {trouble}",
            public=f"its worker does not deliver; {CAUSE_HIDDEN}",
        )


def _restored(watched: Watched) -> Iterable[Finding]:
    for name in sorted(watched.engine.withheld):
        pointer = pointer_to("subscriptions", name)
        yield Finding(pointer=pointer, cause=UNDECIDED, public=UNDECIDED)


def _backup(watched: Watched) -> Iterable[Finding]:
    failure = watched.backup_failure()
    if failure is not None:
        cause = "the latest scheduled backup failed"
        yield Finding(
            pointer=pointer_to("host", "backup"),
            cause=f"{cause}: {failure}",
            public=f"{cause}; {CAUSE_HIDDEN}",
        )


def _sandboxes(watched: Watched) -> Iterable[Finding]:
    failures = watched.sandbox_failures()
    using = used_by(watched.engine.snapshot.config) if failures else ()
    for each in using:
        if each.enabled and each.destination in failures:
            yield Finding(
                pointer=pointer_to("instances", each.name),
                cause=f"its events wait: {failures[each.destination]}",
                public=f"its sandbox does not run, and its events wait; {CAUSE_HIDDEN}",
            )


def _database(watched: Watched) -> Iterable[Finding]:
    for fault in watched.damage.faults:
        # An error of a use of the file says itself what to do.
        remedy = "" if fault.endswith(RECOVERY) else None
        yield Finding(pointer=pointer_to("storage"), cause=fault, public=fault, remedy=remedy)


def _damaged_events(watched: Watched) -> Iterable[Finding]:
    for each in watched.damage.undecided:
        what = f"the events {each.first} to {each.end - 1} are damaged on disk: {each.cause}"
        yield Finding(pointer=pointer_to("events", str(each.first)), cause=what, public=what)
    if rows := watched.damage.rows:
        what = f"{counted(len(rows), 'delivery', 'deliveries')} cannot be read"
        yield Finding(pointer=pointer_to("deliveries"), cause=what, public=what)


async def _sums(watched: Watched) -> Iterable[Finding]:
    return [
        Finding(pointer=pointer_to("sums"), cause=fault, public=fault)
        for fault in await watched.sums()
    ]


async def _references(watched: Watched) -> Iterable[Finding]:
    return [
        Finding(
            pointer=pointer_of(fault.place),
            cause=fault.message,
            public=f"its reference cannot be read, and the value before is used; {CAUSE_HIDDEN}",
        )
        for fault in await watched.stale()
    ]


def _clock(watched: Watched) -> Iterable[Finding]:
    doubt = watched.engine.clock.doubt
    if doubt is not None:
        yield Finding(pointer=pointer_to("host", "clock"), cause=str(doubt), public=str(doubt))


#: The order in which they are listed.
KINDS: Final = (
    Kind(
        code="unreadable",
        summary="the stored document of a source, an instance or a subscription cannot be read",
        remedy="save it anew with all its secrets (`offramp apply`, or a PATCH), delete it, or "
        "restore the latest backup; the audit log shows how it was",
        find=_unreadable,
    ),
    Kind(
        code="instance",
        summary="an enabled instance cannot start, such as for a reference that is missing",
        remedy="fix its settings or the plugin",
        find=_instances,
    ),
    Kind(
        code="subscription",
        summary="an enabled subscription cannot be compiled",
        remedy="fix it: `offramp check` lists its errors",
        find=_subscriptions,
    ),
    Kind(
        code="held",
        summary="an instance has been held back for more than five minutes, or for a refused "
        "address",
        remedy="ask the partner",
        find=_held,
    ),
    Kind(
        code="audience",
        summary="an audience of an enabled instance is not created at the partner, or may be",
        remedy="create it with `offramp audiences create`, or give the id of the one that the "
        "partner has with `offramp audiences adopt`",
        find=_audiences,
    ),
    Kind(
        code="grant",
        summary="an instance of a destination with OAuth 2 is not connected, or the partner no "
        "longer accepts its grant",
        remedy="connect it: `offramp connect INSTANCE`",
        find=_grants,
    ),
    Kind(
        code="plugin",
        summary="a plugin is left out, or one of its hooks failed",
        remedy="fix the plugin",
        find=_plugins,
    ),
    Kind(
        code="worker",
        summary="the worker of a subscription fails to lease or to settle",
        remedy="it tries again every second; look at the disk and at the log",
        find=_workers,
    ),
    Kind(
        code="reference",
        summary="a reference can no longer be read, and the value that was read before is used",
        remedy="put the file back",
        find=_references,
    ),
    Kind(
        code="restored",
        summary="what was in flight at the backup that was restored waits for a decision",
        remedy=DECIDE,
        find=_restored,
    ),
    Kind(
        code="backup",
        summary="the latest scheduled backup failed",
        remedy="make room or a right to write there; it is tried again every 15 minutes",
        find=_backup,
    ),
    Kind(
        code="sandbox",
        summary="an instance uses a sandbox that did not start",
        remedy="fix the plugin, or let the instance use the partner",
        find=_sandboxes,
    ),
    Kind(
        code="clock",
        summary="this machine's clock is not believed, so nothing is deleted and nothing expires",
        remedy="compare it with another clock, and set it if it is wrong",
        find=_clock,
    ),
    Kind(
        code="database",
        summary="a page of the database file makes no sense, or its check found something",
        remedy="copy the data folder, then recover or restore the file",
        find=_database,
    ),
    Kind(
        code="damaged_events",
        summary="the disk spoiled events: they are set aside, and everything else goes on",
        remedy="copy the data folder, then restore the events, or let their senders send them "
        "again and end these with `offramp damaged --expire`",
        find=_damaged_events,
    ),
    Kind(
        code="sums",
        summary="accepted is not ended + in flight",
        remedy="`offramp status --reconcile` recounts everything",
        find=_sums,
    ),
)
