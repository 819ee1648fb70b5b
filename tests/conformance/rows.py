"""The whole list of deliberate differences."""

from __future__ import annotations

from tests.conformance import (
    rows_liquid,
    rows_mapping,
    rows_metronome,
    rows_payload,
    rows_trigger,
)

#: Those that take the place of an input come last, so that a more exact one is found first.
ROWS = (
    *rows_trigger.ROWS,
    *rows_metronome.ROWS,
    *rows_payload.ROWS,
    *rows_mapping.ROWS,
    *rows_liquid.ROWS,
)
