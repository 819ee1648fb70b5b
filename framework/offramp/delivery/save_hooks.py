"""Runs a save hook: what an action does with the partner when a subscription is saved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import attrs

from offramp import _json
from offramp.config import Config, References, follow, referenced_values
from offramp.config.model import INPUTS
from offramp.definition import SaveHook, defaults_of
from offramp.definition.awaited import with_place
from offramp.delivery.failures import BoundedPluginCode, PluginFailedError, as_delivery_error
from offramp.delivery.plan import Plan
from offramp.delivery.runtime import InstanceRuntime
from offramp.delivery.secrecy import shown_code
from offramp.delivery.settings import secrets_of
from offramp.errors import (
    ConfigError,
    DeliveryError,
    Fault,
    PayloadError,
    join_place,
)
from offramp.http import Client, Exchange, Mask, make_mask, readable
from offramp.payload import compile_careful

#: Seconds for a hook, however many requests it makes: somebody waits for the answer.
HOOK_SECONDS: Final = 30.0
#: Outputs that are kept after a change that was not saved; the oldest go first.
MAX_KEPT: Final = 100
_SUCCESS: Final = range(200, 300)


@attrs.frozen(kw_only=True)
class Effect:
    """A request by which a hook may have changed something at the partner; secrets are masked."""

    method: str
    url: str
    #: `None` if no answer came, so that it is not known what became of it.
    status: int | None

    def __str__(self) -> str:
        became = "not answered" if self.status is None else f"answered {self.status}"
        return f"{self.method} {self.url} ({became})"


@attrs.frozen(kw_only=True)
class HookRun:
    """What became of a run: outputs or an error."""

    #: As they are stored: in the clear. Empty if there is an error.
    outputs: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    error: DeliveryError | None = None
    #: Code and message of the error, masked.
    code: str = ""
    message: str = ""
    effects: tuple[Effect, ...] = ()


async def run_save_hook(
    runtime: InstanceRuntime, plan: Plan, name: str, *, references: References
) -> HookRun:
    """Run a save hook of a subscription with its inputs; whatever the plugin raises is in the run.

    Raises `ConfigError` if an input is not valid, or has a reference that cannot be followed:
    then nothing was asked of the partner. Its places are relative to the subscription.
    """
    hook = plan.action.save_hooks[name]
    inputs = _inputs(plan, name, hook, references)
    written = plan.subscription.hooks[name].get(INPUTS, {})
    mask = make_mask([*secrets_of(hook.inputs, inputs), *referenced_values(written, inputs)])
    client: Client[Any] | None = None
    outputs: Mapping[str, Any] = {}
    async with BoundedPluginCode(HOOK_SECONDS, "it did not end") as code:
        client = runtime.client(plan)
        client.mask = _both(plan.secrets.mask(client.mask), mask)
        checked = compile_careful(hook.inputs)({**defaults_of(hook.inputs), **inputs})
        given = await runtime.perform(client, hook.perform, checked)
        outputs = _checked(given, hook)
    effects = tuple(_effects([] if client is None else client.exchanges))
    if code.error is None:
        return HookRun(outputs=outputs, effects=effects)
    error = as_delivery_error(code.error)
    shown = _both(runtime.mask, mask) if client is None else client.mask
    return HookRun(
        error=error,
        code=shown_code(error, shown),
        message=readable(shown(error.message)),
        effects=effects,
    )


def _inputs(plan: Plan, name: str, hook: SaveHook, references: References) -> dict[str, Any]:
    faults: list[Fault] = []
    place = f"{join_place('hooks', name)}.{INPUTS}"
    written = plan.subscription.hooks[name].get(INPUTS, {})
    inputs = follow(written, hook.inputs, references, place, faults)
    if faults:
        raise ConfigError(faults)
    return inputs


def _both(one: Mask, other: Mask) -> Mask:
    return lambda text: other(one(text))


def _checked(given: Any, hook: SaveHook) -> dict[str, Any]:
    """The outputs as JSON data, those that are declared as they are declared.

    Raises `PluginFailedError` for what cannot be stored.
    """
    name = with_place(hook.perform, getattr(hook.perform, "__name__", "it"))
    if not isinstance(given, Mapping):
        raise PluginFailedError(f"{name} returned {type(given).__name__}, and not its outputs")
    plain: dict[str, Any] = _json.loads(_json.dumps(dict(given)))
    try:
        return plain | compile_careful(hook.outputs)(plain)
    except PayloadError as error:
        faults = "; ".join(map(str, error.faults))
        raise PluginFailedError(
            f"{name} returned other outputs than it declares: {faults}"
        ) from None


def _effects(exchanges: Sequence[object]) -> Iterable[Effect]:
    for each in exchanges:
        if not isinstance(each, Exchange) or each.reads_only:
            continue
        if each.status is None or each.status in _SUCCESS:
            yield Effect(method=each.method, url=each.url, status=each.status)


@attrs.define(eq=False)
class KeptOutputs:
    """What hooks gave in changes that were not saved, so that a retry makes nothing twice.

    They are kept in memory, until the subscription is saved with the same inputs.
    """

    _kept: dict[tuple[bool, str, str, str, bytes], Mapping[str, Any]] = attrs.field(factory=dict)

    def find(self, config: Config, subscription: str, hook: str) -> Mapping[str, Any] | None:
        """The outputs for the same subscription, action and inputs, in the sandbox or not."""
        return self._kept.get(_key(config, subscription, hook))

    def keep(
        self, config: Config, subscription: str, hook: str, outputs: Mapping[str, Any]
    ) -> None:
        """Keep outputs."""
        self._kept[_key(config, subscription, hook)] = outputs
        while len(self._kept) > MAX_KEPT:
            del self._kept[next(iter(self._kept))]

    def forget(self, config: Config, subscription: str, hook: str) -> None:
        """Forget outputs that are saved."""
        self._kept.pop(_key(config, subscription, hook), None)


def _key(config: Config, subscription: str, hook: str) -> tuple[bool, str, str, str, bytes]:
    found = config.subscriptions[subscription]
    inputs = _json.dumps(found.hooks[hook].get(INPUTS, {}))
    return config.instances[found.instance].sandbox, found.id, found.action, hook, inputs
