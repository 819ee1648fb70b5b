"""`offramp manifest`: a destination's declaration in the shape of Segment's metadata."""

from __future__ import annotations

from offramp import _json
from offramp.cli.context import Context
from offramp.cli.load import load_offered
from offramp.cli.options import OfferedBy
from offramp.plugins import manifest as manifest_of


def manifest(context: Context, slug: str, *, config: OfferedBy = None) -> None:
    """Print a destination's declaration as JSON, in the shape of Segment's metadata.

    Parameters
    ----------
    slug
        The destination to print.
    """
    print(_json.pretty(manifest_of(load_offered(context, config)[slug])))  # noqa: T201 - it is the output
