"""Requests that are never awaited: no request leaves, and the event is not delivered."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from offramp.cli.lint.source import Finding, Function, Source, body_of, sends

CODE: Final = "request-not-awaited"


def requests_not_awaited(source: Source) -> Iterator[Finding]:
    """A finding for each call that makes a request, or an async function's, and is dropped."""
    own = {each.name for each in source.functions if isinstance(each, ast.AsyncFunctionDef)}
    for function in source.functions:
        parents = {
            child: node for node in body_of(function) for child in ast.iter_child_nodes(node)
        }
        requests = source.requests_of(function)
        for node in body_of(function):
            if not isinstance(node, ast.Call):
                continue
            parent = parents.get(node, function)
            if sends(node, requests):
                if _dropped(parent, function):
                    yield _finding(source, node, "no request leaves")
            elif isinstance(parent, ast.Expr) and _calls(node, own):
                yield _finding(source, node, "the function does not run")


def _finding(source: Source, call: ast.Call, consequence: str) -> Finding:
    text = ast.unparse(call.func)
    message = f"{text}(...) is not awaited, so that {consequence}: write `await {text}(...)`"
    return source.finding(call, CODE, message)


def _calls(call: ast.Call, own: set[str]) -> bool:
    called = call.func
    if isinstance(called, ast.Attribute) and getattr(called.value, "id", "") == "self":
        return called.attr in own
    return isinstance(called, ast.Name) and called.id in own


def _dropped(parent: ast.AST, function: Function) -> bool:
    """Whether a call is used as if it were the answer, or not at all."""
    match parent:
        case ast.Expr() | ast.Attribute() | ast.Subscript() | ast.Compare():
            return True
        case ast.Return():
            return isinstance(function, ast.AsyncFunctionDef)
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return not _awaited_later(name, function)
    return False


def _awaited_later(name: str, function: Function) -> bool:
    """Whether a variable is awaited or handed on, rather than read as an answer."""
    read = {
        child
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute | ast.Subscript | ast.Compare | ast.BoolOp)
        for child in ast.iter_child_nodes(node)
    }
    return any(
        isinstance(node, ast.Name)
        and node.id == name
        and isinstance(node.ctx, ast.Load)
        and node not in read
        for node in ast.walk(function)
    )
