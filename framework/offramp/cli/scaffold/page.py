"""The page of a destination in Markdown: its settings, actions and presets, in tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from offramp.cli.render.fields import mapping_text
from offramp.cli.scaffold.declaration import ActionDeclaration, Declaration
from offramp.definition import Conditions, Field, Fields
from offramp.payload import conditions_text


def write_page(declaration: Declaration) -> str:
    """Sections on settings, actions and presets, without a title."""
    return "\n\n".join(_sections(declaration)) + "\n"


def _sections(declaration: Declaration) -> Iterator[str]:
    yield "## Settings"
    yield _table(declaration.settings) if declaration.settings else "There are none."
    if declaration.scheme == "oauth2":
        yield "An instance is connected by OAuth 2: `offramp connect INSTANCE`."
    if declaration.audience is not None and declaration.audience.fields:
        yield "Each audience has:"
        yield _table(declaration.audience.fields)
    yield "## Actions"
    for action in declaration.actions:
        yield from _action(action)
    if declaration.presets:
        yield "## Presets"
        yield "\n".join(
            [
                "| preset | action | trigger |",
                "|---|---|---|",
                *(
                    f"| {_cell(each.name)} | `{each.action}` | {_code(each.trigger)} |"
                    for each in declaration.presets
                ),
            ]
        )


def _action(action: ActionDeclaration) -> Iterator[str]:
    yield f"### `{action.slug}`"
    sentences = [" ".join((action.description or action.title).split()).rstrip(".") + "."]
    if action.batches:
        sentences.append("It sends events in batches.")
    if action.sync_mode is not None:
        modes = ", ".join(f"`{value}`" for value, _ in action.sync_mode.choices)
        sentences.append(f"Sync modes: {modes}; `{action.sync_mode.default}` by default.")
    yield " ".join(sentences)
    if action.fields:
        yield _table(action.fields)
    for hook in action.hooks:
        saves = _cell(hook.description or hook.label)
        yield f"When a subscription is saved, `{hook.name}`: {saves}"
        if hook.inputs:
            yield _table(hook.inputs)


def _table(fields: Fields) -> str:
    head = ["| field | type | required | default | |", "|---|---|---|---|---|"]
    return "\n".join([*head, *_rows(fields)])


def _rows(fields: Fields, before: str = "") -> Iterable[str]:
    for key, field in fields.items():
        name = f"{before}{key}"
        cells = (
            f"`{name}`",
            f"list of {field.type}" if field.multiple else field.type,
            _required(field),
            "" if field.default in (None, "") else _default(field),
            _cell(". ".join(filter(None, [field.description.rstrip(". "), *_choices(field)]))),
        )
        yield f"| {' | '.join(cells)} |"
        yield from _rows(field.properties or {}, f"{name}.")


def _required(field: Field) -> str:
    if isinstance(field.required, Conditions):
        return f"if {_cell(conditions_text(field.required))}"
    return "yes" if field.required else ""


def _default(field: Field) -> str:
    """The mapping in words, each of its lines as code."""
    written = field.default if isinstance(field.default, str) else mapping_text(field.default)
    return "<br>".join(map(_code, filter(str.strip, written.splitlines())))


def _choices(field: Field) -> Iterator[str]:
    if field.choices:
        values = (each if isinstance(each, str) else each.value for each in field.choices)
        yield f"One of {', '.join(f'`{value}`' for value in values)}"


def _code(text: str | None) -> str:
    if text is None:
        return "none yet"
    plain = _cell(text)
    ticks = "``" if "`" in plain else "`"
    return f"{ticks}{plain}{ticks}"


def _cell(text: str) -> str:
    """A text that keeps to one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")
