"""No hook without its page and its test: documentation cannot drift from the specification."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

from offramp.hooks import OfframpSpecs
from offramp.plugins import hook_names

PREFIX = "offramp_"


def signature_of(hook: str) -> str:
    """A hook as a plugin writes it: `def offramp_routes() -> Iterable[Route] | None`."""
    signature = inspect.signature(getattr(OfframpSpecs, hook))
    parameters = [
        f"{name}: {parameter.annotation}"
        for name, parameter in signature.parameters.items()
        if name != "self"
    ]
    return f"def {hook}({', '.join(parameters)}) -> {signature.return_annotation}"


@pytest.fixture(scope="module")
def sections(checkout: Path) -> dict[str, str]:
    """Heading -> text, of the second-level sections of the page about hooks."""
    page = (checkout / "docs/reference/hooks.md").read_text()
    found = re.split(r"^## `?(\w+)`?$", page, flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


def test_there_are_hooks() -> None:
    """The tests below look at every hook there is."""
    assert len(hook_names()) > 1
    assert all(name.startswith(PREFIX) for name in hook_names())


@pytest.mark.parametrize("hook", hook_names())
def test_every_hook_is_documented(hook: str, sections: dict[str, str]) -> None:
    """Each hook is a heading with its exact signature, when it is called, and an example."""
    text = sections[hook]
    assert f"```python\n{signature_of(hook)}\n```" in text
    for part in ("**Called**", "**Return**", "@hookimpl"):
        assert part in text, f"the section lacks {part}"
    for parameter in inspect.signature(getattr(OfframpSpecs, hook)).parameters:
        assert parameter == "self" or f"- `{parameter}`" in text, f"{parameter} is not explained"


def test_no_section_documents_a_hook_that_is_gone(sections: dict[str, str]) -> None:
    """Every heading that looks like a hook is one."""
    assert {name for name in sections if name.startswith(PREFIX)} == set(hook_names())


def test_every_hook_has_a_test_named_for_it(checkout: Path) -> None:
    """`offramp_routes` is proven by `test_hook_routes`."""
    tests = {
        node.name
        for path in (checkout / "tests/plugins").glob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    wanted = {f"test_hook_{name.removeprefix(PREFIX)}" for name in hook_names()}
    assert wanted <= tests
