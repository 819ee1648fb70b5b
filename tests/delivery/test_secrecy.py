"""Whatever a secret is, what is shown of a delivery stays sound, and does not tell it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.delivery.parts import Item, event
from tests.delivery.wild import SUBSCRIPTION, URL, config, deliveries_of, running, wild

from offramp import RejectedError
from offramp.delivery.secrecy import masked_json
from offramp.http import make_mask

#: Secret, JSON text, what is shown of it.
DOCUMENTS = [
    (
        "true",
        {"a": True, "b": "true", "c": [None, False]},
        {"a": True, "b": "***", "c": [None, False]},
    ),
    ("null", {"a": None, "b": "null"}, {"a": None, "b": "***"}),
    ("1234", {"a": 12345, "b": 1234, "c": "x1234"}, {"a": 12345, "b": "***", "c": "x***"}),
    ("n123", {"a": "line\n123"}, {"a": "line\n123"}),
    ("u00e9", {"a": "\u0001u00e9", "u00e9": 1}, {"a": "\u0001***", "***": 1}),
    ("b", {"a": "b", "b": "abc"}, {"a": "***", "b": "abc"}),
    ('"a":', {"a": 'say "a":'}, {"a": "say ***"}),
]


@pytest.mark.parametrize(("secret", "document", "shown"), DOCUMENTS)
def test_masked_json_is_json(secret: str, document: Any, shown: Any) -> None:
    """Its literals, numbers and escapes are none of a secret's business."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    assert json.loads(masked_json(text, make_mask([secret]))) == shown


@pytest.mark.parametrize("token", ["n123", "kind", "m1_1", "a", "MESSAGE_REJECTED"])
async def test_a_record_stays_readable(tmp_path: Path, token: str) -> None:
    """The reason and the names stay, and the payload is JSON, whatever the secret is."""

    async def perform(request: Any, payload: Item) -> None:
        await request.post(URL, json={"id": payload.id, "token": request.settings.token})
        raise RejectedError(f"no {payload.kind}")

    catalog = wild(perform=perform)
    async with running(tmp_path, catalog, token=token) as (engine, ledger):
        await engine.apply(config(catalog))
        await engine.accept("site", [event("m1", kind="line\n123")])
        [delivery] = await deliveries_of(ledger, "m1")
        explained = await engine.explain(SUBSCRIPTION, event("m1", kind="wild"))
    assert delivery.reason == "MESSAGE_REJECTED"
    assert delivery.payload is not None
    assert json.loads(delivery.payload)["id"] == "m1"
    assert delivery.exchange is not None
    assert json.loads(json.loads(delivery.exchange)["request_body"])["token"] == "***"
    assert (explained["subscription"], explained["action"]) == (SUBSCRIPTION, "wild")
    assert json.loads(explained["request"]["body"])["token"] == "***"
