"""Keys and tokens by label, so that one can be replaced while the other is still in use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from offramp.config.table import Table, name_fault

#: The label of a key or token that is written without one.
DEFAULT_LABEL: Final = "default"
#: The most keys of a source, and the most tokens: enough for several senders, and to replace some.
MAX_LABELLED: Final = 5
_LABEL: Final = "label"


def read_labelled(table: Table, key: str, item: str) -> dict[str, str] | None:
    """Read texts by label: a table, or a list of `{label, ITEM}`; faults are set down in `table`.

    `item` is what one of them is called, such as `key`.
    """
    written = table.get(key)
    pairs = _listed(table, key, item) if isinstance(written, list) else table.object(key).items()
    found: dict[str, str] = {}
    for label, text in pairs:
        if label in found:
            table.fault(key, f"has the label {label!r} twice")
        elif message := name_fault(label):
            table.fault(key, f"the label {label!r} {message}")
        elif not isinstance(text, str) or not text:
            table.fault(key, f"needs a text for the label {label!r}")
        else:
            found[label] = text
    if len(found) > MAX_LABELLED:
        table.fault(key, f"has {len(found)} labels; at most {MAX_LABELLED} are allowed")
    return found or None


def _listed(table: Table, key: str, item: str) -> list[tuple[str, Any]]:
    """The labels and texts of a list of tables."""
    pairs = []
    for index in range(len(table.items(key, of="tables"))):
        inner = table.inner(key, index, keys=(_LABEL, item))
        label = inner.text(_LABEL, required="name what uses it")
        text = inner.text(item, required="write it, or a reference")
        if label is not None and text is not None:
            pairs.append((label, text))
    return pairs


def all_labelled(single: str | None, several: Mapping[str, str]) -> dict[str, str]:
    """Every text by its label: the one that is written without a label first."""
    return {**({} if single is None else {DEFAULT_LABEL: single}), **several}


def check_labelled(table: Table, key: str, several: str, values: Mapping[str, Any]) -> None:
    """Set down a fault if the label of the text at `key` stands at `several` too, or too many."""
    single, labelled = values.get(key), values.get(several, {})
    if single is None:
        return
    if DEFAULT_LABEL in labelled:
        table.fault(several, f"the label {DEFAULT_LABEL!r} is that of {key}: choose another")
    elif len(labelled) == MAX_LABELLED:
        table.fault(several, f"at most {MAX_LABELLED} are allowed, {key} included")
