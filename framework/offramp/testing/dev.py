"""The page of `offramp dev`: what a destination makes of sample events and of a partner's answer.

The command runs `main` in a process of its own for each page, so that each shows the source as it
is now.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import logging
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import attrs
from rich.text import Text

from offramp import _json
from offramp.cli.context import Context
from offramp.cli.events import read_events
from offramp.cli.lint import lint_module
from offramp.cli.render.columns import indented
from offramp.cli.render.explanation import render_event, render_explanation
from offramp.errors import OfframpError
from offramp.hooks import ENTRY_POINT_GROUP
from offramp.place import exception_text
from offramp.plugins import CatalogEntry, Plugins, load_catalog, load_plugins
from offramp.queue import Stage
from offramp.testing.backwards import generate_test_event
from offramp.testing.exchanges import Answer
from offramp.testing.integration import TestIntegration
from offramp.testing.making import made_up_settings
from offramp.testing.partner import Partner
from offramp.testing.runs import ActionRun
from offramp.testing.wanted import made_to_match

PROJECT: Final = "pyproject.toml"
#: What a partner may answer, by the name that the page shows.
ANSWERS: Final[Mapping[str, Answer]] = {
    "200": Answer(payload={}),
    "400": Answer(status=400, payload={"message": "the content is refused"}),
    "401": Answer(status=401, payload={"message": "the credentials are refused"}),
    "429": Answer(status=429, payload={"message": "too many"}, headers={"Retry-After": "30"}),
    "500": Answer(status=500, payload={"message": "the partner has a fault"}),
    "time-out": Answer(exception=TimeoutError("no answer")),
}
#: Keys of an answer in a file of answers.
ANSWER_KEYS: Final = frozenset({"status", "headers", "json", "body"})
_STYLES: Final = {Stage.DELIVERED: "green", Stage.RETRYING: "yellow", Stage.REJECTED: "red"}


@attrs.frozen(kw_only=True)
class Way:
    """How events may go through a destination: a preset, or an action with its default mapping."""

    name: str
    action: str
    mapping: Mapping[str, Any]
    trigger: str | None = None
    sync_mode: str | None = None

    def make_event(self, entry: CatalogEntry) -> dict[str, Any] | None:
        """An event that goes this way; `None` if none can be made for its trigger."""
        fields = entry.action(self.action).fields
        return made_to_match(
            self.trigger, partial(generate_test_event, fields, self.mapping, seed=self.name)
        )


def ways_of(entry: CatalogEntry) -> list[Way]:
    """The presets of a destination, and the actions that none of them has."""
    presets = [
        Way(
            name=preset.name,
            action=preset.action,
            mapping=entry.preset_mapping(preset),
            trigger=preset.trigger,
            sync_mode=preset.sync_mode,
        )
        for preset in entry.presets
    ]
    preset_of = {way.action for way in presets}
    return presets + [
        Way(name=slug, action=slug, mapping=action.default_mapping)
        for slug, action in entry.actions.items()
        if slug not in preset_of
    ]


def load_target(target: Path) -> Plugins:
    """The plugins of a Python file, or of a project by its entry points; raises `OfframpError`."""
    if target.suffix == ".py":
        return load_plugins(files=[target], installed=False)
    project = target / PROJECT
    try:
        declared = tomllib.loads(project.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OfframpError(
            f"{project} cannot be read ({error}): name the folder of a project, or the Python file "
            "of a plugin"
        ) from error
    modules = declared.get("project", {}).get("entry-points", {}).get(ENTRY_POINT_GROUP, {})
    if not modules:
        raise OfframpError(f"{project} has no [project.entry-points.{ENTRY_POINT_GROUP}]: add it")
    sys.path.insert(0, str(target.resolve()))
    return load_plugins(extra=[_imported(each) for each in modules.values()], installed=False)


def _imported(name: str) -> object:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:  # importing a plugin runs its code
        raise OfframpError(f"{name} cannot be imported: {exception_text(error)}") from error


def read_samples(file: Path | None, entry: CatalogEntry) -> list[dict[str, Any]]:
    """The events of a file, one a line, or one for each way; raises `OfframpError`."""
    if file is None:
        made = (way.make_event(entry) for way in ways_of(entry))
        return [event for event in made if event is not None]
    try:
        with file.open("rb") as lines:
            events = list(read_events(lines))
    except OSError as error:
        raise OfframpError(f"{file} cannot be read: {error.strerror}") from error
    if not events:
        raise OfframpError(f"{file} has no event: write one in each line, as JSON")
    return events


def _read_object(file: Path) -> dict[str, Any]:
    try:
        data = _json.loads(file.read_bytes())
    except OSError as error:
        raise OfframpError(f"{file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise OfframpError(f"{file} is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise OfframpError(f"{file} is not a JSON object")
    return data


def read_answers(file: Path | None) -> dict[str, Answer]:
    """The answers of a file by name, and then the usual ones; raises `OfframpError`."""
    given = {} if file is None else _read_object(file)
    return {name: _answer(file, name, each) for name, each in given.items()} | {
        name: answer for name, answer in ANSWERS.items() if name not in given
    }


def _answer(file: Path | None, name: str, given: Any) -> Answer:
    keys = ", ".join(sorted(ANSWER_KEYS))
    if not isinstance(given, dict) or given.keys() - ANSWER_KEYS:
        raise OfframpError(f"{file}: the answer {name!r} is an object with some of {keys}")
    content = {"payload": given["json"]} if "json" in given else {"body": given.get("body", "")}
    return Answer(status=given.get("status", 200), headers=given.get("headers", {}), **content)


@attrs.frozen(kw_only=True)
class Page:
    """One event and one answer, through all ways of a destination."""

    context: Context
    entry: CatalogEntry
    integration: TestIntegration
    event: Mapping[str, Any]
    answer: Answer
    #: The answer's name.
    answered: str

    async def show(self) -> bool:
        """Print it; answers whether the plugin's own code held."""
        self.context.out.print(render_event(dict(self.event)))
        held = [await self._show_way(way) for way in ways_of(self.entry)]
        return all(held)

    async def _show_way(self, way: Way) -> bool:
        known: dict[str, Any] = {
            "event": self.event,
            "mapping": way.mapping,
            "trigger": way.trigger,
            "sync_mode": way.sync_mode,
        }
        self.context.out.print()
        explanation = await self.integration.explain(way.action, **known)
        self.context.out.print(render_explanation({**explanation, "subscription": way.name}))
        if not explanation["matches"]:
            return True
        with Partner() as partner:
            partner.otherwise(self.answer)
            run = await self.integration.test_action(way.action, **known)
        self.context.out.print(indented(_render_outcome(self.answered, run)))
        return not any("method" in error for error in explanation["errors"])


