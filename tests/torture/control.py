"""Calls of the control API while the host may be killed at any moment."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Collection, Coroutine
from typing import Any, Final

import aiohttp
from tests.torture.host import API_TOKEN
from tests.torture.scene import Scene

REQUEST_SECONDS: Final = 20.0
LOOK_SECONDS: Final = 0.1


async def call(
    scene: Scene, method: str, path: str, body: object = None, *, allowed: Collection[int] = ()
) -> Any:
    """Call the API; returns the answer, or nothing if the host was killed meanwhile.

    An error fails the test, but for the `allowed` statuses.
    """
    timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
    headers = {"Authorization": f"Bearer {API_TOKEN}"}
    with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
            session.request(method, f"{scene.host.url}/api/{path}", json=body) as answer,
        ):
            text = await answer.text()
            assert answer.ok or answer.status in allowed, f"{method} {path}: {text}"
            return json.loads(text)
    return None


async def get(scene: Scene, path: str) -> Any:
    """Get from the API."""
    return await call(scene, "GET", path)


async def post(scene: Scene, path: str, body: object = None) -> Any:
    """Post to the API."""
    return await call(scene, "POST", path, body)


async def change(
    scene: Scene, method: str, path: str, body: object = None, *, allowed: Collection[int] = ()
) -> Any:
    """Change the configuration, and count it."""
    answer = await call(scene, method, path, body, allowed=allowed)
    if answer is not None:
        scene.changes.append(path)
    return answer


async def finished(scene: Scene, resource: str, begun: Any, *, while_in: Collection[str]) -> Any:
    """What became of work that the host began; nothing if the host was killed meanwhile."""
    while begun is not None and begun["state"] in while_in:
        await asyncio.sleep(LOOK_SECONDS)
        begun = await get(scene, f"{resource}/{begun['id']}")
    return begun


@contextlib.asynccontextmanager
async def in_background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do something that never ends meanwhile; raises its error."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()
