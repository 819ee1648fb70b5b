"""Logs faults of plugins: the whole traceback, once for each distinct fault."""

from __future__ import annotations

import logging
from typing import Final

import attrs

from offramp.delivery.failures import PluginFailedError
from offramp.http import Mask, readable
from offramp.place import full_traceback, place_in_plugin

log = logging.getLogger(__name__)

#: Distinct faults of one instance that are logged with tracebacks; a fault whose place differs each
#: time must not fill the disk.
MOST_TOLD: Final = 100
#: Characters of a traceback that are logged, from its end, which says most.
MAX_TRACEBACK_CHARACTERS: Final = 20_000


@attrs.define(eq=False)
class Bugs:
    """The faults of one instance's plugins that were logged."""

    _told: set[tuple[str, str]] = attrs.field(factory=set, init=False)

    def note(self, lane: str, error: BaseException, mask: Mask) -> None:
        """Log what a plugin raised, unless the same was logged before; ignore other failures."""
        cause = error.__cause__
        if not isinstance(error, PluginFailedError) or cause is None:
            return
        place = place_in_plugin(cause) or ""
        key = (type(cause).__name__, place)
        if key in self._told or len(self._told) >= MOST_TOLD:
            return
        self._told.add(key)
        # Not `exc_info`: the text of an exception may hold a secret.
        trace = readable(mask(full_traceback(cause)))[-MAX_TRACEBACK_CHARACTERS:].rstrip()
        log.error(
            "%s: %s\n%s",
            lane, readable(mask(error.message)), trace,
            extra={"action": "plugin_failed", "subscription": lane},
        )  # fmt: skip
