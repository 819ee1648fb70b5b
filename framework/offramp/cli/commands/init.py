"""`offramp init`: a distribution for a new destination, which passes its tests at once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from offramp.cli.context import Context
from offramp.cli.files import read_json
from offramp.cli.options import Flag
from offramp.cli.scaffold import (
    Access,
    Declaration,
    ProjectNames,
    declare,
    read_declaration,
    write_project,
)
from offramp.errors import OfframpError

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def init(  # noqa: PLR0913 - one parameter for each option
    context: Context,
    name: str,
    *,
    auth: Access | None = None,
    batch: Flag = False,
    from_: Annotated[Path | None, Parameter(name="--from")] = None,
    folder: Path | None = None,
) -> None:
    """Make a Python project for a new destination, with tests that pass at once.

    Parameters
    ----------
    name
        Lower-case words with hyphens, such as `pinboard`: the project is `offramp-pinboard`.
    auth
        How the partner knows who sends: by a token (the default), by user and password, by
        OAuth 2, or not at all.
    batch
        Send several events in a request.
    from_
        Declare settings, actions and presets as this file does, in the shape of Segment's public
        metadata, which `offramp manifest` prints.
    folder
        Where to make it; by default in a new folder of the project's name.
    """
    if not _NAME.fullmatch(name):
        raise OfframpError(
            f"{name!r} is no name for a project: use lower-case words with hyphens between them, "
            "such as `pinboard` or `my-crm`"
        )
    if from_ is not None and (auth is not None or batch):
        raise OfframpError("--auth and --batch say what the file of --from says: leave them out")
    names = ProjectNames(name=name)
    declaration = (
        declare(names, auth or "token", batch=batch)
        if from_ is None
        else read_declaration(read_json(from_))
    )
    target = Path(names.distribution) if folder is None else folder
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise OfframpError(f"{target} exists and is not empty: name another with --folder")
    files = write_project(declaration, names)
    for path, text in files.items():
        place = target / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    _report(context, target, files, declaration)


def _report(
    context: Context, target: Path, files: dict[str, str], declaration: Declaration
) -> None:
    for each in declaration.left_out:
        context.warn(f"left out: {each}")
    for path in files:
        context.out.print(f"{target / path}", markup=False)
    context.out.print("\nNext:", markup=False)
    for line in (f"cd {target}", "pip install -e '.[dev]'", "pytest", "offramp dev"):
        context.out.print(f"  {line}", markup=False)
    package = next(path for path in files if path.endswith("partner.py"))
    context.out.print(
        f"\nThen put the partner's address into {package}, and write the request of each action.",
        markup=False,
    )
