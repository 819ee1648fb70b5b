"""Blocking calls in async functions: while one waits, no other delivery of the host goes on."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Final

from offramp.cli.lint.source import Finding, Function, Source, body_of

CODE: Final = "blocking-call"
#: What blocks, by the name that it has where it is imported from, and what to write instead.
_REQUESTS: Final = (
    r"(requests|urllib3|http\.client)\.\w+|urllib\.request\.(urlopen|urlretrieve)"
    r"|httpx\.(get|post|put|patch|delete|head|options|request|stream|Client)"
)
_CONNECTIONS: Final = (
    r"socket\.(create_connection|getaddrinfo|gethostby\w+)|smtplib\.\w+|ftplib\.\w+"
    r"|(sqlite3|psycopg2?|pymysql)\.connect|boto3\.\w+"
)
_FILES: Final = (
    r"(io\.)?open|input|pathlib\.Path\.(open|(read|write)_(text|bytes))"
    r"|shutil\.(copy\w*|move|rmtree)"
)
_THREAD: Final = "call it in a thread: `await asyncio.to_thread(...)`"
_SEND: Final = "send it with `await request.send(...)`"
_READ_BEFORE: Final = f"read it when the module is imported, or {_THREAD}"
_START: Final = "write `await asyncio.create_subprocess_exec(...)`"
#: What blocks, by the name that it has where it is imported from, and what to write instead.
_BLOCKING: Final = (
    (re.compile(r"time\.sleep"), "write `await asyncio.sleep(...)`"),
    (re.compile(_REQUESTS), _SEND),
    (re.compile(r"subprocess\.\w+|os\.(system|popen|wait\w*)"), _START),
    (re.compile(_CONNECTIONS), _THREAD),
    (re.compile(_FILES), _READ_BEFORE),
)


def blocking_calls(source: Source) -> Iterator[Finding]:
    """A finding for each blocking call that an async function makes, also by its own helpers."""
    seen: set[ast.Call] = set()
    for function in source.functions:
        if isinstance(function, ast.AsyncFunctionDef):
            yield from _of(source, function, function.name, seen)


def _of(source: Source, function: Function, name: str, seen: set[ast.Call]) -> Iterator[Finding]:
    helpers = {each.name: each for each in source.functions if isinstance(each, ast.FunctionDef)}
    for node in body_of(function):
        if not isinstance(node, ast.Call) or node in seen:
            continue
        seen.add(node)
        called = _meaning(source, node.func)
        remedy = next((text for pattern, text in _BLOCKING if pattern.fullmatch(called)), None)
        helper = helpers.get(_own(node.func))
        if remedy is not None:
            message = f"{called} blocks every delivery of the host while {name} runs: {remedy}"
            yield source.finding(node, CODE, message)
        elif helper is not None:
            yield from _of(source, helper, name, seen)


def _meaning(source: Source, called: ast.expr) -> str:
    """What is called; a method of `Path(...)` is one of `pathlib.Path`."""
    if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Call):
        made = source.meaning(called.value.func)
        return f"{made}.{called.attr}" if made == "pathlib.Path" else ""
    return source.meaning(called) or ""


def _own(called: ast.expr) -> str:
    """The name of a function of the module, or of a method of `self`, that is called."""
    if isinstance(called, ast.Name):
        return called.id
    is_own = isinstance(called, ast.Attribute) and getattr(called.value, "id", "") == "self"
    return called.attr if is_own and isinstance(called, ast.Attribute) else ""
