"""`offramp reload`: makes a running host read references anew."""

from __future__ import annotations

from offramp.cli.client import API_DEFAULTS, ApiOptions, open_api
from offramp.cli.context import Context
from offramp.cli.events import write_line
from offramp.cli.render.errors import place_of


async def reload(context: Context, *, host: ApiOptions = API_DEFAULTS) -> int:
    """Read all references (env:NAME, file:/path) anew, and start anew what has another value.

    A reference that cannot be read keeps its former value; the exit status is then 1. The
    configuration itself is changed by `offramp apply`.
    """
    async with open_api(host) as api:
        done = await api.post("reload")
    if host.json:
        write_line(done)
    else:
        for place in done["changed"]:
            context.out.print(f"read anew: {place}", markup=False, soft_wrap=True)
        if not done["changed"]:
            context.out.print("nothing has another value")
        for fault in done["kept"]:
            context.warn(f"{place_of(fault)}: {fault['detail']}")
    return int(bool(done["kept"]))
