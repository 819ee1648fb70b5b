"""The reference of the trigger language says what is true: its examples run."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from offramp import _json
from offramp.fql import compile_trigger, parse, segment_reading
from offramp.fql.functions import FUNCTIONS

PAGE = Path(__file__).parents[2].joinpath("docs/reference/triggers.md").read_text(encoding="utf-8")
FQL = r"^```fql\n(?P<trigger>[^`]*?)\n```$"
BLOCK = re.compile(rf"(?ms){FQL}\n\n(?P<after>.*?)(?=^```|^#|\Z)")
ROW = re.compile(r"(?m)^\| `(?P<event>\{.*\})` \| (?P<selected>true|false) \|$")
TREE = re.compile(rf"(?ms){FQL}\n\n```json\n(?P<tree>[^`]*?)\n```$")
READING = re.compile(r"(?ms)^```text\n(?P<trigger>.*?)\n\n(?P<told>.*?)\n```$")
SESSION = re.compile(r"(?ms)^```pycon\n(?P<session>[^`]*?)```$")
EXAMPLES = [
    (block["trigger"], row["event"], row["selected"] == "true")
    for block in BLOCK.finditer(PAGE)
    for row in ROW.finditer(block["after"])
]


@pytest.mark.parametrize(("trigger", "event", "selected"), EXAMPLES)
def test_an_example_selects_what_it_says(trigger: str, event: str, *, selected: bool) -> None:
    """Each row of each table gives the answer that stands in it; the page shows all warnings."""
    compiled = compile_trigger(trigger)
    assert compiled(_json.loads(event)) is selected
    assert [warning for warning in compiled.warnings if f"\n> {warning}\n" not in PAGE] == []


def test_every_example_has_rows_and_both_answers() -> None:
    """No example is left out of the tests by its form, and each shows a yes and a no."""
    triggers = re.findall(rf"(?ms){FQL}", PAGE)
    answers = {trigger: {row[2] for row in EXAMPLES if row[0] == trigger} for trigger in triggers}
    trees = {found["trigger"] for found in TREE.finditer(PAGE)}
    assert {trigger for trigger, message in answers.items() if message != {True, False}} == trees


def test_every_function_is_explained() -> None:
    """Each function of the language has a heading that shows its arguments."""
    assert [name for name in FUNCTIONS if not re.search(rf"(?m)^###.*`{name}\(", PAGE)] == []


def test_the_tree_is_that_of_its_trigger() -> None:
    """The example of a tree is what parsing gives."""
    (found,) = TREE.finditer(PAGE)
    assert parse(found["trigger"]) == _json.loads(found["tree"])


def test_the_sessions_run() -> None:
    """The Python sessions print what they show; a later one goes on from an earlier one."""
    written = "\n".join(found["session"] for found in SESSION.finditer(PAGE))
    test = doctest.DocTestParser().get_doctest(written, {}, "triggers.md", None, 0)
    assert test.examples
    assert doctest.DocTestRunner().run(test).failed == 0


def test_the_reading_is_what_is_told() -> None:
    """The example of what Segment makes of a trigger is word for word what is told."""
    (found,) = READING.finditer(PAGE)
    assert "\n".join(segment_reading(found["trigger"])) == found["told"]
