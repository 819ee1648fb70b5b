"""The declaration is Segment's own for Metronome, word for word, but for what we do better."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

#: What Segment's public metadata says of its Metronome destination.
SEGMENT = Path(__file__).with_name("segment-metadata.json")
OFFRAMP = Path(sys.executable).with_name("offramp")


def manifest() -> Any:
    """What the installed command prints."""
    done = subprocess.run(
        [OFFRAMP, "manifest", "metronome-actions"], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_the_declaration_equals_segments_but_for_batches() -> None:
    """Mappings made for Segment's destination hold here; only, events are sent in batches."""
    ours, segments = manifest(), json.loads(SEGMENT.read_text())
    assert ours["actions"]["sendEvent"].pop("hasPerformBatch") is True
    assert segments["actions"]["sendEvent"].pop("hasPerformBatch") is False
    assert ours == segments


def test_fields_stand_in_segments_order() -> None:
    """Forms show the fields in the order in which they are declared."""
    ours, segments = (
        list(data["actions"]["sendEvent"]["fields"])
        for data in (manifest(), json.loads(SEGMENT.read_text()))
    )
    assert ours == segments
