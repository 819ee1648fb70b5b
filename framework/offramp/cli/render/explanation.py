"""Renders explanations and answers: what matched, the value of each field, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from offramp import _json
from offramp.cli.render.columns import grid, indented
from offramp.cli.render.errors import render_error

#: Longer values are cut in tables; `--json` has all.
MAX_VALUE_CHARACTERS: Final = 60
SKIPPED_HEADERS: Final = frozenset({"user-agent"})


def render_explanation(explanation: Mapping[str, Any]) -> RenderableType:
    """One event and one subscription: trigger, fields, errors, and the request."""
    parts: list[RenderableType] = [
        _verdict(explanation),
        indented(render_conditions(explanation["trigger"])),
    ]
    if explanation["matches"]:
        parts += map(indented, _audience(explanation["audience"]))
        parts.append(indented(_fields(explanation["fields"], explanation["payload"])))
        parts += [indented(render_error(error)) for error in explanation["errors"]]
        parts += map(indented, left_out(explanation["request"]))
        requests = exchanges_of(explanation["request"])
        parts += [indented(_request(each)) for each in requests]
        parts += map(indented, _assumed(explanation["stopped"], several=len(requests) > 1))
    return Group(*parts)


def render_answers(explanation: Mapping[str, Any]) -> RenderableType:
    """Render the result of sending one event to one subscription."""
    name = Text(str(explanation["subscription"]), style="bold")
    if explanation["error"] is None:
        line = Text.assemble(("delivered ", "bold green"), name)
    else:
        line = Text.assemble(("failed ", "bold red"), name, f": {explanation['error']['message']}")
    answers = [
        Text(f"{each['method']} {each['url']} → {status_of(each) or each['error']}")
        for each in exchanges_of(explanation["exchange"])
    ]
    return Group(line, *map(indented, [*left_out(explanation["exchange"]), *answers]))


def status_of(exchange: Mapping[str, Any]) -> str:
    """The status and the words beside it, `404 Not Found`; empty if there was no answer."""
    return f"{exchange['status'] or ''} {exchange.get('reason', '')}".strip()


def exchanges_of(last: Any) -> list[Mapping[str, Any]]:
    """List the exchanges or requests of a call, oldest first; `last` links to the earlier ones."""
    return [*last.get("earlier", ()), last] if isinstance(last, Mapping) else []


def left_out(last: Any) -> list[Text]:
    """A line with the number of requests that are not shown, if any."""
    count = last.get("left_out", 0) if isinstance(last, Mapping) else 0
    if not count:
        return []
    message = "1 earlier request is" if count == 1 else f"{count} earlier requests are"
    return [Text(f"{message} left out", "dim")]


def _audience(audience: Mapping[str, Any] | None) -> Iterator[Text]:
    """Say of which audience the event speaks, and what the instance's configuration adds."""
    if audience is None:
        return
    name, paths = audience["name"], audience["paths"]
    line = Text.assemble("audience ", (audience["key"], "bold"))
    if name is None:
        line.append(": the instance has no such audience; the event is mapped as it is", "dim")
    else:
        added = f"the instance fills in {', '.join(paths)}" if paths else "the event has all of it"
        line.append(f" ({name}): {added}", "dim")
    yield line


def _assumed(stopped: str | None, *, several: bool) -> Iterator[Text]:
    """Say on which answers the requests depend, and why there are no more of them."""
    if several:
        yield Text("as if the partner answered each request with 200 and {}", "dim")
    if stopped is not None:
        yield Text(f"the action does not go on with the answer 200 and {{}}: {stopped}", "dim")


def short(value: Any, limit: int = MAX_VALUE_CHARACTERS) -> str:
    """Format a JSON value as one line of limited length; texts without quotes."""
    text = value if isinstance(value, str) else _json.dumps(value).decode()
    return text if len(text) <= limit else text[: limit - 1] + "…"


def origin_of(origin: Mapping[str, Any]) -> str:
    """Describe the origin of a value: `@path $.messageId`."""
    directive = origin["directive"]
    paths = ", ".join(origin["paths"])
    if directive is None:
        return f"object of {paths}" if paths else "literal"
    return f"{directive} {paths}".rstrip()


def conditions_of(trigger: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """List the single conditions of a trigger's explanation, in the order of its text."""
    if trigger.get("operator") in {"and", "or"}:
        for child in trigger["children"]:
            yield from conditions_of(child)
    else:
        yield trigger


def found_by(condition: Mapping[str, Any]) -> str:
    """Describe what a condition found in the event, in one line."""
    if "actual" in condition:
        actual = condition["actual"]
        return ", ".join(f"{path} is {short(value)}" for path, value in actual.items()) or "absent"
    return ", ".join(found_by(child) for child in condition.get("children", ()))


def _verdict(explanation: Mapping[str, Any]) -> Text:
    matches = explanation["matches"]
    mark = ("✓ matches ", "bold green") if matches else ("✗ does not match ", "bold yellow")
    mode = explanation["sync_mode"]
    in_mode = "" if mode is None else f" in the sync mode {mode}"
    return Text.assemble(mark, (str(explanation["subscription"]), "bold"), (in_mode, "dim"))


def render_conditions(trigger: Mapping[str, Any]) -> Table:
    """Render a trigger's conditions, each with its result and what it found."""
    table = grid("", "", "")
    for condition in conditions_of(trigger):
        table.add_row(
            Text("✓", "green") if condition["result"] else Text("✗", "yellow"),
            Text(condition["text"]),
            Text(found_by(condition), "dim"),
        )
    return table


def _fields(origin: Mapping[str, Any], payload: Mapping[str, Any] | None) -> Table:
    table = grid("field", "value", "from")
    for child in origin["children"]:
        key = child["place"].removeprefix("$.")
        value = (payload or {}).get(key, child["value"] if child["found"] else None)
        shown = Text(short(value)) if child["found"] else Text("nothing", "yellow")
        table.add_row(Text(key, "bold"), shown, Text(origin_of(child), "dim"))
    return table


def _request(request: Mapping[str, Any]) -> Group:
    headers = [
        Text(f"{name}: {value}", "dim")
        for name, value in request["headers"].items()
        if name.lower() not in SKIPPED_HEADERS
    ]
    line = Text.assemble((request["method"], "bold"), f" {request['url']}")
    return Group(line, *headers, Text(request["body"]))


def render_event(event: dict[str, Any]) -> Text:
    """Render an event in one line: type, name, user, and message id."""
    ids = ("userId", "anonymousId")
    user = next((f"{key} {event[key]}" for key in ids if event.get(key)), "")
    name = event.get("event") or event.get("name") or ""
    return Text.assemble(
        (f"{event.get('type', 'event')} ", "bold cyan"),
        (f"{name}  ", "bold"),
        (f"{user}  {event.get('messageId', '')}", "dim"),
    )
