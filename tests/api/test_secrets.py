"""Planted secrets are looked for in everything that the host says."""

from __future__ import annotations

import asyncio
import logging
from itertools import count
from typing import Any

import pytest
from tests.api.conftest import SECRET, SUBSCRIPTION, TOKEN, WRITE_KEY, WRITTEN, Running
from tests.api.parts import CALLS, ID, prepared

from offramp.config import ConfigStore, KeyRing, load_key_ring

PLANTED = (SECRET, WRITE_KEY, TOKEN)


async def test_no_answer_and_no_log_holds_a_secret(
    host: Running, caplog: pytest.LogCaptureFixture
) -> None:
    """Every operation called, good and bad, with the secrets in place and in what fails."""
    caplog.set_level(logging.DEBUG)
    host.partner.judge = lambda _: 401
    await prepared(host)
    for method, path, more, body in CALLS:
        filled = path.replace("{id}", more).replace("{name}", more).replace("{slug}", more)
        filled = filled.replace("{message_id}", more)
        await host.ask(method, filled if "{" in path else path + more, body)
    bad: list[tuple[str, str, Any]] = [
        ("PATCH", "/api/instances/small", {"settings": {"token": [SECRET]}}),
        ("PATCH", "/api/instances/small", {"settings": {"token": SECRET, "x": SECRET}}),
        ("POST", "/api/sources", {"name": "other", "write_key": WRITE_KEY}),
        ("POST", "/api/config", {"sources": {"site": {"write_key": [WRITE_KEY]}}}),
        ("POST", "/api/config?dry_run=true", WRITTEN),
        ("GET", f"/api/deliveries?subscription={ID}", None),
        (
            "POST",
            "/api/explain",
            {"event": {"event": "x", "userId": "u"}, "subscription": SUBSCRIPTION},
        ),
    ]
    for method, path, body in bad:
        await host.ask(method, path, body)
    assert len(host.heard) > len(CALLS)
    said = [*(heard.text for heard in host.heard), caplog.text, repr(host.context)]
    said += [str(heard.headers) for heard in host.heard]
    for text in said:
        for secret in PLANTED:
            assert secret not in text, text


async def test_keys_are_rotated_one_after_another(
    host: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked for at the same time, none drops a key that another seals with."""
    configs, rotate = host.context.configs, ConfigStore.rotate
    begun = count()

    async def rotate_slowly(self: ConfigStore, keys: KeyRing) -> int:
        await asyncio.sleep(next(begun) / 10)
        return await rotate(self, keys)

    monkeypatch.setattr(ConfigStore, "rotate", rotate_slowly)
    body = {"drop_old_keys": True}
    asked = [host.ask("POST", "/api/sealing-keys/rotate", body) for _ in range(3)]
    for done in asyncio.as_completed(asked):
        assert (await done).status == 200
        ring = load_key_ring(host.context.folder, environ={})
        assert await configs.sealing_keys() <= set(ring.ids)
