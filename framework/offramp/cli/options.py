"""Options that several commands have."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import attrs
from cyclopts import Parameter

from offramp.cli.times import parse_since
from offramp.errors import OfframpError

#: An option without a value and without a `--no-` form.
Flag = Annotated[bool, Parameter(negative="")]
Json = Annotated[
    bool, Parameter(negative="", help="Write JSON, one value per line, instead of text.")
]
Yes = Annotated[bool, Parameter(name=["--yes", "-y"], negative="", help="Do it without asking.")]
ConfigFile = Annotated[Path, Parameter(help="The configuration, TOML or JSON.")]
OfferedBy = Annotated[
    Path | None,
    Parameter(
        help="A configuration whose plugin files and options of plugins count; by default "
        "offramp.toml in the current folder, if there is one."
    ),
]


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class Period:
    """Selects events by when they were accepted."""

    since: Annotated[
        str | None,
        Parameter(help="Accepted since: 90m, 24h or 7d ago, or a time in ISO 8601."),
    ] = None
    until: Annotated[str | None, Parameter(help="Accepted before: as --since.")] = None

    def as_query(self) -> dict[str, str | None]:
        """Return it as query parameters; durations are counted back from now."""
        now = time.time()
        since, until = parse_since(self.since, now=now), parse_since(self.until, now=now)
        if since and until and datetime.fromisoformat(until) <= datetime.fromisoformat(since):
            raise OfframpError(f"--until {self.until} is not after --since {self.since}")
        return {"since": since, "until": until}


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class DeliveryFilters:
    """Selects deliveries: all given conditions must hold."""

    subscription: Annotated[str | None, Parameter(help="Only those of this subscription.")] = None
    reason: Annotated[
        str | None,
        Parameter(
            help="Only those that ended for this reason, such as PAYLOAD_VALIDATION_FAILED or 422."
        ),
    ] = None
    stage: Annotated[
        Literal["rejected", "expired"] | None,
        Parameter(help="Only rejected or only expired deliveries."),
    ] = None
    since: Annotated[
        str | None, Parameter(help="Ended since: 90m, 24h or 7d ago, or a time in ISO 8601.")
    ] = None
    until: Annotated[str | None, Parameter(help="Ended before: as --since.")] = None

    def as_query(self) -> dict[str, str | None]:
        """Return the conditions as query parameters; durations are counted back from now."""
        times = Period(since=self.since, until=self.until).as_query()
        given = {"subscription": self.subscription, "reason": self.reason, "stage": self.stage}
        return {**given, **times}
