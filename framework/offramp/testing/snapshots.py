"""Snapshots: files with the requests that a destination sends for generated events."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from difflib import unified_diff
from pathlib import Path
from typing import Any, Final

import msgspec

from offramp import _json
from offramp.http import mask_headers
from offramp.plugins import CatalogAction
from offramp.testing.exchanges import RecordedRequest
from offramp.testing.probe import Probe, Way
from offramp.testing.runs import ActionRun

#: The folder beside the test module that has them, a file for each destination.
FOLDER: Final = "snapshots"
#: Number of events of a batch.
_EVENTS: Final = 2
_INDENT: Final = 2
#: Written in place of a value that is another one at each call.
_VARIES: Final = "(varies)"


def snapshot_file(module: Path, slug: str) -> Path:
    """The snapshot of a destination that a test module tests."""
    return module.parent / FOLDER / f"{slug}.json"


def snapshot_of(probe: Probe, varying_headers: Collection[str]) -> str:
    """The requests of every action, in each of its ways, as JSON text; secrets are masked.

    It is the same at each call, as events are generated from seeds and the host's clock stands
    still; of headers whose value varies all the same, the name is kept.
    """
    varying = {name.lower() for name in varying_headers}
    taken = {
        f"{slug}{way.mode}, {'alone' if way.alone else 'in a batch'}, {extent}": [
            _written(request, run, varying) for request in run.requests
        ]
        for slug, action in probe.entry.actions.items()
        for way in probe.ways(action)
        for extent, run in _runs(probe, action, way)
    }
    return msgspec.json.format(_json.dumps(taken), indent=_INDENT).decode() + "\n"


def write_snapshot(file: Path, text: str) -> None:
    """Write a snapshot, and its folder if it is the first one there."""
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")


def differences(file: Path, text: str) -> list[str]:
    """How requests differ from those of a stored snapshot, as a unified diff; else nothing."""
    before = file.read_text(encoding="utf-8")
    if before == text:
        return []
    name = f"{FOLDER}/{file.name}"
    changes = unified_diff(
        before.splitlines(), text.splitlines(), f"{name}, stored", f"{name}, now", lineterm=""
    )
    return [
        f"requests are not those of {name}; if the change is meant, `pytest --offramp-update` "
        "writes it anew\n" + "\n".join(changes)
    ]


def _runs(probe: Probe, action: CatalogAction, way: Way) -> Iterator[tuple[str, ActionRun]]:
    """The events of a snapshot in words, and what was sent for them."""
    mapping, seed = probe.mapping(action), f"{action.slug} required"
    for extent, events in (
        ("all fields", probe.events(action, 1 if way.alone else _EVENTS)),
        ("only required fields", [probe.event(action, mapping, seed, only_required=True)]),
    ):
        yield extent, probe.run(action, events, probe.well, way)


def _written(request: RecordedRequest, run: ActionRun, varying: Collection[str]) -> dict[str, Any]:
    text = run.mask(request.text)
    try:
        body = _json.loads(text)
    except ValueError:
        body = text
    headers = {
        name: _VARIES if name.lower() in varying else value
        for name, value in sorted(mask_headers(request.headers, run.mask).items())
    }
    return {
        "method": request.method,
        "url": run.mask(request.url),
        "headers": headers,
        "body": body,
    }
