"""Ids and keys that differ stay different, and integers are exact or refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from offramp import _json

if TYPE_CHECKING:
    from tests.collector.conftest import Running

HEADERS = {"Authorization": "Basic d3JpdGUta2V5LW9mLXRoZS13ZWI6"}
HALF = "\ud83d"


def track(**more: Any) -> dict[str, Any]:
    return {"type": "track", "event": "A", "userId": "u", **more}


REFUSED = [
    (track(messageId=f"m{HALF}"), "$.batch[1].messageId"),
    (track(userId=f"u{HALF}"), "$.batch[1].userId"),
    (track(anonymousId=HALF), "$.batch[1].anonymousId"),
    (track(context={"groupId": f"g{HALF}"}), "$.batch[1].context.groupId"),
    (track(properties={f"n{HALF}": 1}), "$.batch[1].properties.n\ufffd"),
    (track(properties={"a": [{f"n{HALF}": 1}]}), "$.batch[1].properties.a[0].n\ufffd"),
    (track(messageId="m\0"), "$.batch[1].messageId: has a NUL character"),
]


@pytest.mark.parametrize(("event", "place"), REFUSED)
async def test_an_id_or_a_key_that_would_become_another_is_refused(
    collector: Running, http: aiohttp.ClientSession, event: dict[str, Any], place: str
) -> None:
    """With its place; the events beside it arrive."""
    body = json.dumps({"batch": [track(messageId="m1"), event, track(messageId="m2")]})
    async with http.post(f"{collector.url}/v1/b", data=body, headers=HEADERS) as response:
        answer = await response.json()
    assert [kept["messageId"] for kept in collector.intake.events] == ["m1", "m2"]
    assert answer["rejected"][0]["reason"] == "bad_request"
    assert answer["rejected"][0]["message"].startswith(place)


async def test_keys_that_all_events_share_are_held_to_the_same(
    collector: Running, http: aiohttp.ClientSession
) -> None:
    """The whole batch is refused, with the place."""
    body = json.dumps({"batch": [track()], "context": {"groupId": HALF}})
    async with http.post(f"{collector.url}/v1/b", data=body, headers=HEADERS) as response:
        assert response.status == 400
        assert (await response.json())["message"].startswith("$.context.groupId: has half")


async def test_a_text_that_was_cut_in_two_arrives(
    collector: Running, http: aiohttp.ClientSession
) -> None:
    """A page's title is no id."""
    body = json.dumps(track(properties={"title": f"a {HALF}"}))
    async with http.post(f"{collector.url}/v1/t", data=body, headers=HEADERS) as response:
        assert response.status == 200
    assert collector.intake.events[0]["properties"] == {"title": "a \ufffd"}


@pytest.mark.parametrize("more", ["", r',"x":"\ud83d"'])
@pytest.mark.parametrize("sign", ["", "-"])
def test_integers_are_exact_up_to_a_bound_and_refused_above(sign: str, more: str) -> None:
    """Either way a text is parsed, and with a message that names the bound."""
    longest = sign + "9" * (_json.MAX_INTEGER_CHARS - 1)
    written = _json.dumps(_json.loads(f'{{"n":{longest}{more}}}'))
    assert written.startswith(b'{"n":%s' % longest.encode())
    with pytest.raises(ValueError, match="at most 4300 characters"):
        _json.loads(f'{{"n":{longest}99{more}}}')
