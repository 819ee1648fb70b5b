"""Routes of plugins: below `/x/`, behind the same token, their failures told as problems."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from tests.listening import listening

from offramp import Route, hookimpl
from offramp.api import Tokens
from offramp.api.access import Guard
from offramp.api.plugin_routes import plugin_routes
from offramp.errors import NotFoundError
from offramp.plugins import load_plugins

TOKEN = "a-token"


async def stats(query: Mapping[str, str], body: Any) -> tuple[int, Any]:
    if query.get("broken"):
        raise RuntimeError("a bug")
    if query.get("missing"):
        raise NotFoundError("no such figure")
    return 201, {"query": dict(query), "body": body}


class Mine:
    """A plugin with routes."""

    def __init__(self, *routes: Route) -> None:
        self._routes = routes

    @hookimpl
    def offramp_routes(self) -> list[Route]:
        return list(self._routes)


class Yours(Mine):
    """Another one."""


@asynccontextmanager
async def running(*plugins: object) -> AsyncIterator[str]:
    app = web.Application(handler_args={"auto_decompress": False})
    guard = Guard(tokens=Tokens.of(default=TOKEN))
    loaded = load_plugins(extra=plugins, installed=False)
    app.add_routes(plugin_routes(loaded, guard))
    async with listening(app) as url:
        yield url


@pytest.mark.parametrize(("query", "status"), [("", 201), ("&broken=1", 500), ("&missing=1", 404)])
async def test_a_route_of_a_plugin_is_served_behind_the_token(query: str, status: int) -> None:
    """Path and query in one mapping, the body as JSON, failures as problems."""
    async with (
        running(Mine(Route("POST", "/x/mine/{name}", stats))) as url,
        aiohttp.ClientSession() as session,
    ):
        async with session.post(f"{url}/x/mine/a") as answer:
            assert answer.status == 401
        headers = {"Authorization": f"Bearer {TOKEN}"}
        address = f"{url}/x/mine/a?b=1{query}"
        async with session.post(address, json={"c": 2}, headers=headers) as answer:
            assert answer.status == status
            shown = await answer.json(content_type=None)
        if status == 201:
            assert shown == {"query": {"name": "a", "b": "1"}, "body": {"c": 2}}
        else:
            assert shown["status"] == status
            assert "a bug" not in str(shown)


@pytest.mark.parametrize(
    ("plugins", "answer"),
    [
        ([Mine(Route("GET", "/api/status", stats))], {"Mine": "must begin with /x/"}),
        ([Mine(Route("BREW", "/x/tea", stats))], {"Mine": "methods DELETE, GET"}),
        ([Mine(Route("GET", "/x/{tea", stats))], {"Mine": "Invalid path"}),
        (
            [Mine(Route("GET", "/x/a", stats)), Yours(Route("get", "/x/a", stats))],
            {"Mine": "declared by 'Mine', 'Yours'", "Yours": "declared by 'Mine', 'Yours'"},
        ),
        (
            [Mine(Route("GET", "/x/a", stats), Route("GET", "/x/a", stats))],
            {"Mine": "declared by 'Mine'"},
        ),
    ],
    ids=["a path of the host", "method", "path", "two plugins", "twice"],
)
async def test_a_route_in_a_wrong_place_or_twice_is_left_out(
    plugins: list[object], answer: dict[str, str]
) -> None:
    """No plugin takes a path of the host, nor one of another plugin, nor stops the host with it."""

    class Sound(Mine):
        """Goes on."""

    loaded = load_plugins(extra=[*plugins, Sound(Route("GET", "/x/b", stats))], installed=False)
    made = plugin_routes(loaded, Guard(tokens=Tokens.of(default=TOKEN)))
    assert [route.path for route in made] == ["/x/b"]
    assert {each.plugin for each in loaded.problems} == set(answer)
    for problem in loaded.problems:
        assert answer[problem.plugin] in str(problem)
        assert not problem.left_out
