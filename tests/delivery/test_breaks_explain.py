"""An explanation runs a plugin's code too: it ends, tells no secret, and stops nothing."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.delivery.parts import event
from tests.delivery.wild import SUBSCRIPTION, TOKEN, URL, config, running, wild

from offramp import RequestOptions
from offramp.errors import RejectedError
from offramp.plugins import Catalog


async def explained(folder: Path, catalog: Catalog) -> list[dict[str, str]]:
    async with running(folder, catalog) as (engine, _):
        await engine.apply(config(catalog))
        explained = await engine.explain(SUBSCRIPTION, event("m1"))
    errors: list[dict[str, str]] = explained["errors"]
    return errors


async def nothing(*_: Any) -> None:
    """An action that sends nothing."""


async def test_a_plugin_that_exits_is_a_fault_in_the_explanation(tmp_path: Path) -> None:
    """`sys.exit` in an action or in a check ends no host."""

    async def perform(*_: Any) -> None:
        raise SystemExit(3)

    def validate(*_: object, **__: object) -> None:
        raise SystemExit(4)

    [error] = await explained(tmp_path / "perform", wild(perform=perform))
    assert error["method"] == "perform"
    detail = r"the plugin raised SystemExit: 3 \(test_breaks_explain.py:\d+, in perform\)"
    assert re.fullmatch(detail, error["detail"])
    [error] = await explained(tmp_path / "validate", wild(perform=nothing, validate=validate))
    assert error["method"] == "validate"
    detail = r"the plugin raised SystemExit: 4 \(test_breaks_explain.py:\d+, in validate\)"
    assert re.fullmatch(detail, error["detail"])


async def test_an_extension_of_requests_that_raises_is_a_fault_in_the_explanation(
    tmp_path: Path,
) -> None:
    """What `extend_request` raises is explained like what the action raises."""

    def extend(*_: Any) -> RequestOptions:
        raise KeyError("region")

    async def perform(request: Any, _: Any) -> None:
        await request.post(URL)

    [error] = await explained(tmp_path, wild(perform=perform, extend_request=extend))
    assert error["method"] == "perform"
    detail = r"the plugin raised KeyError: 'region' \(test_breaks_explain.py:\d+, in extend\)"
    assert re.fullmatch(detail, error["detail"])


async def test_a_check_that_gives_no_faults_but_texts_is_told_as_it_is(tmp_path: Path) -> None:
    """A plugin that refuses with plain texts is understood."""
    catalog = wild(perform=nothing, validate=lambda _, **__: ["too old"])
    assert await explained(tmp_path, catalog) == [{"pointer": "#", "detail": "payload too old"}]


async def test_an_explanation_tells_no_secret(tmp_path: Path) -> None:
    """A rejection whose text quotes the token is masked."""

    async def perform(request: Any, _: Any) -> None:
        raise RejectedError(f"{request.settings.token} is no token")

    [error] = await explained(tmp_path, wild(perform=perform))
    assert TOKEN not in error["detail"]
    assert "*** is no token" in error["detail"]


async def test_an_action_that_never_ends_ends_the_explanation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks for an explanation hears that there is none."""
    module = sys.modules["offramp.delivery.explain"]
    monkeypatch.setattr(module, "LONGEST_EXPLANATION_SECONDS", 0.05)

    async def perform(*_: Any) -> None:
        await asyncio.Event().wait()

    [error] = await explained(tmp_path, wild(perform=perform))
    assert error["detail"] == "the action did not end within 0.05 s"