def _render_outcome(answered: str, run: ActionRun) -> Text:
    delivery = run.delivery
    said = f"if the partner answers {answered}: " if run.exchanges else "without a request: "
    style = _STYLES.get(delivery.outcome, "")
    line = Text.assemble((said, "dim"), (delivery.outcome.value, f"bold {style}"))
    line.append(f" {delivery.code}" if delivery.code else "")
    line.append(f": {delivery.message}" if delivery.message else "")
    if delivery.retry_in is not None:
        line.append(f"; again within {delivery.retry_in:.0f} s", "dim")
    return line


async def show_pages(context: Context, options: argparse.Namespace) -> bool:
    """Print what is asked for; answers whether nothing failed. Raises `OfframpError`."""
    plugins = load_target(options.target)
    catalog = load_catalog(plugins)
    entries = [catalog[slug] for slug in catalog]
    context.report(catalog.problems)
    if not entries:
        raise OfframpError(f"{options.target} declares no destination that can be used")
    answers = list(read_answers(options.answers).items())
    names = [name for name, _ in answers]
    if options.answer not in names:
        raise OfframpError(f"there is no answer {options.answer!r}; there are {', '.join(names)}")
    answered, answer = answers[(names.index(options.answer) + options.answers_on) % len(answers)]
    held = not catalog.problems
    for entry in entries:
        samples = read_samples(options.events, entry)
        given = (
            made_up_settings(entry) if options.settings is None else _read_object(options.settings)
        )
        for number in _numbers(options.event, len(samples)):
            title = f"{entry.slug}: event {number + 1} of {len(samples)}, answer {answered}"
            context.out.print(Text(title, "bold reverse"))
            page = Page(
                context=context,
                entry=entry,
                integration=TestIntegration(catalog=catalog, entry=entry, settings=given),
                event=samples[number],
                answer=answer,
                answered=answered,
            )
            held = await page.show() and held
    return held


def _numbers(wanted: int | None, count: int) -> Sequence[int]:
    return range(count) if wanted is None else ([wanted % count] if count else [])


def _findings(target: Path) -> Iterator[str]:
    for finding in lint_module(str(target)):
        yield str(finding)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print pages; the exit status is 1 if the plugin failed, and 2 if it cannot be loaded."""
    parser = argparse.ArgumentParser(prog="offramp dev")
    parser.add_argument("target", type=Path)
    parser.add_argument("--events", type=Path)
    parser.add_argument("--settings", type=Path)
    parser.add_argument("--answers", type=Path)
    parser.add_argument("--answer", default="200")
    parser.add_argument("--answers-on", type=int, default=0)
    parser.add_argument("--event", type=int)
    options = parser.parse_args(arguments)
    context = Context()
    # The page has the line of a fault.
    logging.getLogger("offramp").addHandler(logging.NullHandler())
    try:
        held = asyncio.run(show_pages(context, options))
        for finding in _findings(options.target):
            context.warn(finding)
    except OfframpError as error:
        context.complain(error)
        return 2
    return 0 if held else 1
