"""Options that several commands take."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Literal

import attrs
from cyclopts import Parameter

from offramp.cli.times import parse_since

#: An option without a value and without a `--no-` form.
Flag = Annotated[bool, Parameter(negative="")]
Json = Annotated[
    bool, Parameter(negative="", help="Write JSON, one value a line, instead of text.")
]
ConfigFile = Annotated[Path, Parameter(help="The configuration, TOML or JSON.")]


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class DeliveryFilters:
    """Which deliveries are meant: all conditions that are given hold."""

    subscription: Annotated[str | None, Parameter(help="Only those of this subscription.")] = None
    reason: Annotated[
        str | None,
        Parameter(
            help="Only those that ended for this reason, such as PAYLOAD_VALIDATION_FAILED or 422."
        ),
    ] = None
    stage: Annotated[
        Literal["rejected", "expired"] | None,
        Parameter(help="Only the rejected, or only the expired."),
    ] = None
    since: Annotated[
        str | None, Parameter(help="Ended since then: 90m, 24h, 7d, or a time in ISO 8601.")
    ] = None
    until: Annotated[str | None, Parameter(help="Ended before then.")] = None

    def as_query(self) -> dict[str, str | None]:
        """The conditions as the control API takes them; times counted from now."""
        now = time.time()
        return {
            "subscription": self.subscription,
            "reason": self.reason,
            "stage": self.stage,
            "since": parse_since(self.since, now=now),
            "until": parse_since(self.until, now=now),
        }
