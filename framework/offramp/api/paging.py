"""Cursors that are none, told as what they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from offramp.api.problems import refuse
from offramp.errors import OfframpError


@contextmanager
def paged() -> Iterator[None]:
    """Around the call that takes a cursor: one that never came from here is the caller's fault."""
    try:
        yield
    except OverflowError:
        raise refuse("query.cursor", "give the cursor of a page, as it came") from None
    except ValueError as error:
        if isinstance(error, OfframpError):
            raise
        raise refuse("query.cursor", "give the cursor of a page, as it came") from None
