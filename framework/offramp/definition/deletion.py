"""The action behind `Destination.on_delete`: it asks a partner to forget one user."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

import attrs

from offramp.definition.action import Action
from offramp.definition.awaited import awaited
from offramp.definition.directives import path
from offramp.definition.request import Request
from offramp.definition.shape import field

#: Asks the partner to forget a user; gets the event of type `delete`.
OnDelete: TypeAlias = Callable[[Request[Any], Mapping[str, Any]], Awaitable[object]]

#: The name of the built-in subscription of an instance, and the slug of its action.
ON_DELETE: Final = "on_delete"


@attrs.frozen
class DeletedUser:
    """Whom the partner is to forget. Source: Segment's action-destinations, `onDelete`."""

    user_id: str | None = field(
        key="userId", label="User ID", default=path("$.userId"), allow_null=True
    )
    anonymous_id: str | None = field(
        key="anonymousId", label="Anonymous ID", default=path("$.anonymousId"), allow_null=True
    )


class DeleteUser(Action[Any, DeletedUser]):
    """Calls the function that a destination declares; no operator configures it."""

    slug = ON_DELETE
    title = "Delete a user"
    description = "Asks the partner to forget a user."

    def __init__(self, function: OnDelete) -> None:
        #: The plugin's own.
        self.function: Final = function

    async def perform(self, request: Request[Any], payload: DeletedUser) -> object:
        """Call it with the event, which may tell more than the ids of the payload."""
        del payload
        [event] = request.events
        return await awaited(self.function, request, event)
