"""`offramp disconnect`: revokes the OAuth 2 grant of an instance, and forgets it."""

from __future__ import annotations

from offramp.cli.client import API_DEFAULTS, ApiOptions, open_api
from offramp.cli.context import Context
from offramp.cli.events import write_line


async def disconnect(context: Context, instance: str, *, host: ApiOptions = API_DEFAULTS) -> None:
    """Revoke the OAuth 2 grant of an instance where the partner can, and forget it here.

    Its events wait until it is connected again.

    Parameters
    ----------
    instance
        The name of an instance.
    """
    async with open_api(host) as api:
        ended = await api.delete("instances", instance, "grant")
    if host.json:
        write_line(ended)
        return
    context.out.print(f"disconnected: {instance}", markup=False, soft_wrap=True)
    if ended["message"]:
        context.warn(ended["message"])
