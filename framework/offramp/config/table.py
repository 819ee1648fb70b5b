"""Reads one table of a document key by key and sets down every fault with its place."""

from __future__ import annotations

import datetime as dt
import difflib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from offramp import _json
from offramp.errors import Fault, describe_type, join_place

#: What a name may be: it becomes a label of metrics and a part of URLs and of ids of subscriptions.
_NAME = re.compile(r"[^\s/\x00-\x1f\x7f](?:[^/\x00-\x1f\x7f]*[^\s/\x00-\x1f\x7f])?")
_NOT_IN_NAME = re.compile(r"[/\x00-\x1f\x7f]")
#: The longest name of a source, an instance or a subscription, in characters.
LONGEST_NAME: Final = 128


class Table:
    """One table: each getter answers `None` (or the default) where it had to report a fault."""

    def __init__(self, data: Any, place: str, faults: list[Fault], *, keys: Sequence[str]) -> None:
        self.place = place
        self._faults = faults
        self._data: Mapping[str, Any] = {}
        if isinstance(data, Mapping):
            # JSON's null says the same as leaving a key out.
            self._data = {key: value for key, value in data.items() if value is not None}
            for key in self._data:
                if key not in keys:
                    self.fault(key, f"is unknown{suggest(key, keys)}")
        else:
            self.fault("", f"must be a table, not {a_type(data)}")

    def __contains__(self, key: str) -> bool:
        return key in self._data

    def get(self, key: str) -> Any:
        """What stands at a key as it was written; `None` where there is nothing."""
        return self._data.get(key)

    def at(self, key: str) -> str:
        """The place of a key; the table's own for ""."""
        return join_place(self.place, key) if key else self.place

    def fault(self, key: str, message: str, *, index: int | None = None) -> None:
        """Set down what is wrong with a key, an item of its list, or the table itself for ""."""
        place = self.at(key)
        self._faults.append(Fault(place if index is None else join_place(place, index), message))

    def text(self, key: str, *, required: str = "") -> str | None:
        """A string that is not empty; `required` says what to write where there is none."""
        value = self._typed(key, str, "a string")
        if isinstance(value, str) and value:
            return value
        if isinstance(value, str):
            self.fault(key, "is empty")
        elif required and key not in self._data:
            self.fault(key, f"is missing: {required}")
        return None

    def name(self, key: str, *, required: str = "") -> str | None:
        """A string that can be a name; see `name_fault`."""
        value = self.text(key, required=required)
        message = name_fault(value) if value is not None else None
        if message:
            self.fault(key, message)
        return value

    def choice(self, key: str, choices: Iterable[str]) -> str | None:
        """One of a few words."""
        value = self.text(key)
        if value is None or value in (choices := tuple(choices)):
            return value
        self.fault(key, f"must be one of {', '.join(choices)}")
        return None

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false."""
        value = self._typed(key, bool, "true or false")
        return value if isinstance(value, bool) else default

    def integer(self, key: str, *, minimum: int, maximum: int | None = None) -> int | None:
        """A whole number within bounds, both included."""
        value = self._typed(key, int, "a whole number")
        if value is None or not self.within(key, value, minimum=minimum, maximum=maximum):
            return None
        return int(value)

    def number(self, key: str, *, above: float) -> float | None:
        """A number above a bound."""
        value = self._typed(key, (int, Decimal), "a number")
        if value is not None and value <= above:
            self.fault(key, f"must be above {above:g}, not {value}")
            return None
        return None if value is None else float(value)

    def object(self, key: str) -> Mapping[str, Any]:
        """Free data by key: a table, or a string that holds a JSON object (for JSON's null)."""
        value = self._data.get(key, {})
        if isinstance(value, str):
            try:
                value = _json.loads(value)
            except ValueError:
                self.fault(key, "must be a table, or a string that holds a JSON object")
                return {}
        if isinstance(value, Mapping):
            return value
        self.fault(key, f"must be a table, not {a_type(value)}")
        return {}

    def items(self, key: str, *, of: str) -> Sequence[Any]:
        """A list; what stands in it is not looked at yet."""
        value = self._typed(key, list, f"a list of {of}")
        return value if isinstance(value, list) else []

    def inner(self, key: str, index: int, *, keys: Sequence[str]) -> Table:
        """The table that is an item of a list; its faults join the others."""
        data = self._data[key][index]
        return Table(data, join_place(self.at(key), index), self._faults, keys=keys)

    def _typed(self, key: str, kind: type[Any] | tuple[type[Any], ...], wanted: str) -> Any:
        value = self._data.get(key)
        if value is None:
            return None
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            # The value itself stays out: this may be the place of a secret.
            self.fault(key, f"must be {wanted}, not {a_type(value)}")
            return None
        return value

    def within(self, key: str, value: int, *, minimum: int, maximum: int | None) -> bool:
        """Whether a number keeps its bounds, both included; a fault where it does not."""
        if value >= minimum and (maximum is None or value <= maximum):
            return True
        bounds = f"at least {minimum}" if maximum is None else f"{minimum} to {maximum}"
        self.fault(key, f"must be {bounds}, not {value}")
        return False


def suggest(word: str, known: Iterable[str]) -> str:
    """The nearest of the known words, and all of them, as the end of a sentence."""
    known = list(known)
    near = difflib.get_close_matches(word, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ";"
    return f"{hint} there are: {', '.join(known) or 'none'}"


def a_type(value: Any) -> str:
    """The JSON type of a value with its article, for the end of a sentence."""
    kind = describe_type(value)
    return f"{'an' if kind == 'object' else 'a'} {kind}"


def name_fault(name: str) -> str | None:
    """Why a string cannot be a name, or nothing."""
    if len(name) > LONGEST_NAME:
        return f"is longer than {LONGEST_NAME} characters"
    if not _NAME.fullmatch(name):
        return "must be printable, without '/' and without blanks around it"
    return None


def as_name(text: str) -> str:
    """Make a name of a text that need not be one, such as the name of a preset."""
    cleaned = _NOT_IN_NAME.sub("-", text)[:LONGEST_NAME].strip()
    return cleaned or "-"


def plain_data(value: Any, place: str, faults: list[Fault]) -> Any:
    """A copy as plain JSON data: lists, dicts with string keys, exact numbers.

    What JSON does not have (dates, infinity, other objects) is a fault and becomes `None`.
    """
    match value:
        case None | bool() | int() | str():
            return value
        case float() | Decimal():
            if math.isfinite(value):
                return Decimal(repr(value)) if isinstance(value, float) else value
            message = "must be a finite number"
        case Mapping():
            return _plain_table(value, place, faults)
        case list() | tuple():
            return [plain_data(v, join_place(place, i), faults) for i, v in enumerate(value)]
        case dt.date() | dt.time():
            message = "must be a string: put the date in quotes"
        case _:
            message = f"is not JSON data but a {type(value).__name__}"
    faults.append(Fault(place, message))
    return None


def _plain_table(table: Mapping[Any, Any], place: str, faults: list[Fault]) -> dict[str, Any]:
    plain = {}
    for key, value in table.items():
        if isinstance(key, str):
            plain[key] = plain_data(value, join_place(place, key), faults)
        else:
            faults.append(Fault(place, f"has the key {key!r}, which is not a string"))
    return plain
