"""What the page about requests shows does what it says, against a scripted partner."""

from __future__ import annotations

import hashlib
import hmac
import re
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
from tests.docs.pages import blocks, read_page

from offramp import (
    Action,
    Destination,
    OutgoingRequest,
    Request,
    Response,
    field,
    path,
    setting,
    wire,
)
from offramp.http import Client
from offramp.testing import MakeIntegration, Partner, create_test_event

URL = "https://api.example.com/imports"


def example(name: str) -> Any:
    """The function of this name in one of the page's examples."""
    [code] = [each for each in blocks(read_page("reference/requests.md"), "python") if name in each]
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - our own page
    return names[name]


@attrs.frozen
class Empty:
    """No settings and no fields."""


@pytest.mark.parametrize(("headers", "wait"), [({"Retry-After": "7"}, 7.0), ({}, None)])
async def test_an_action_reads_retry_after(
    integration: MakeIntegration, partner: Partner, headers: dict[str, str], wait: float | None
) -> None:
    """The error has the seconds for which the partner asked, or none."""
    start_import = example("start_import")
    raised: list[Any] = []

    class Import(Action[Empty, Empty]):
        slug, title = "import", "Import"

        async def perform(self, request: Any, payload: Empty) -> None:
            try:
                await start_import(request, [])
            except Exception as error:
                raised.append(error)
                raise

    partner.post(URL, payload={"state": "busy"}, headers=headers)
    made = Destination(slug="imports", name="Imports", settings=Empty, actions=[Import])
    run = await integration(made).test_action("import")
    assert run.outcome == "retrying"
    assert [each.retry_after for each in raised] == [wait]


async def test_a_destination_signs_every_request(
    integration: MakeIntegration, partner: Partner
) -> None:
    """The signature is that of the body, by the secret in the settings; the payload is known."""

    @attrs.frozen
    class Settings:
        signing_secret: str = setting(key="signingSecret", type="password")

    @attrs.frozen
    class Order:
        id: str = field(default=path("$.messageId"))

    class Post(Action[Settings, Order]):
        slug, title = "post", "Post"

        async def perform(self, request: Request[Settings], payload: Order) -> None:
            await request.post(URL, json=wire(payload))

    partner.post(URL)
    made = Destination(
        slug="orders",
        name="Orders",
        settings=Settings,
        actions=[Post],
        extend_request=example("sign"),
    )
    sut = integration(made, settings={"signingSecret": "s3cr3t"})
    (await sut.test_action("post", event=create_test_event(messageId="m1"))).assert_delivered()
    sent = partner.request
    digest = hmac.new(b"s3cr3t", b'{"id":"m1"}', hashlib.sha256).hexdigest()
    assert (sent.headers["X-Signature"], sent.headers["X-Ids"]) == (digest, "m1")


@pytest.mark.parametrize(
    ("mode", "region", "places"),
    [("add", "us", ["$.email"]), ("update", "eu", ["$.consent"]), ("update", "us", [])],
)
def test_validate_looks_at_settings_and_sync_mode(
    mode: str, region: str, places: list[str]
) -> None:
    """The same payload is refused or not, as the page says."""
    payload = SimpleNamespace(email=None, consent=None)
    settings = SimpleNamespace(region=region)
    found = example("validate")(None, payload, now=None, settings=settings, sync_mode=mode)
    assert [fault.place for fault in found] == places


async def test_an_action_sends_a_form() -> None:
    """The body is what the comment beside it says."""
    seen: list[OutgoingRequest] = []

    async def handler(outgoing: OutgoingRequest) -> Response:
        seen.append(outgoing)
        return Response(status=200, headers={}, body=b"")

    payload = SimpleNamespace(email="ada@example.com")
    await example("subscribe")(Client(handler=handler, settings=None), payload)
    says = re.search(r"\)  # (email=.*)", read_page("reference/requests.md"))
    assert says is not None
    assert seen[0].body == says[1].encode()
