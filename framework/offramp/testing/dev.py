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
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import attrs
import msgspec
from rich.text import Text

from offramp.cli.context import Context
from offramp.cli.events import read_events
from offramp.cli.files import read_file, read_json
from offramp.cli.lint import lint_module
from offramp.cli.render.columns import indented
from offramp.cli.render.explanation import render_event, render_explanation
from offramp.definition import UNSET, Preset
from offramp.errors import EventError, OfframpError
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
_STYLES: Final = {Stage.DELIVERED: "green", Stage.RETRYING: "yellow", Stage.REJECTED: "red"}


class GivenAnswer(msgspec.Struct, forbid_unknown_fields=True):
    """An answer of the partner, as a file has it."""

    status: Annotated[int, msgspec.Meta(ge=100, le=599)] = 200
    headers: dict[str, str] = {}
    json: Any = msgspec.UNSET
    body: str = ""

    def as_answer(self) -> Answer:
        """The answer of a scripted partner."""
        payload = UNSET if self.json is msgspec.UNSET else self.json
        return Answer(status=self.status, headers=self.headers, payload=payload, body=self.body)


def ways_of(entry: CatalogEntry) -> list[Preset]:
    """The presets of a destination, and one for each action that none of them has."""
    preset_of = {preset.action for preset in entry.presets}
    others = [Preset(name=slug, action=slug) for slug in entry.actions if slug not in preset_of]
    return [*entry.presets, *others]


def make_event(entry: CatalogEntry, way: Preset) -> dict[str, Any] | None:
    """An event that goes this way; `None` if none can be made for its trigger."""
    fields, mapping = entry.action(way.action).fields, entry.preset_mapping(way)
    return made_to_match(way.trigger, partial(generate_test_event, fields, mapping, seed=way.name))


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
        made = (make_event(entry, way) for way in ways_of(entry))
        return [event for event in made if event is not None]
    try:
        events = list(read_events(read_file(file).split(b"\n")))
    except EventError as error:
        faults = [fault.under(str(file)) for fault in error.faults]
        raise EventError(faults, reason=error.reason) from None
    if not events:
        raise OfframpError(f"{file} has no event: write one in each line, as JSON")
    return events


def read_object(file: Path) -> dict[str, Any]:
    """The JSON object of a file; raises `OfframpError`."""
    data = read_json(file)
    if not isinstance(data, dict):
        raise OfframpError(f"{file} is not a JSON object")
    return data


def read_answers(file: Path | None) -> dict[str, Answer]:
    """The answers of a file by name, and then the usual ones; raises `OfframpError`."""
    given = {} if file is None else read_object(file)
    answers = {name: _answer(file, name, each) for name, each in given.items()}
    return answers | {name: usual for name, usual in ANSWERS.items() if name not in answers}


def _answer(file: Path | None, name: str, given: Any) -> Answer:
    try:
        return msgspec.convert(given, GivenAnswer).as_answer()
    except msgspec.ValidationError as error:
        raise OfframpError(f"{file}: the answer {name!r}: {error}") from error


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

    async def _show_way(self, way: Preset) -> bool:
        known: dict[str, Any] = {
            "event": self.event,
            "mapping": self.entry.preset_mapping(way),
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
        file = options.settings
        given = made_up_settings(entry) if file is None else read_object(file)
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
        for finding in lint_module(str(options.target)):
            context.warn(str(finding))
    except OfframpError as error:
        context.complain(error)
        return 2
    return 0 if held else 1
