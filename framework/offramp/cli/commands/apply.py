"""Commands for the configuration of a running host: `apply`, `export` and `history`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from offramp import _json
from offramp.cli.client import Where, folder_of, open_api
from offramp.cli.context import Context
from offramp.cli.events import write_line
from offramp.cli.load import DEFAULT_FILE
from offramp.cli.render.tables import render_history
from offramp.cli.stored import load_stored
from offramp.config import export_config, read_document, to_toml
from offramp.errors import OfframpError
from offramp.hooks import Command

Flag = Annotated[bool, Parameter(negative="")]
#: Tables of a file that only the start of a host reads.
OF_THE_START = ("plugins", "host")


class Changing:
    """Change the configuration of a running host."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def commands(self) -> Iterable[Command]:
        """The commands of this module."""
        return [self.apply, self.export, self.history]

    async def apply(
        self,
        file: Path = DEFAULT_FILE,
        *,
        yes: Annotated[bool, Parameter(name=["--yes", "-y"], negative="")] = False,
        dry_run: Flag = False,
        json: Flag = False,
        where: Where | None = None,
    ) -> None:
        """Put a file in the place of a host's configuration: the diff first, then a question.

        Its tables `host` and `plugins` are read when a host starts with the file.

        Parameters
        ----------
        file
            The configuration, TOML or JSON; a masked secret (***) keeps the one there is.
        yes
            Do not ask.
        dry_run
            Only show what would change.
        json
            Write JSON instead of words.
        """
        data = read_document(file).data
        document = {key: value for key, value in data.items() if key not in OF_THE_START}
        async with open_api(where) as api:
            tried = await api.ask("POST", "config", query={"dry_run": True}, body=document)
            if not json:
                self._tell(tried.data)
            if dry_run or not tried.data["changes"]:
                if json:
                    write_line(tried.data)
                return
            if not yes:
                self._ask()
            done = await api.ask("POST", "config", body=document, etag=tried.etag)
        if json:
            write_line(done.data)
        else:
            self._context.out.print(f"applied: the configuration is at revision {done.data['rev']}")

    async def export(
        self,
        *,
        secrets: Flag = False,
        format: Literal["toml", "json"] = "toml",  # noqa: A002 - the option's name
        where: Where | None = None,
    ) -> None:
        """Write the configuration of a running host, secrets masked, so that `apply` reads it.

        Parameters
        ----------
        secrets
            With secrets in the clear: read from the data folder itself, since no host sends them.
        format
            TOML or JSON.
        """
        if secrets:
            config = await load_stored(folder_of(where), self._context.catalog)
            document = export_config(config, self._context.catalog, secrets=True)
            toml = to_toml(document)
        else:
            async with open_api(where) as api:
                exported = await api.get("config")
            document, toml = exported["document"], exported["toml"]
        text = toml if format == "toml" else _json.pretty(document) + "\n"
        sys.stdout.write(text)

    async def history(
        self, *, limit: int = 20, json: Flag = False, where: Where | None = None
    ) -> None:
        """List changes of the configuration, latest first, and who made them.

        Parameters
        ----------
        limit
            How many, at the most.
        json
            Write one JSON text a line instead of a table.
        """
        async with open_api(where) as api:
            page = await api.get("audit-log", limit=limit)
        self._context.show(page["rows"], lambda: render_history(page), as_json=json)

    def _tell(self, tried: Mapping[str, Any]) -> None:
        for change in tried["changes"]:
            self._context.out.print(change["text"], markup=False, soft_wrap=True)
        for warning in tried["warnings"]:
            self._context.warn(f"{warning['place']}: {warning['message']}")
        if not tried["changes"]:
            self._context.out.print("nothing to change: the host has this configuration already")

    def _ask(self) -> None:
        if not sys.stdin.isatty():
            raise OfframpError("nobody is there to be asked: add --yes to apply it")
        if self._context.err.input("apply this? [y/N] ").strip().lower() not in {"y", "yes"}:
            raise OfframpError("nothing was applied")
