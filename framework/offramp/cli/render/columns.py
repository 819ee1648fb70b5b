"""Tables that cut no text: as columns if they fit, else as one block per row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from offramp.cli.render.terminal import UNFOLDED

INDENT: Final = (0, 0, 0, 2)
_NO_BREAK: Final = "\N{NO-BREAK SPACE}"


def grid(*columns: str) -> Table:
    """A table without lines that folds long words; it has no head if all names are empty."""
    table = Table(box=None, pad_edge=False, show_header=any(columns))
    for name in columns:
        table.add_column(name, overflow="fold")
    return table


def indented(part: RenderableType) -> Padding:
    """Indent by two spaces, without spaces at the end of lines."""
    return Padding(part, INDENT, expand=False)


#: The narrowest column in which sentences can be read, in characters.
LEAST_PROSE: Final = 24
#: The cell of a number that is 0.
NOTHING: Final = "·"


class FittingTable:
    """A table: `head` is the column that names the rows, `numbers` are aligned right.

    The column `prose` may be wrapped. If the table is still wider than the terminal, each row is
    shown as its name with the other cells below it; an id is never cut.
    """

    def __init__(
        self,
        *columns: str,
        head: str | None = None,
        prose: str | None = None,
        numbers: Sequence[str] = (),
    ) -> None:
        self._columns = (*columns, *numbers)
        self._numbers = frozenset(numbers)
        self._prose = prose
        self._head = self._columns.index(head or columns[0])
        self._rows: list[list[Text]] = []

    def add_row(self, *cells: str | Text) -> None:
        """Add a row with a cell for each column; text is not parsed as markup."""
        row = [Text(cell) if isinstance(cell, str) else cell for cell in cells]
        row[self._head].stylize_before("bold")
        self._rows.append(row)

    def __bool__(self) -> bool:
        return bool(self._rows)

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        narrow = self._as_table(max_prose=LEAST_PROSE)
        wanted = Measurement.get(console, options.update(max_width=UNFOLDED), narrow).maximum
        if wanted <= options.max_width:
            yield self._as_table()
        else:
            yield Group(*(self._as_block(row) for row in self._rows))

    def _as_table(self, *, max_prose: int | None = None) -> Table:
        table = Table(box=None, pad_edge=False)
        for name in self._columns:
            prose = name == self._prose
            table.add_column(
                name,
                justify="right" if name in self._numbers else "left",
                overflow="fold",
                no_wrap=not prose,
                max_width=max_prose if prose else None,
            )
        for row in self._rows:
            table.add_row(*row)
        return table

    def _as_block(self, row: Sequence[Text]) -> RenderableType:
        head = row[self._head].copy()
        head.overflow = "fold"
        parts: list[RenderableType] = [head]
        cells = grid("", "")
        counts = []
        for name, cell in zip(self._columns, row, strict=True):
            if cell is row[self._head] or cell.plain in {"", NOTHING}:
                continue
            if name in self._numbers:
                counts.append(Text.assemble((name + _NO_BREAK, "dim"), cell))
            else:
                cells.add_row(Text(name, "dim"), cell)
        if cells.row_count:
            parts.append(indented(cells))
        if counts:
            parts.append(indented(Text("  ").join(counts)))
        return Group(*parts)


def number(n: int) -> Text:
    """A count with thousands separators; `·` for 0."""
    return Text(f"{n:,}") if n else Text(NOTHING, "dim")
