"""Whatever is sent to whichever endpoint: a clear answer, and the good events arrive."""

from __future__ import annotations

import base64
import gzip
import json
from typing import TYPE_CHECKING, Any

import aiohttp
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from offramp.collector.routes import BATCH_ENDPOINTS, SINGLE_ENDPOINTS

if TYPE_CHECKING:
    from tests.collector.conftest import Running

KEY = "write-key-of-the-web"
BASIC = f"Basic {base64.b64encode(KEY.encode()).decode()}"
ENDPOINTS = [*SINGLE_ENDPOINTS, *BATCH_ENDPOINTS, "m"]
#: The fixtures are shared by all examples on purpose: the server must survive them all.
SHARED = settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
FIELDS = ["type", "event", "userId", "anonymousId", "groupId", "previousId", "messageId", "name"]
FIELDS += ["timestamp", "sentAt", "context", "integrations", "properties", "traits", "writeKey"]
FIELDS += ["batch", "category", "version", "receivedAt"]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()  # NaN and infinity among them, as Python's own json writes them
    | st.text(max_size=6)
    | st.sampled_from(["track", "identify", "2026-11-23T12:00:00Z", "\ud800", KEY])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=3), inner, max_size=6)
    ),
    max_leaves=15,
)
TEXTS = JSON.map(lambda value: json.dumps(value).encode())
BODIES = (
    st.binary(max_size=200)
    | TEXTS
    | TEXTS.map(gzip.compress)
    | st.builds(lambda text, cut: gzip.compress(text)[:cut], TEXTS, st.integers(0, 60))
    | st.builds(lambda text, cut: text[:cut], TEXTS, st.integers(0, 60))
    | TEXTS.map(lambda text: b"\xef\xbb\xbf" + text)
    | TEXTS.map(lambda text: text.decode().encode("utf-16"))
    | st.integers(1, 3000).map(lambda depth: b'{"batch":[' + b"[" * depth)
)
VALUES = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=20)
AUTHORIZATION = st.just(BASIC) | VALUES | VALUES.map(lambda value: f"Basic {value}")
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Authorization": AUTHORIZATION,
        "Content-Type": st.sampled_from(
            ["text/plain", "a/b; charset=utf-16", "a/b; charset=", "charset", "a/b;charset=zip"]
        )
        | VALUES,
        "Content-Encoding": st.sampled_from(["gzip", "br", "gzip, gzip", "GZIP", ""]) | VALUES,
        "Origin": VALUES,
        "X-Forwarded-For": VALUES,
        "X-Retry-Count": VALUES,
        "Host": st.sampled_from(["x", "[", "[::1]:8", "a b", "x:y"]),
    },
)


@example(endpoint="t", body=b'{"userId":"u","event":"A","writeKey":"\\ud800"}', headers={})
@example(endpoint="b", body=b'{"batch":[{"n":1e9999999999999999999999}]}', headers={})
@SHARED
@given(endpoint=st.sampled_from(ENDPOINTS), body=BODIES, headers=HEADERS)
async def test_any_request_has_a_clear_answer(
    collector: Running,
    http: aiohttp.ClientSession,
    endpoint: str,
    body: bytes,
    headers: dict[str, str],
) -> None:
    """Success, or a status from 400 to 429 with code and message; never 500, never a hang."""
    headers = {"Authorization": BASIC, **headers}
    url = f"{collector.url}/v1/{endpoint}"
    timeout = aiohttp.ClientTimeout(total=5)
    async with http.post(url, data=body, headers=headers, timeout=timeout) as response:
        answer = await response.json()
        assert response.status in (200, 400, 401, 415)
    assert answer["success"] is (response.status == 200)
    if response.status != 200:
        assert answer["code"]
        assert answer["message"]


BROKEN = [b"", b"NaN", b"[[", b"{", b'"\xff"', b'{"a":\xff}', b"[" * 3000 + b"]" * 3000]
FAULTY = st.builds(
    lambda field, value: json.dumps({field: value}).encode(), st.sampled_from(FIELDS), JSON
)
BAD = TEXTS | TEXTS.map(lambda text: text[:-1]) | st.sampled_from(BROKEN) | FAULTY


def paired(text: bytes) -> bool:
    """Whether the cutting of a broken body can tell where this text ends."""
    bare, quoted, escaped = [], False, False
    for sign in text.decode("latin-1"):
        if quoted:
            quoted = escaped or sign != '"'
            escaped = sign == "\\" and not escaped
        elif sign == '"':
            quoted = True
        else:
            bare.append(sign)
    depth = 0
    for sign in bare:
        depth += (sign in "[{") - (sign in "]}")
        if depth < 0:
            return False
    return depth == 0 and not quoted


@SHARED
@given(bad=st.lists(BAD.filter(paired), max_size=4), position=st.integers(0, 4))
async def test_good_events_beside_bad_ones_arrive(
    collector: Running, http: aiohttp.ClientSession, bad: list[bytes], position: int
) -> None:
    """Two good events among any others that can be told apart are accepted, each once."""
    collector.intake.bodies.clear()
    good = [_good("first"), _good("last")]
    texts = [good[0], *bad[:position], good[1], *bad[position:]]
    body = b'{"batch": [%s]}' % b", ".join(texts)
    url, headers = f"{collector.url}/v1/batch", {"Authorization": BASIC}
    async with http.post(url, data=body, headers=headers) as response:
        assert response.status == 200
        answer: dict[str, Any] = await response.json()
    accepted = [event["messageId"] for event in collector.intake.events]
    assert accepted.count("first") == accepted.count("last") == 1
    assert answer.get("accepted", len(accepted)) == len(accepted)


def _good(message_id: str) -> bytes:
    event = {"type": "track", "event": "\ud83d", "userId": "u", "messageId": message_id}
    return json.dumps(event).encode()
