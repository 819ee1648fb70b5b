"""What an update of Segment's packages changes for users is written line by line."""

from __future__ import annotations

import copy
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

PACKAGE = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def update_worker() -> ModuleType:
    """The script, loaded by its path."""
    spec = importlib.util.spec_from_file_location("update_worker", PACKAGE / "update_worker.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def before(update_worker: ModuleType) -> dict[str, Any]:
    """Two destinations as they are."""
    definitions = update_worker.read_definitions(PACKAGE / "offramp_segment/_built")
    return {slug: definitions[slug] for slug in ("actions-slack", "actions-webhook")}


def test_no_change_is_no_line(update_worker: ModuleType, before: dict[str, Any]) -> None:
    """The same build differs in nothing."""
    assert list(update_worker.differences(before, copy.deepcopy(before))) == []


def test_every_change_is_a_line(update_worker: ModuleType, before: dict[str, Any]) -> None:
    """New, gone and changed destinations, actions and fields are named by their places."""
    after = copy.deepcopy(before)
    after["actions-new"] = after.pop("actions-webhook")
    slack = after["actions-slack"]
    slack["presets"] = [{"name": "All"}]
    fields = slack["actions"]["postToChannel"]["fields"]
    fields["thread"] = {"label": "Thread"}
    fields["text"]["required"] = False
    del fields["channel"]
    slack["actions"]["postToChannel"]["performBatch"] = True
    slack["actions"]["react"] = slack["actions"]["postToChannel"]
    assert list(update_worker.differences(before, after)) == [
        "- destination `actions-new` is new",
        "- destination `actions-webhook` is gone",
        "- `actions-slack`: presets changed",
        "- `actions-slack`: action `react` is new",
        "- `actions-slack`, `postToChannel`: field `thread` is new",
        "- `actions-slack`, `postToChannel`: field `channel` is gone",
        "- `actions-slack`, `postToChannel`: field `text` changed",
        "- `actions-slack`, `postToChannel`: performBatch changed",
    ]
