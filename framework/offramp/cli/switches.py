"""What pause, resume, enable and disable share: they find the thing that a name means, and ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

from cyclopts import Parameter

from offramp.cli.client import CONFIRM, Api, ApiOptions, UnconfirmedError, open_api
from offramp.cli.context import Context
from offramp.cli.events import write_line
from offramp.errors import OfframpError

#: By kind, the key that identifies an item.
KEYS: Final = {"subscription": "id", "instance": "name", "source": "name"}

Kind: TypeAlias = Annotated[
    Literal["subscription", "instance", "source"] | None,
    Parameter(help="What NAME is; needed only if several have that name."),
]
Name: TypeAlias = Annotated[
    str, Parameter(help="The id of a subscription, or the name of an instance or a source.")
]


async def switch(  # noqa: PLR0913 - what the command line gives
    context: Context,
    word: str,
    name: str,
    kind: str | None,
    *,
    host: ApiOptions,
    yes: bool = False,
) -> None:
    """Pause, resume, enable or disable what a name means, and say what that does.

    If waiting deliveries end by it, it asks first, unless `yes`.
    """
    async with open_api(host) as api:
        found = await find_kind(api, name, kind)
        try:
            answer = await api.post(f"{found}s", name, word, **({CONFIRM: True} if yes else {}))
        except UnconfirmedError as error:
            context.warn(str(error))
            context.confirm(f"{word} {found} {name}?", refusal="nothing was changed")
            answer = await api.post(f"{found}s", name, word, **{CONFIRM: True})
    if host.json:
        write_line(answer)
    else:
        context.out.print(describe(word, found, name, answer), markup=False, soft_wrap=True)


async def find_kind(api: Api, name: str, kind: str | None) -> str:
    """Find what has a name; raises `OfframpError` if nothing has it, or more than one kind."""
    kinds = [kind] if kind else list(KEYS)
    found = [each for each in kinds if name in await _names(api, each)]
    if not found:
        raise OfframpError(
            f"there is no {' or '.join(kinds)} {name!r}; `offramp status` lists what there is"
        )
    if len(found) > 1:
        options = " or ".join(f"--kind {each}" for each in found)
        raise OfframpError(
            f"{name!r} names more than one thing, {' and '.join(found)}: add {options}"
        )
    return found[0]


async def _names(api: Api, kind: str) -> set[str]:
    return {each[KEYS[kind]] for each in (await api.get(f"{kind}s"))[f"{kind}s"]}


def describe(word: str, kind: str, name: str, answer: Mapping[str, Any]) -> str:
    """Say what was done, and how to undo it."""
    item = answer[kind]
    state = "enabled" if item["enabled"] else "disabled"
    match word:
        case "pause":
            text = f"paused {kind} {name}: what arrives is accepted and waits"
            return text if item["enabled"] else f"{text} once it is enabled; it is disabled now"
        case "resume":
            text = f"resumed {kind} {name}"
            return text if item["enabled"] else f"{text}; it is disabled still"
        case "enable" if item["paused"]:
            return f"{state} {kind} {name}; it is paused still"
        case _:
            return f"{state} {kind} {name}"
