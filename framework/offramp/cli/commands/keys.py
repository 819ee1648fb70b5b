"""`offramp keys`: lists, adds and revokes the write keys of a source."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from offramp.cli.client import API_DEFAULTS, Api, ApiOptions, open_api
from offramp.cli.context import Context
from offramp.cli.events import write_line
from offramp.cli.render.tables import render_keys
from offramp.errors import OfframpError


async def keys(  # noqa: PLR0913 - an option each
    context: Context,
    action: Literal["list", "add", "revoke"],
    source: str,
    label: str | None = None,
    *,
    key: Annotated[
        str | None, Parameter(help="A reference (file:/path) to add as the key.")
    ] = None,
    host: ApiOptions = API_DEFAULTS,
) -> None:
    """List, add or revoke write keys of a source; all its keys are valid at the same time.

    Parameters
    ----------
    action
        `list` shows them masked; `add` shows a new key once; `revoke` makes one unknown.
    source
        The name of a source.
    label
        The label of the key to add or to revoke: what uses it, such as a release or a server.
    """
    async with open_api(host) as api:
        if action == "list":
            answer = await api.get("sources", source, "keys")
            context.show(answer["keys"], lambda: render_keys(answer["keys"]), as_json=host.json)
        elif label is None:
            raise OfframpError(f"name the key: `offramp keys {action} {source} LABEL`")
        elif action == "add":
            await _add(context, api, source, label, key, as_json=host.json)
        else:
            done = await api.delete("sources", source, "keys", label)
            if host.json:
                write_line(done)
            else:
                context.out.print(f"revoked: {label}", markup=False, soft_wrap=True)


async def _add(  # noqa: PLR0913 - as of the command
    context: Context, api: Api, source: str, label: str, key: str | None, *, as_json: bool
) -> None:
    body = {"label": label, **({} if key is None else {"key": key})}
    added = await api.post("sources", source, "keys", body=body)
    if as_json:
        write_line(added)
        return
    if key is not None:
        context.out.print(f"added: {label}", markup=False, soft_wrap=True)
    else:
        context.out.print(added["key"], markup=False, soft_wrap=True)
        context.err.print("it is shown only once; the keys before it stay valid", markup=False)
