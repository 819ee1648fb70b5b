"""What a subscription says of its action's save hooks: their inputs, and what they gave."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final, TypeAlias

from offramp.config.model import INPUTS, OUTPUTS
from offramp.config.same_json import same_json
from offramp.config.secrets import Change, change_secrets, mask
from offramp.config.settings import put_back_all, read_settings, settings_faults
from offramp.config.table import Table, suggest
from offramp.definition import Fields, SaveHook
from offramp.errors import Fault, join_place
from offramp.plugins import CatalogAction

#: The save hooks of an action, by name.
SaveHooks: TypeAlias = Mapping[str, SaveHook]
_PARTS: Final = (INPUTS, OUTPUTS)


def hooks_apart(
    mapping: Mapping[str, Any], hooks: Mapping[str, Any], offered: CatalogAction
) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """A mapping and hooks as written, as the mapping without hooks, and all hooks.

    Segment's public API writes a hook's inputs and outputs into the mapping, under the name of the
    hook. The list names those that are written in both.
    """
    own = [key for key in offered.action.save_hooks if key in mapping]
    rest = {key: value for key, value in mapping.items() if key not in own}
    return (
        rest,
        {**{key: mapping[key] for key in own}, **hooks},
        [key for key in own if key in hooks],
    )


def read_hooks(  # noqa: PLR0913 - what is read, and what it stands on
    written: Mapping[str, Any],
    offered: CatalogAction,
    before: Mapping[str, Any],
    place: str,
    faults: list[Fault],
    *,
    moved: bool = False,
) -> dict[str, Any]:
    """Hooks as they are saved, by name: inputs, and outputs once they have run; faults set down.

    `before` are those in force for the same action: masked secrets are put back from it. A hook
    keeps its outputs while its inputs are the same, and those of other inputs are left out; so are
    those of before the instance has `moved` into its sandbox or out of it.
    """
    declared = offered.action.save_hooks
    read = {}
    for name, data in written.items():
        hook = declared.get(name)
        if hook is None:
            message = f"is not a save hook of {offered.slug}{suggest(name, declared)}"
            faults.append(Fault(join_place(place, name), message))
            continue
        table = Table(data, join_place(place, name), faults, keys=_PARTS)
        read[name] = _read_hook(table, hook, before.get(name, {}), faults, moved=moved)
    return read


def _read_hook(
    table: Table, hook: SaveHook, before: Mapping[str, Any], faults: list[Fault], *, moved: bool
) -> dict[str, Any]:
    place, kept = table.at(INPUTS), before.get(INPUTS, {})
    inputs = read_settings(table.object(INPUTS), hook.inputs, kept, place, faults)
    faults += settings_faults(inputs, hook.inputs, place)
    outputs = before.get(OUTPUTS) if same_json(inputs, kept) and not moved else None
    if OUTPUTS in table:
        change_all = partial(change_secrets, hook.outputs)
        written, known = table.object(OUTPUTS), before.get(OUTPUTS, {})
        given = put_back_all(change_all, written, known, table.at(OUTPUTS), faults)
        # Those in force belong to the inputs in force; others are taken as they are written.
        if outputs is not None or not same_json(given, before.get(OUTPUTS)):
            outputs = given
    return {INPUTS: inputs, **({} if outputs is None else {OUTPUTS: outputs})}


def change_hook_secrets(
    declared: SaveHooks, hooks: Mapping[str, Any], change: Change
) -> dict[str, Any]:
    """A copy of hooks with every secret among inputs and outputs changed.

    What `declared` does not know counts as secret: its plugin may be gone.
    """
    return {
        name: {
            part: change_secrets(
                _fields(declared.get(name), part), values, _below(change, name, part)
            )
            for part, values in hook.items()
        }
        for name, hook in hooks.items()
    }


def mask_hooks(declared: SaveHooks, hooks: Mapping[str, Any]) -> dict[str, Any]:
    """Hooks as a person may see them."""
    return change_hook_secrets(declared, hooks, lambda _, value: mask(value))


def _fields(hook: SaveHook | None, part: str) -> Fields:
    if hook is None:
        return {}
    return hook.inputs if part == INPUTS else hook.outputs


def _below(change: Change, name: str, part: str) -> Change:
    place = join_place(join_place("", name), part)
    return lambda inner, value: change(f"{place}.{inner}", value)
