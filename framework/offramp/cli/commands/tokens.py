"""`offramp tokens`: lists, adds and revokes tokens of the control API."""

from __future__ import annotations

from typing import Literal

from offramp.cli.client import API_DEFAULTS, ApiOptions, open_api
from offramp.cli.context import Context
from offramp.cli.events import write_line
from offramp.cli.render.tables import render_tokens
from offramp.errors import OfframpError


async def tokens(
    context: Context,
    action: Literal["list", "add", "revoke"],
    label: str | None = None,
    *,
    host: ApiOptions = API_DEFAULTS,
) -> None:
    """List, add or revoke tokens of the control API; all of them are valid at the same time.

    Parameters
    ----------
    action
        `list` shows where each comes from; `add` shows a new one once; `revoke` ends one.
    label
        The label of the token to add or to revoke: who uses it. The audit log shows it.
    """
    async with open_api(host) as api:
        if action == "list":
            rows = (await api.get("tokens"))["tokens"]
            context.show(rows, lambda: render_tokens(rows), as_json=host.json)
            return
        if label is None:
            raise OfframpError(f"name the token: `offramp tokens {action} LABEL`")
        if action == "add":
            done = await api.post("tokens", body={"label": label})
        else:
            done = await api.delete("tokens", label)
    if host.json:
        write_line(done)
    elif action == "add":
        context.out.print(done["token"], markup=False, soft_wrap=True)
        context.err.print("it is shown only once; the tokens before it stay valid", markup=False)
    else:
        context.out.print(f"revoked: {label}", markup=False, soft_wrap=True)
