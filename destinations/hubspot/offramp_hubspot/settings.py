"""The settings of an instance: one HubSpot account, which OAuth connects."""

from __future__ import annotations

import attrs

from offramp import setting


@attrs.frozen
class Settings:
    """The settings that an operator configures; tokens are no settings."""

    user_id_property: str | None = setting(
        key="userIdProperty",
        label="Property with the user ID",
        description=(
            "The property of contacts that has your user ID: events of type delete find the "
            "contact by it"
        ),
    )
