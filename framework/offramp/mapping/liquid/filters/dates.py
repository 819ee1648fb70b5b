"""Filters that format a date; times without a zone are UTC, and so is the output."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from offramp.js.date_parts import (
    CYCLE_DAYS,
    MAX_TIME,
    MS_PER_DAY,
    MS_PER_SECOND,
    SECONDS_PER_MINUTE,
    epoch_ms,
)
from offramp.js.dates import parse_js_date
from offramp.js.text import js_string
from offramp.js.values import UNSET
from offramp.mapping.liquid.strftime import ZonedTime, ordinal, strftime
from offramp.mapping.liquid.values import is_nil, is_number, number, plain
from offramp.mapping.wording import shown

if TYPE_CHECKING:
    from offramp.mapping.liquid.run import Run

#: The default format of `date`. Source: liquidjs 10.30, dateFormat.
DEFAULT_FORMAT = "%A, %B %-e, %Y at %-l:%M %P %z"

#: Steps charged for reading a date, for each character of its text.
STEPS_PER_CHARACTER = 10

# A day inside the years 1 and 9999, so that the clocks of all zones show one of them.
_FIRST_MS = epoch_ms(1, 0, 2)
_LAST_MS = epoch_ms(9999, 11, 31)
_SECONDS = re.compile("[0-9]+")


def _date(run: Run, value: Any, layout: Any = UNSET, zone: Any = UNSET) -> Any:
    time = _zoned_time(run, value, zone)
    if time is None:
        return value
    return strftime(time, DEFAULT_FORMAT if is_nil(layout) else run.text(layout), run.meter)


def _in_format(layout: str) -> Callable[..., Any]:
    def filter_(run: Run, value: Any) -> Any:
        time = _zoned_time(run, value, UNSET)
        return value if time is None else strftime(time, layout, run.meter)

    return filter_


def _in_words(month: str) -> Callable[..., Any]:
    def filter_(run: Run, value: Any, kind: Any = UNSET, style: Any = UNSET) -> Any:
        time = _zoned_time(run, value, UNSET)
        if time is None:
            return value
        day = time.day[1].day
        layout = f"%d {month} %Y"
        if kind == "ordinal":
            numbered = f"{day}{ordinal(day)}"
            layout = f"{month} {numbered}, %Y" if style == "US" else f"{numbered} {month} %Y"
        return strftime(time, layout, run.meter)

    return filter_


def _zoned_time(run: Run, value: Any, zone: Any) -> ZonedTime | None:
    ms = _since_1970(run, plain(value))
    if ms is None or not abs(ms) <= MAX_TIME:
        return None
    time = _on_the_wall(run, int(ms), zone)
    return time if time and abs(time.shown_ms) <= MAX_TIME else None


def _on_the_wall(run: Run, ms: int, zone: Any) -> ZonedTime | None:
    if zone is None or zone is UNSET:
        return ZonedTime(epoch_ms=ms)
    if isinstance(zone, str):
        return ZonedTime(epoch_ms=ms, offset=_zone_offset(run, zone, ms), zone=zone)
    offset = number(zone)
    return ZonedTime(epoch_ms=ms, offset=offset, zone="") if math.isfinite(offset) else None


def _since_1970(run: Run, value: Any) -> float | None:
    if value in ("now", "today"):
        if run.clock is None:
            raise run.error(f"the date {value!r} needs a clock, and none was given")
        return run.clock() * MS_PER_SECOND
    if isinstance(value, bool):
        return int(value)
    if is_number(value) or (isinstance(value, str) and _SECONDS.fullmatch(value)):
        return number(value) * MS_PER_SECOND
    if not isinstance(value, (str, list)):
        return None
    text = js_string(value)
    run.meter.steps(len(text) * STEPS_PER_CHARACTER)
    return parse_js_date(text)


def _zone_offset(run: Run, name: str, ms: int) -> float:
    try:
        zone = ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise run.error(f"expected a time zone such as 'Europe/Paris', got {shown(name)}") from None
    # Beyond the year 9999, a zone has the rules of the same year in the 400-year cycle from 1970.
    within = max(ms, _FIRST_MS) if ms < _LAST_MS else ms % (CYCLE_DAYS * MS_PER_DAY)
    offset = datetime.fromtimestamp(within / MS_PER_SECOND, UTC).astimezone(zone).utcoffset()
    return 0 if offset is None else -offset.total_seconds() / SECONDS_PER_MINUTE


DATE_FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "date": _date,
    "date_to_long_string": _in_words("%B"),
    "date_to_rfc822": _in_format("%a, %d %b %Y %H:%M:%S %z"),
    "date_to_string": _in_words("%b"),
    "date_to_xmlschema": _in_format("%Y-%m-%dT%H:%M:%S%:z"),
}
