"""What a mapping makes of one event: id, data, method, path and headers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import attrs

from offramp import Fault, field, path
from offramp_webhook.headers import as_texts, header_faults


@attrs.frozen
class Message:
    """One event as it is sent; by default, the whole event."""

    message_id: str = field(
        key="id",
        label="ID",
        description=(
            "Identifies the event, also when it is sent again: receivers ignore an id that they "
            "have seen before"
        ),
        default=path("$.messageId"),
        minimum=1,
    )
    data: dict[str, Any] = field(
        label="Data",
        description="What is sent, as JSON",
        default=path("$."),
    )
    method: Literal["POST", "PUT", "PATCH"] = field(
        label="Method",
        description="The HTTP method",
        default="POST",
    )
    segments: list[str] | None = field(
        key="path",
        label="Path",
        description=(
            "Segments of a path below the URL, such as users and a user id; each is quoted, so "
            "that no value of an event leads to another address"
        ),
    )
    headers: dict[str, Any] | None = field(
        label="Headers",
        description=(
            "Headers of the request, at most 50, in ASCII; credentials belong in the settings"
        ),
        default_object_ui="keyvalue:only",
    )

    def header_texts(self) -> dict[str, str]:
        """The headers as they are sent."""
        return as_texts(self.headers)


def refusals(message: Message) -> Iterator[Fault]:
    """Each reason why no receiver could get the message."""
    return header_faults(message.headers, place="$.headers", may_be_secret=False)
