"""Runs the save hooks of a change before it is saved; if one fails, nothing is saved."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from http import HTTPStatus
from typing import Any

import attrs

from offramp.api.candidates import ANY_TRIGGER, compiled
from offramp.api.config_shapes import SaveHookRunShape
from offramp.api.exchange_shapes import HookEffectShape
from offramp.api.host_context import HostContext
from offramp.api.operations import Call
from offramp.api.parts import of_subscription, within
from offramp.api.problems import ProblemError
from offramp.config import Config, Subscription
from offramp.config.export import save_hooks_of
from offramp.config.model import OUTPUTS
from offramp.config.same_keys import place_of
from offramp.config.save_hooks import mask_hooks
from offramp.delivery.save_hooks import HookRun, run_save_hook
from offramp.errors import ConfigError, Fault, join_place
from offramp.pointers import describe_errors


@attrs.frozen(kw_only=True)
class PendingHook:
    """A hook that has to run before its subscription can be saved."""

    subscription: Subscription
    name: str


def pending_hooks(config: Config, among: Collection[str]) -> list[PendingHook]:
    """The hooks of some subscriptions that have not run with their present inputs."""
    return [
        PendingHook(subscription=each, name=name)
        for each in config.subscriptions.values()
        if each.id in among
        for name in each.pending_hooks
    ]


def describe_pending(
    host: HostContext, config: Config, pending: Iterable[PendingHook]
) -> list[SaveHookRunShape]:
    """Describe hooks that a change runs."""
    found: list[SaveHookRunShape] = []
    for each in pending:
        hook = save_hooks_of(host.catalog, config, each.subscription)[each.name]
        found.append(
            {
                "subscription": each.subscription.id,
                "hook": each.name,
                "label": hook.label,
                "description": hook.description,
            }
        )
    return found


def forget_saved(host: HostContext, config: Config, pending: Iterable[PendingHook]) -> None:
    """Forget the kept outputs of hooks that are saved now."""
    for each in pending:
        host.kept_outputs.forget(config, each.subscription.id, each.name)


@attrs.define(kw_only=True)
class HookRuns:
    """Runs the hooks of one change, one after another."""

    host: HostContext
    call: Call
    #: With the outputs of those that ran.
    config: Config
    #: The place in a document that places of faults are relative to.
    part: str
    _done: list[PendingHook] = attrs.field(factory=list, init=False)

    async def run(self, pending: Iterable[PendingHook]) -> Config:
        """Run hooks, and return the configuration with their outputs.

        Raises `ConfigError` or `ProblemError`, 422, if one cannot run or fails: then nothing is to
        be saved. The message, and the audit log, say what it may have changed at the partner.
        """
        kept = self.host.kept_outputs
        for each in pending:
            subscription = self.config.subscriptions[each.subscription.id]
            outputs = kept.find(self.config, subscription.id, each.name)
            if outputs is None:
                outputs = (await self._run(subscription, each.name)).outputs
                kept.keep(self.config, subscription.id, each.name, outputs)
            self._done.append(each)
            self.config = _with_outputs(self.config, subscription, each.name, outputs)
        return self.config

    async def _run(self, subscription: Subscription, name: str) -> HookRun:
        place = place_of(self.config, subscription)
        try:
            run = await self._performed(subscription, name)
        except ConfigError as error:
            faults = [of_subscription(each, subscription.id).under(place) for each in error.faults]
            raise ConfigError(within(fault, self.part) for fault in faults) from None
        await self._note(subscription, name, run)
        if run.error is not None:
            raise self._failed(subscription, name, run)
        return run

    async def _performed(self, subscription: Subscription, name: str) -> HookRun:
        host = self.host
        # A hook needs no trigger, which a disabled subscription may lack.
        ready = attrs.evolve(subscription, trigger=subscription.trigger or ANY_TRIGGER)
        async with compiled(host, ready, self.config.instances) as candidate:
            runtime, plan = candidate.runtime, candidate.plan
            if runtime is None:
                message = f"cannot run: {candidate.problem}"
                raise ConfigError([Fault(join_place("hooks", name), message)])
            return await run_save_hook(runtime, plan, name, references=host.engine.references)

    async def _note(self, subscription: Subscription, name: str, run: HookRun) -> None:
        """Enter a run into the audit log at once, whether its change is saved or not."""
        config = _with_outputs(self.config, subscription, name, run.outputs)
        declared = save_hooks_of(self.host.catalog, config, subscription)
        hooks = config.subscriptions[subscription.id].hooks
        done = {
            "instance": subscription.instance,
            "action": subscription.action,
            "hook": name,
            **mask_hooks(declared, hooks)[name],
            "error": run.message or None,
            "effects": [str(each) for each in run.effects],
        }
        await self.host.configs.note(
            "save_hook", subscription.id, before=None, after=done,
            actor=self.call.actor, token=self.call.token,
        )  # fmt: skip

    def _failed(self, subscription: Subscription, name: str, run: HookRun) -> ProblemError:
        message = f"failed, so nothing is saved: {run.message}"
        if run.effects:
            effects = ", ".join(map(str, run.effects))
            message += f"; it may have changed something at the partner: {effects}"
        if self._done:
            names = ", ".join(f"{each.name} of {each.subscription.id}" for each in self._done)
            message += f"; {names} succeeded: saving again before the host restarts reuses that"
        place = join_place(join_place(place_of(self.config, subscription), "hooks"), name)
        shapes: list[HookEffectShape] = [
            {"method": each.method, "url": each.url, "status": each.status} for each in run.effects
        ]
        return ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"the save hook {name} of {subscription.id} {message}",
            errors=describe_errors([within(Fault(place, message), self.part)]),
            more={"code": run.code, "effects": shapes},
        )


def _with_outputs(
    config: Config, subscription: Subscription, name: str, outputs: Mapping[str, Any]
) -> Config:
    hooks = {**subscription.hooks, name: {**subscription.hooks[name], OUTPUTS: dict(outputs)}}
    saved = attrs.evolve(subscription, hooks=hooks)
    return attrs.evolve(config, subscriptions={**config.subscriptions, saved.id: saved})
