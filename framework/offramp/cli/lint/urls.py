"""Values in URLs that are not quoted: whoever chooses them chooses where a request goes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from offramp.cli.lint.source import Finding, Function, Source, body_of, parameters, sends

CODE: Final = "unquoted-url"
#: Parameters that hold what comes with events, or what an operator configures.
_GIVEN: Final = frozenset({"payload", "payloads", "event", "events", "settings", "inputs"})
#: Attributes of a request that do so.
_OF_REQUEST: Final = frozenset({"settings", "events", "mapping", "hook_outputs", "audience"})
#: Calls that return a text as it is; others, such as `quote_path`, make a value of their own.
_UNCHANGED: Final = frozenset({"str", "repr", "format"})
_REMEDY: Final = (
    "a value such as `../x?y` leads to another address: write `join_url(BASE, ..., value)`, "
    "`quote_path(value)`, or `params={...}` for a query"
)


def unquoted_urls(source: Source) -> Iterator[Finding]:
    """A finding for each value in the path or query of a request's URL that is not quoted."""
    for function in source.functions:
        requests = source.requests_of(function)
        reader = _Reader(function, requests)
        for node in body_of(function):
            if isinstance(node, ast.Call) and sends(node, requests):
                for part in reader.unquoted(_url_of(node)):
                    message = f"`{ast.unparse(part)}` is not quoted in the URL: {_REMEDY}"
                    yield source.finding(part, CODE, message)


def _url_of(call: ast.Call) -> ast.expr | None:
    named = next((each.value for each in call.keywords if each.arg == "url"), None)
    is_send = isinstance(call.func, ast.Attribute) and call.func.attr == "send"
    position = 1 if is_send else 0
    return call.args[position] if named is None and len(call.args) > position else named


class _Reader:
    """What the variables of a function hold."""

    def __init__(self, function: Function, requests: frozenset[str]) -> None:
        self._requests = requests
        self._given = _GIVEN.intersection(each.arg for each in parameters(function))
        self._values: dict[str, list[ast.expr]] = {}
        for node in body_of(function):
            self._note(node)

    def _note(self, node: ast.AST) -> None:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self._values.setdefault(name, []).append(value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                self._values.setdefault(name, []).append(value)
            case ast.For(target=ast.Name(id=name), iter=value):
                self._values.setdefault(name, []).append(value)

    def unquoted(
        self, url: ast.expr | None, seen: frozenset[str] = frozenset()
    ) -> Iterator[ast.expr]:
        """The parts of a URL that are given and not quoted, except where it begins."""
        if isinstance(url, ast.Name) and url.id not in seen:
            for value in self._values.get(url.id, ()):
                yield from self.unquoted(value, seen | {url.id})
        elif isinstance(url, ast.Call):
            # What it is formatted with is a part of it; the first part of `join_url` is a URL.
            is_format = isinstance(url.func, ast.Attribute) and url.func.attr == "format"
            if is_format:
                values = [*url.args, *(each.value for each in url.keywords)]
                yield from (each for each in values if self._is_given(each))
            elif getattr(url.func, "id", "") == "join_url" and url.args:
                yield from self.unquoted(url.args[0], seen)
        elif url is not None:
            first, *others = _parts(url)
            yield from (each for each in others if self._is_given(each))
            if first is not url and not isinstance(first, ast.Constant):
                yield from self.unquoted(first, seen)

    def _is_given(self, value: ast.expr, seen: frozenset[str] = frozenset()) -> bool:
        """Whether a value comes from an event or the settings, as it is."""
        match value:
            case ast.Name(id=name):
                others = self._values.get(name, []) if name not in seen else []
                inners, is_given = others, name in self._given
                seen |= {name}
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name in self._requests:
                inners, is_given = [], attribute in _OF_REQUEST
            case _:
                inners, is_given = _inside(value), False
        return is_given or any(self._is_given(each, seen) for each in inners)


def _inside(value: ast.expr) -> list[ast.expr]:
    """The values that a value holds as they are; another function's result holds none."""
    match value:
        case ast.Attribute(value=inner) | ast.Subscript(value=inner):
            return [inner]
        case ast.Call(func=ast.Attribute(value=inner)):
            return [inner]
        case ast.Call(func=ast.Name(id=name), args=[first, *_]) if name in _UNCHANGED:
            return [first]
        case ast.BinOp() | ast.JoinedStr():
            return [each for each in _parts(value) if each is not value]
        case ast.BoolOp(values=inners):
            return inners
    return []


def _parts(text: ast.expr) -> list[ast.expr]:
    """The texts and values that a text is put together of, in their order."""
    match text:
        case ast.JoinedStr(values=values):
            return [part for each in values for part in _parts(each)] or [text]
        case ast.FormattedValue(value=value):
            return _parts(value)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return [*_parts(left), *_parts(right)]
        case ast.BinOp(left=left, op=ast.Mod(), right=ast.Tuple(elts=values)):
            return [left, *values]
        case ast.BinOp(left=left, op=ast.Mod(), right=right):
            return [left, right]
    return [text]
