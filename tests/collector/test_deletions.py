"""Events of type `delete`: who may send them, and what becomes of those of others."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from offramp.collector import EventTaker
from offramp.errors import EventError

if TYPE_CHECKING:
    import aiohttp
    from tests.collector.conftest import Running

HEADERS = {"Authorization": f"Basic {base64.b64encode(b'write-key-of-the-web:').decode()}"}
DELETE: dict[str, Any] = {"type": "delete", "userId": "u", "messageId": "d"}
PAGE: dict[str, Any] = {"type": "page", "userId": "u"}
ALLOWED_SOURCE = "only a source with `server_side = true` may send"


async def test_in_a_batch_only_the_deletion_is_refused(
    collector: Running, http: aiohttp.ClientSession
) -> None:
    """The key of a page deletes nobody; the refusal has index, place and reason, and is counted."""
    batch = [{**PAGE, "messageId": "one"}, DELETE, {**PAGE, "messageId": "two"}]
    url = f"{collector.url}/v1/batch"
    async with http.post(url, json={"batch": batch}, headers=HEADERS) as response:
        assert response.status == 200
        answer = await response.json()
    assert [each["messageId"] for each in collector.intake.events] == ["one", "two"]
    [rejected] = answer["rejected"]
    assert (rejected["index"], rejected["messageId"]) == (1, "d")
    assert rejected["reason"] == "delete_not_allowed"
    assert rejected["message"].startswith("$.batch[1].type: is 'delete'")
    assert ALLOWED_SOURCE in rejected["message"]
    assert collector.intake.refused == {("web", "delete_not_allowed"): 1}


@pytest.mark.parametrize("endpoint", ["track", "t", "identify"])
async def test_an_endpoint_for_one_event_takes_none_either(
    collector: Running, http: aiohttp.ClientSession, endpoint: str
) -> None:
    """A type in the body counts, so an endpoint of another name is no way around."""
    url = f"{collector.url}/v1/{endpoint}"
    async with http.post(url, json=DELETE, headers=HEADERS) as response:
        assert response.status == 400
        assert (await response.json())["code"] == "delete_not_allowed"
    assert collector.intake.events == []


async def test_a_server_side_source_takes_deletions(
    collector: Running, http: aiohttp.ClientSession
) -> None:
    """In a batch and alone, completed as any event."""
    collector.intake.server_side.add("web")
    by_visitor = {"type": "delete", "anonymousId": "a", "messageId": "e"}
    for path, body in (
        ("batch", {"batch": [DELETE, by_visitor]}),
        ("track", {**DELETE, "messageId": "f"}),
    ):
        async with http.post(f"{collector.url}/v1/{path}", json=body, headers=HEADERS) as response:
            assert (response.status, await response.json()) == (200, {"success": True})
    assert [each["messageId"] for each in collector.intake.events] == ["d", "e", "f"]
    assert all(each["type"] == "delete" and each["receivedAt"] for each in collector.intake.events)


async def test_whoever_takes_an_event_for_a_person_may_allow_deletions(collector: Running) -> None:
    """A trial event is refused as the collector refuses it; one that is allowed is taken."""
    take = EventTaker(intake=collector.intake)
    with pytest.raises(EventError, match="server_side") as raised:
        await take("web", b'{"type": "delete", "userId": "u"}')
    assert raised.value.reason == "delete_not_allowed"
    event, is_new = await take("web", b'{"type": "delete", "userId": "u"}', allow_deletes=True)
    assert (event["type"], is_new) == ("delete", True)
    assert collector.intake.refused == {("web", "delete_not_allowed"): 1}
