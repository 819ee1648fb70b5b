"""`offramp restored`: decides what becomes of the deliveries that were in flight at a backup."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from offramp.cli.client import API_DEFAULTS, ApiOptions, open_api
from offramp.cli.context import Context
from offramp.cli.events import write_line
from offramp.cli.options import Flag
from offramp.cli.render.backups import render_restored
from offramp.errors import OfframpError, counted


async def restored(
    context: Context,
    *subscriptions: str,
    send: Flag = False,
    expire: Flag = False,
    all: Annotated[Flag, Parameter(help="Every subscription that is listed.")] = False,  # noqa: A002
    host: ApiOptions = API_DEFAULTS,
) -> None:
    """List what was in flight at the backup that was restored, or send or expire it.

    Parameters
    ----------
    subscriptions
        Of these subscriptions.
    send
        Send it, once nothing else holds it back; what was sent since the backup is then sent a
        second time.
    expire
        Do not send it; it can be replayed later, like every dead letter.
    """
    if send and expire:
        raise OfframpError("give --send or --expire, not both")
    if not (send or expire):
        if subscriptions or all:
            raise OfframpError("say what becomes of it: --send or --expire")
        async with open_api(host) as api:
            answer = await api.get("restored")
        context.show(answer["rows"], lambda: render_restored(answer), as_json=host.json)
        return
    if all is bool(subscriptions):
        raise OfframpError("name the subscriptions, or give --all for every one that is listed")
    body: dict[str, Any] = {"decision": "send" if send else "expire"}
    body |= {"all": True} if all else {"subscriptions": list(subscriptions)}
    async with open_api(host) as api:
        decided = await api.post("restored", body=body)
    for row in decided["rows"]:
        if host.json:
            write_line(row)
        else:
            deliveries = counted(row["deliveries"], "delivery", "deliveries")
            became = "will be sent" if row["decision"] == "send" else "expired"
            context.out.print(f"{row['subscription']}: {deliveries} {became}", markup=False)
