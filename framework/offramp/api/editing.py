"""Changes the configuration of the running host: checks first, and refuses a stale revision."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Final

import attrs

from offramp.api.config_shapes import (
    ChangeShape,
    ChangesShape,
    DetailShape,
    SaveHookRunShape,
)
from offramp.api.host_context import HostContext
from offramp.api.operations import Call, Query
from offramp.api.parts import within
from offramp.api.problems import ProblemError
from offramp.api.save_hooks import (
    HookRuns,
    PendingHook,
    describe_pending,
    forget_saved,
    pending_hooks,
)
from offramp.config import (
    Change,
    Config,
    Detail,
    StaleConfigError,
    check_references,
    diff_configs,
    resolve_write_keys,
    with_built_in,
)
from offramp.definition import UNSET
from offramp.delivery.disabled import why_ended
from offramp.errors import Fault, counted
from offramp.pointers import ErrorShape, describe_errors, pointer_of

#: What every operation has that can end waiting deliveries.
CONFIRM: Final = Query(
    name="confirm",
    summary="Make the change also if waiting deliveries end by it; else the answer is 409",
    kind="flag",
    default=False,
)
#: What every operation has whose change can be looked at first.
DRY_RUN: Final = Query(
    name="dry_run", summary="Change nothing, and answer as if", kind="flag", default=False
)
#: Subscriptions that the answer 409 names.
MAX_NAMED: Final = 5


@attrs.frozen(kw_only=True)
class Saved:
    """The result of a change, or of a change that is only tried."""

    revision: int
    config: Config
    changes: tuple[Change, ...] = ()
    dry_run: bool = False
    #: Subscription -> waiting deliveries that it would end, if it is only tried.
    ended: Mapping[str, int] = attrs.field(factory=dict)
    #: The save hooks that ran, or would run.
    save_hooks: Sequence[SaveHookRunShape] = ()

    def described(self) -> ChangesShape:
        """Describe the change as JSON data, secrets masked."""
        return {
            "changes": [_change(each) for each in self.changes],
            "dry_run": self.dry_run,
            "ended": [{"subscription": each, "deliveries": n} for each, n in self.ended.items()],
            "save_hooks": [*self.save_hooks],
        }


def _whole(_: Config) -> str:
    return ""


def no_hooks(_: Config) -> Collection[str]:
    """No subscriptions: for a change to something else."""
    return ()


def all_hooks(config: Config) -> Collection[str]:
    """All subscriptions: for a change to the whole configuration."""
    return config.subscriptions


async def save(
    host: HostContext,
    call: Call,
    change: Callable[[Config], Config],
    *,
    part: Callable[[Config], str] = _whole,
    hooks_of: Callable[[Config], Collection[str]] = no_hooks,
) -> Saved:
    """Change the configuration; the host runs the new one when this returns. A dry run only tries.

    Save hooks that have not run with their inputs run first, those of the subscriptions `hooks_of`
    the new configuration. If one fails, nothing is saved; the error's places are relative to the
    place of `part`.

    Raises `StaleConfigError` if the caller named another revision, or if another change was faster,
    `ConfigError` if the new configuration is not valid, and `ProblemError`: 409, if waiting
    deliveries would end and the caller did not confirm that; 422, if a save hook failed.
    """
    async with host.changing:
        tried = await attempt(host, call, change)
        pending = pending_hooks(tried.config, hooks_of(tried.config))
        described = describe_pending(host, tried.config, pending)
        tried = attrs.evolve(tried, save_hooks=described)
        if call.query.get(DRY_RUN.name):
            ended = await ended_by(host, tried.config)
            return attrs.evolve(tried, dry_run=True, ended=ended)
        ended = {} if call.query.get(CONFIRM.name) else await ended_by(host, tried.config)
        if ended:
            raise _unconfirmed(ended)
        if pending:
            tried = await _with_hooks(host, call, tried, pending, part(tried.config))
        revision = await host.configs.apply(
            tried.changes, tried.revision, actor=call.actor, token=call.token
        )
        forget_saved(host, tried.config, pending)
    return attrs.evolve(tried, revision=revision)


async def _with_hooks(
    host: HostContext, call: Call, tried: Saved, pending: Sequence[PendingHook], part: str
) -> Saved:
    """Run hooks, and return the change with their outputs."""
    runs = HookRuns(host=host, call=call, config=tried.config, part=part)
    wanted = await runs.run(pending)
    _, current = await host.configs.load()
    changes = await host.compute(lambda: diff_configs(current, wanted, host.catalog))
    return attrs.evolve(tried, config=wanted, changes=changes)


async def attempt(host: HostContext, call: Call, change: Callable[[Config], Config]) -> Saved:
    """Compute the result of a change to the present revision; raises as `save` does."""
    revision, current = await host.configs.load()
    if call.revision is not None and call.revision != revision:
        raise StaleConfigError(expected=call.revision, found=revision)

    def work() -> Saved:
        wanted = with_built_in(change(current), host.catalog)
        references = host.engine.references
        check_references(current, wanted, host.catalog, references)
        # A reference that cannot be resolved here could not be resolved when it is applied.
        resolve_write_keys(wanted, references)
        changes = diff_configs(current, wanted, host.catalog)
        return Saved(revision=revision, config=wanted, changes=changes)

    return await host.compute(work)


async def ended_by(host: HostContext, wanted: Config) -> dict[str, int]:
    """How many waiting deliveries another configuration would end, by subscription.

    Those that are being delivered now are left out, as they come to their own end.
    """
    depths = await host.queue.depths()
    return {
        subscription: depth.total - depth.leased
        for subscription, depth in depths.items()
        if depth.total > depth.leased
        and why_ended(host.config, subscription) is None
        and why_ended(wanted, subscription) is not None
    }


def _change(change: Change) -> ChangeShape:
    return {
        "kind": change.kind,
        "id": change.id,
        "what": change.what,
        "details": [_detail(detail) for detail in change.details],
        "text": str(change),
    }


def _detail(detail: Detail) -> DetailShape:
    shape: DetailShape = {
        "place": detail.place,
        "pointer": pointer_of(detail.place),
    }
    if detail.before is not UNSET:
        shape["before"] = detail.before
    if detail.after is not UNSET:
        shape["after"] = detail.after
    return shape


def _unconfirmed(ended: Mapping[str, int]) -> ProblemError:
    named = [f"{n:,} in {subscription}" for subscription, n in ended.items()]
    if len(named) > MAX_NAMED:
        named[MAX_NAMED:] = [f"others in {len(named) - MAX_NAMED:,} more"]
    waiting = counted(sum(ended.values()), "delivery waits", "deliveries wait")
    detail = f"{waiting} and would expire ({', '.join(named)}); a pause would let them wait"
    error: ErrorShape = {"parameter": CONFIRM.name, "detail": "is needed to make the change"}
    return ProblemError(HTTPStatus.CONFLICT, detail, errors=[error])


async def warnings_at(
    host: HostContext, place: str, find: Callable[[], Iterable[Fault]]
) -> list[ErrorShape]:
    """Find warnings about one part of a configuration; their places are relative to it."""
    return await host.compute(lambda: describe_errors(within(fault, place) for fault in find()))
