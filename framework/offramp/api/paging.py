"""Reports an invalid cursor as a fault of the request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from offramp.api.problems import refuse, refuse_parameter
from offramp.errors import OfframpError


@contextmanager
def paged(*, in_body: bool = False) -> Iterator[None]:
    """Wrap a call that takes a cursor: a cursor that this API did not make is answered with 422.

    `in_body`: the cursor is a key of the body instead of a query parameter.
    """
    try:
        yield
    except (OverflowError, ValueError) as error:
        if isinstance(error, OfframpError):
            raise
        of_cursor = refuse if in_body else refuse_parameter
        raise of_cursor("cursor", "send the `cursor` of a page unchanged") from None
