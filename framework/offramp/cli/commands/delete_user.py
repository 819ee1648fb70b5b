"""`offramp delete-user`: asks the destinations of a source to delete a user."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from offramp.cli.client import API_DEFAULTS, ApiOptions, open_api
from offramp.cli.context import Context
from offramp.cli.events import write_line


async def delete_user(
    context: Context,
    *,
    source: Annotated[str, Parameter(help="The source whose instances are to delete the user.")],
    user_id: Annotated[str | None, Parameter(help="The user's `userId` in events.")] = None,
    anonymous_id: Annotated[str | None, Parameter(help="The user's `anonymousId`.")] = None,
    host: ApiOptions = API_DEFAULTS,
) -> int:
    """Ask the destinations of a source to delete a user: an event of type `delete` is queued.

    One of the ids is needed. The exit status is 1 if no destination of the source deletes users.
    """
    given = {"source": source, "user_id": user_id, "anonymous_id": anonymous_id}
    async with open_api(host) as api:
        answer = await api.post("delete-requests", body={k: v for k, v in given.items() if v})
    message_id, subscriptions = answer["message_id"], answer["subscriptions"]
    if host.json:
        write_line(answer)
    else:
        queued = f"queued as {message_id} for {', '.join(subscriptions)}"
        look = f"`offramp events {message_id}` shows what becomes of it"
        nobody = (
            f"stored as {message_id}, but no enabled instance of the source {source} has a "
            "destination that deletes users: nobody is asked"
        )
        text = f"{queued}; {look}" if subscriptions else nobody
        context.out.print(text, markup=False, soft_wrap=True)
    return int(not subscriptions)
