"""The order of the rooms, from which all rules about imports follow."""

from __future__ import annotations

#: A room imports from the rows before its own; rooms of one row do not know each other.
ROWS = (
    {"errors", "codegen", "place", "_json", "_version"},
    {"js", "pointers"},
    {"event"},
    {"definition"},
    {"mapping", "fql"},
    {"payload", "hooks"},
    {"plugins", "http", "storage"},
    {"config"},
    {"queue"},
    {"delivery"},
    {"web"},
    {"collector", "api", "console"},
    {"host"},
    {"cli", "__main__"},
)
ROW_OF = {room: number for number, row in enumerate(ROWS) for room in row}
PURE = {room for row in ROWS[: ROW_OF["hooks"] + 1] for room in row}
#: May use any row, and import late; nothing uses it.
TESTING = "testing"
#: What the shop window shows is made in these rooms; of events, only how their times are written.
SHOWN = {"_version", "definition", "errors", "event", "hooks"}


def is_framework(module: str) -> bool:
    """Whether a module is the framework's, and not a destination's."""
    return module.partition(".")[0] == "offramp"


def room_of(module: str) -> str:
    """`offramp.http.client` stands in `http`; the shop window itself in no room."""
    return [*module.split("."), ""][1]


def place_of(module: str) -> int:
    """The number of a module's row; the window comes before all, the harness and plugins after."""
    room = room_of(module)
    if not is_framework(module):
        return len(ROWS) + 1
    return len(ROWS) if room == TESTING else ROW_OF.get(room, -1)
