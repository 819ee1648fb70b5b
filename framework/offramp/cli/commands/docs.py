"""`offramp docs`: the page of a destination, in Markdown."""

from __future__ import annotations

from offramp import _json
from offramp.cli.context import Context
from offramp.cli.load import load_offered
from offramp.cli.options import OfferedBy
from offramp.cli.scaffold import read_declaration, write_page
from offramp.plugins import manifest


def docs(context: Context, slug: str, *, config: OfferedBy = None) -> None:
    """Print a destination's page in Markdown: tables of its settings, actions and presets.

    Parameters
    ----------
    slug
        The destination to describe.
    """
    entry = load_offered(context, config)[slug]
    metadata = _json.loads(_json.dumps(manifest(entry)))
    declaration = read_declaration(metadata, mend=False)
    head = [f"# {declaration.name}", declaration.description or ""]
    page = "\n\n".join(filter(None, [*head, write_page(declaration)]))
    print(page, end="")  # noqa: T201 - it is the output
