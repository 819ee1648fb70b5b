"""The destinations that `offramp init` starts from without a file: one for each kind of access."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

from offramp.cli.scaffold.declaration import Declaration, read_declaration
from offramp.cli.scaffold.names import ProjectNames

Access: TypeAlias = Literal["none", "token", "basic", "oauth2"]

_TOKEN: Final = {
    "apiKey": {
        "label": "API key",
        "description": "Made in the settings of your account.",
        "type": "password",
        "required": True,
    }
}
_LOGIN: Final = {
    "username": {
        "label": "Username",
        "description": "The user that events are sent as.",
        "type": "string",
        "required": True,
    },
    "password": {
        "label": "Password",
        "description": "The password of that user.",
        "type": "password",
        "required": True,
    },
}
#: By the kind of access: the scheme of Segment's metadata, and the settings.
_ACCESS: Final[Mapping[Access, tuple[str, Mapping[str, Any]]]] = {
    "none": ("none", {}),
    "token": ("custom", _TOKEN),
    "basic": ("basic", _LOGIN),
    "oauth2": ("oauth2", {}),
}
_FIELDS: Final = {
    "id": {
        "label": "Id",
        "description": "Identifies the event, and its repeats.",
        "type": "string",
        "required": True,
        "default": {"@path": "$.messageId"},
    },
    "userId": {
        "label": "User",
        "description": "Who did it.",
        "type": "string",
        "default": {"@path": "$.userId"},
    },
    "name": {
        "label": "Name",
        "description": "What was done.",
        "type": "string",
        "required": True,
        "default": {"@path": "$.event"},
    },
    "occurredAt": {
        "label": "Time",
        "description": "When it was done.",
        "type": "datetime",
        "required": True,
        "default": {"@path": "$.timestamp"},
    },
    "properties": {
        "label": "Properties",
        "description": "What is known of it.",
        "type": "object",
        "default": {"@path": "$.properties"},
    },
}


def declare(names: ProjectNames, access: Access, *, batch: bool) -> Declaration:
    """A destination with one action, which sends tracked events."""
    scheme, settings = _ACCESS[access]
    return read_declaration(
        {
            "slug": names.name,
            "name": names.title,
            "description": f"Sends tracked events to {names.title}",
            "authentication": {"scheme": scheme, "fields": settings},
            "actions": {
                "sendEvent": {
                    "title": "Send event",
                    "description": f"Sends tracked events to {names.title}",
                    "hasPerformBatch": batch,
                    "fields": _FIELDS,
                }
            },
            "presets": [
                {
                    "name": "Send all tracked events",
                    "partnerAction": "sendEvent",
                    "subscribe": 'type = "track"',
                }
            ],
        }
    )
