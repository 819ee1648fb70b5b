"""Cursors that are none, told as what they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from offramp.api.problems import refuse, refuse_parameter
from offramp.errors import OfframpError


@contextmanager
def paged(*, in_body: bool = False) -> Iterator[None]:
    """Around the call that takes a cursor: one that never came from here is the caller's fault.

    `in_body` says that the cursor is a key of the body, and not a parameter of the query.
    """
    try:
        yield
    except (OverflowError, ValueError) as error:
        if isinstance(error, OfframpError):
            raise
        of_cursor = refuse if in_body else refuse_parameter
        raise of_cursor("cursor", "give the cursor of a page, as it came") from None
