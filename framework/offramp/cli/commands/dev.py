"""`offramp dev`: what a destination makes of sample events, again at each change of its source."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from offramp.cli.context import Context
from offramp.cli.live_page import LivePage
from offramp.cli.options import Flag
from offramp.errors import OfframpError

#: Shows one page; a process of its own, as nothing else forgets what was imported.
PAGE: Final = (
    sys.executable,
    "-c",
    "from offramp.testing.dev import main; raise SystemExit(main())",
)


def dev(  # noqa: PLR0913 - one parameter for each option
    context: Context,
    target: Path = Path(),
    *,
    events: Path | None = None,
    settings: Path | None = None,
    answers: Path | None = None,
    answer: str = "200",
    once: Flag = False,
) -> int:
    """Show what a destination makes of sample events, and again whenever its source changes.

    For each event and each preset it shows the conditions, the value and the origin of each field,
    the requests, and the outcome if the partner gives a chosen answer. Nothing is sent. In a
    terminal, `n` and `p` choose the event, `a` the answer, and `q` ends it. With --once the exit
    status is 1 if the plugin's own code failed, and 2 if it cannot be loaded.

    Parameters
    ----------
    target
        The folder of a project, as `offramp init` makes it, or the Python file of a plugin.
    events
        Events in a file, one per line as JSON; by default one is made up for each preset.
    settings
        Settings in a file, as a JSON object; by default they are made up.
    answers
        More answers of the partner in a file: a JSON object, from a name to an object with
        `status`, `headers`, and `json` or `body`.
    answer
        The answer to begin with: 200, 400, 401, 429, 500, time-out, or one of the file.
    once
        Show all events once, and end.
    """
    if not target.exists():
        raise OfframpError(f"{target} does not exist: name a folder or a Python file")
    if find_spec("aioresponses") is None:
        raise OfframpError("`offramp dev` needs the harness: pip install 'offramp[testing]'")
    files = {"--events": events, "--settings": settings, "--answers": answers}
    given = [text for name, file in files.items() if file for text in (name, str(file))]
    page = LivePage(
        context=context,
        command=(*PAGE, str(target), "--answer", answer, *given),
        folder=target if target.is_dir() else target.parent,
        files=[file for file in files.values() if file is not None],
    )
    return page.show_once() if once else page.run()
