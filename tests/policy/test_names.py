"""Names are the field's words: a private word is found, with the word to write instead."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs
import pytest

#: Words that no name has in it, alone or joined to others, and the field's word for each.
PRIVATE_WORDS: Final = {
    "asking": "the command's or operation's own name",
    "crowded": "full, or what there is too much of",
    "door": "endpoint",
    "doors": "endpoints",
    "figure": "metric, statistic or measurement",
    "figures": "metrics, stats or measurements",
    "lane": "subscription",
    "lanes": "subscriptions",
    "luck": "jitter, or rng for a random generator",
    "moment": "time",
    "moments": "times",
    "parcel": "prepared event",
    "parcels": "prepared events",
    "stories": "events, or event records",
    "story": "event, or event record",
    "strays": "what they are: orphans, leftovers",
    "suffer": "count_failure",
    "tell": "describe, report or render",
    "telling": "render",
    "told": "message, detail, answer, or what it is",
    "toolbox": "context",
}
#: Names that stand for one thing of the product, as a whole.
PRIVATE_NAMES: Final = {
    "Held": "LeaseEntry",
    "Line": "WaitGroup",
    "NewItem": "NewEvent",
    "Outgoing": "OutgoingRequest",
    "Parts": "HostContext",
    "Round": "Replay",
    "Try": "Candidate",
    "Where": "HostOptions",
    "Which": "DeliveryFilters",
    "history": "audit_log",
    "rev": "revision",
    "who": "actor",
}
#: Keys of JSON, labels of metrics, names of metrics and routes.
PRIVATE_KEYS: Final = {
    "/api/audit": "/api/reconciliation",
    "/api/dead": "/api/dead-letters",
    "/api/history": "/api/audit-log",
    "/api/ledger": "/api/stats",
    "/api/replay": "/api/replays",
    "X-Offramp-Who": "X-Offramp-Actor",
    "door": "endpoint",
    "gate": "circuit_breaker",
    "gate_open": "circuit_breaker",
    "keep_dead_days": "keep_dead_letters_days",
    "offramp_instance_gate_open": "offramp_circuit_breaker_open",
    "rev": "revision",
    "stories": "events",
    "who": "actor",
}
#: What TypeScript declares.
_DECLARED: Final = re.compile(r"\b(?:const|let|function|class|interface|type|enum)\s+(\w+)")
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@attrs.frozen
class Name:
    """One name that a file gives to something of its own."""

    text: str
    line: int


def names_of(tree: ast.Module) -> Iterator[Name]:
    """Every class, function, parameter and variable; names of tests are sentences."""
    for node in ast.walk(tree):
        match node:
            case (
                ast.ClassDef(name=name)
                | ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
            ):
                if not name.startswith(("test_", "Test")):
                    yield Name(name, node.lineno)
            case ast.arg(arg=name):
                yield Name(name, node.lineno)
            case ast.Name(id=name, ctx=ast.Store()):
                yield Name(name, node.lineno)


def keys_of(tree: ast.Module) -> Iterator[Name]:
    """Every text that stands by itself, and the keys of typed dicts."""
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)):
                yield Name(text, node.lineno)
            case ast.ClassDef(bases=[ast.Name(id="TypedDict")], body=body):
                fields = [each for each in body if isinstance(each, ast.AnnAssign)]
                yield from (Name(ast.unparse(each.target), each.lineno) for each in fields)


def private(name: str) -> str | None:
    """The field's word for a name that is private, or has a private word in it."""
    if name.strip("_") in PRIVATE_NAMES:
        return PRIVATE_NAMES[name.strip("_")]
    found = (PRIVATE_WORDS.get(word.lower()) for word in _WORD.findall(name))
    return next(filter(None, found), None)


def typescript_complaints(file: str, source: str) -> list[str]:
    """What is named privately in a file of the console."""
    return [
        f"{file}:{number}: {name!r}: write {instead}"
        for number, line in enumerate(source.splitlines(), start=1)
        for name in _DECLARED.findall(line)
        for instead in [private(name)]
        if instead
    ]


def complaints(file: str, source: str) -> list[str]:
    """What is named privately in a file, with its line and the field's word."""
    if not file.endswith(".py"):
        return typescript_complaints(file, source)
    tree = ast.parse(source)
    stem = Name(Path(file).stem, 1)
    named = [(name, private(name.text)) for name in [stem, *names_of(tree)]]
    named += [(key, PRIVATE_KEYS.get(key.text)) for key in keys_of(tree)]
    return [
        f"{file}:{name.line}: {name.text!r}: write {instead}" for name, instead in named if instead
    ]


def test_names_are_the_words_of_the_field(tracked: dict[str, str]) -> None:
    """Who comes from Segment, HTTP or queueing reads a name without a glossary."""
    found = [
        each
        for file, source in tracked.items()
        if file.endswith((".py", ".ts", ".tsx", ".mjs")) and file != "tests/policy/test_names.py"
        for each in complaints(file, source)
    ]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("source", "instead"),
    [
        ("def tell(): ...", "describe"),
        ("def f(*, luck): ...", "jitter"),
        ("class Parts: ...", "HostContext"),
        ("class EndpointFigures: ...", "metrics"),
        ("told = 1", "message"),
        ("route = '/api/dead'", "/api/dead-letters"),
        ("row = {'stories': []}", "events"),
        ("class Row(TypedDict):\n    who: str", "actor"),
    ],
)
def test_a_private_word_is_found_wherever_a_name_is_given(source: str, instead: str) -> None:
    """In functions, parameters, classes, variables, routes and keys."""
    [complaint, *_] = complaints("framework/offramp/example.py", source)
    assert instead in complaint


@pytest.mark.parametrize("source", ["export function tellUser() {}", "  const lane = 1;"])
def test_a_private_word_is_found_in_the_console_too(source: str) -> None:
    """What TypeScript declares is named as in Python."""
    [_] = complaints("framework/console/src/example.ts", source)


@pytest.mark.parametrize(
    "source",
    ['"""Who was told what, and where the story of a lane ends."""', "retold = 1", "doorway = 2",
     "def test_what_is_told(): ..."],
)  # fmt: skip
def test_prose_and_other_words_are_left_alone(source: str) -> None:
    """A docstring may say `told`; a name that only contains the letters is another word."""
    assert complaints("framework/offramp/example.py", source) == []
