"""A test send really performs the action for one event, and leaves no trace but the audit log."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from tests.api.conftest import SECRET, SUBSCRIPTION, Running
from tests.delivery.parts import URL, Take, event

from offramp import InvalidAuthenticationError, RejectedError, Request
from offramp.delivery import once

CANDIDATE = {"instance": "small", "action": "take", "trigger": 'type = "page"'}


async def _send(host: Running, status: int = 200, **body: Any) -> Any:
    given = {"confirm": True, "event": event("m1", kind="k"), "subscription": SUBSCRIPTION}
    return await host.post("/api/test-sends", {**given, **body}, status=status)


async def test_an_event_is_sent_and_the_answer_is_shown(host: Running) -> None:
    """The exact request and its answer; the queue, the ledger and the counts know nothing of it."""
    answer = await _send(host)
    assert (answer["outcome"], answer["reason"], answer["matches"]) == ("delivered", "", True)
    assert answer["payload"] == {"id": "m1", "kind": "k"}
    exchange = answer["exchange"]
    assert (exchange["method"], exchange["url"], exchange["status"]) == ("POST", URL, 200)
    assert exchange["request_body"] == '["m1"]'
    assert host.partner.taken == ["m1"]
    assert (await host.ask("GET", "/api/events/m1")).status == 404
    [status] = (await host.get("/api/status"))["subscriptions"]
    assert (status["accepted"], status["delivered"]) == (0, 0)


async def test_it_is_in_the_audit_log_before_the_request_leaves(host: Running) -> None:
    """Who sent what with which token, also if the action then never comes back."""
    seen = []

    async def judge(request: Request[Any], payloads: Sequence[Any]) -> None:
        seen.extend((await host.get("/api/audit-log?limit=1"))["rows"])
        await request.post(URL, json=[payload.id for payload in payloads])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Take, "perform_batch", lambda _, *given: judge(*given))
        await _send(host)
    [entry] = seen
    assert (entry["kind"], entry["id"], entry["token"]) == ("test_send", SUBSCRIPTION, "default")
    assert entry["after"] == {
        "instance": "small", "action": "take", "message_id": "m1", "saved": True
    }  # fmt: skip


async def test_a_candidate_is_sent_whether_it_matches_or_not(host: Running) -> None:
    """With the mapping that is being edited, also while the instance is disabled."""
    await host.post("/api/instances/small/disable")
    candidate = {**CANDIDATE, "mapping": {"id": {"@template": "x-{{ messageId }}"}}}
    answer = await _send(host, subscription=None, candidate=candidate)
    assert (answer["outcome"], answer["matches"]) == ("delivered", False)
    assert host.partner.taken == ["x-m1"]
    assert len((await host.get("/api/subscriptions"))["subscriptions"]) == 1


async def _slow(request: Request[Any], payloads: Any) -> None:
    await asyncio.sleep(60)


async def _refused(request: Request[Any], payloads: Any) -> None:
    raise InvalidAuthenticationError(f"no such token {SECRET}")


async def _rejects(request: Request[Any], payloads: Any) -> None:
    raise RejectedError(f"not with {SECRET}", code="NO", status=409)


async def _breaks(request: Request[Any], payloads: Any) -> None:
    raise ZeroDivisionError(SECRET)


@pytest.mark.parametrize(
    ("perform", "outcome", "reason"),
    [
        (_slow, "retrying", "408"),
        (_refused, "held", "401"),
        (_rejects, "rejected", "NO"),
        (_breaks, "retrying", "INTERNAL"),
    ],
)
async def test_every_failure_is_an_outcome(
    host: Running, monkeypatch: pytest.MonkeyPatch, perform: Any, outcome: str, reason: str
) -> None:
    """Whatever the plugin does, there is an answer in bounded time, and no secret in it."""
    monkeypatch.setattr(Take, "perform_batch", lambda _, *given: perform(*given))
    monkeypatch.setattr(once, "LONGEST_SEND_SECONDS", 0.1)
    answer = await _send(host)
    assert answer["outcome"] == outcome
    assert reason in (answer["reason"], str(answer["status"]))
    assert SECRET not in str(answer)
    assert host.context.engine.snapshot.runtimes["small"].gate.held is None


async def test_an_answer_of_the_partner_is_shown_though_it_refuses(host: Running) -> None:
    """The status that it answered, with the outcome that a delivery would have."""
    answer = await _send(host, event=event("bad-1"))
    assert (answer["outcome"], answer["status"]) == ("rejected", 422)
    assert answer["exchange"]["status"] == 422


async def test_an_event_that_becomes_no_payload_is_not_sent(host: Running) -> None:
    """No request, and the reason."""
    candidate = {**CANDIDATE, "mapping": {"id": {"@path": "$.nothing"}}}
    answer = await _send(host, subscription=None, candidate=candidate)
    assert (answer["outcome"], answer["exchange"]) == ("unsent", None)
    assert "required" in answer["message"]
    assert host.partner.requests == []


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"confirm": False}, 422, "#/confirm"),
        ({"event": None}, 422, "#/event"),
        ({"subscription": "nobody"}, 404, None),
        ({"subscription": None}, 422, "#/subscription"),
        ({"subscription": None, "candidate": {**CANDIDATE, "mapping": {"id": ""}}}, 422,
         "#/mapping/id"),
    ],
)  # fmt: skip
async def test_what_cannot_be_sent_is_refused(
    host: Running, body: Any, status: int, pointer: str | None
) -> None:
    """Nothing leaves, and the audit log has nothing."""
    answer = await _send(host, status=status, **body)
    assert [each.get("pointer") for each in answer["errors"]] == ([pointer] if pointer else [])
    assert host.partner.requests == []
    entries = (await host.get("/api/audit-log"))["rows"]
    assert {entry["kind"] for entry in entries}.isdisjoint({"test_send"})


async def test_an_instance_that_cannot_start_sends_nothing(incomplete: Running) -> None:
    """The settings are incomplete: the reason, as a conflict."""
    answer = await _send(incomplete, status=409)
    assert "settings.token" in answer["detail"]
