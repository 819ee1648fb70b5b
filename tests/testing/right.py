"""Destinations that are declared rightly, in ways that the suite once took for faults."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
from tests.testing.billing import Settings, billing
from tests.testing.broken import Plain, note, with_action

from offramp import Action, Batch, Destination, Request, array_path, field, path, setting
from offramp.testing import DestinationSuite, RecordedRequest

#: For tests that read events' own objects item by item.
ITEMS = array_path("$.properties", {"sku": path("$.product_id"), "price": path("$.price")})


@attrs.frozen
class Place:
    region: str = field(description="Which data centre.", default=path("$.context.region"))
    name: str = field(description="Whose.", default=path("$.userId"))


@attrs.frozen
class Located:
    place: Place = field(
        description="Where.", default={"region": path("$.context.region"), "name": path("$.userId")}
    )


class NestedKeys(Action[Settings, Located]):
    """Events share a request if a property of an object is the same."""

    slug, title, description = "sendPlace", "Send place", "Sends places."
    batch = Batch(max_events=10, keys=("place.region",))

    async def perform_batch(self, request: Request[Settings], payloads: Sequence[Located]) -> None:
        body = [{"region": each.place.region, "name": each.place.name} for each in payloads]
        await request.post(request.settings.url, json=body)


class OtherShapes(Plain):
    """The partner has an address for one event, and another one with another shape for many."""

    batch = Batch(max_events=10)

    async def perform(self, request: Request[Settings], payload: dict[str, Any]) -> None:
        await request.put(f"{request.settings.url}/usage", json={"usage": payload, "version": 2})

    async def perform_batch(
        self, request: Request[Settings], payloads: Sequence[dict[str, Any]]
    ) -> None:
        rows = [{"operation": "put", "value": each} for each in payloads]
        await request.post(f"{request.settings.url}/bulk", json={"job": {"rows": rows}})


@attrs.frozen
class SigningSettings:
    secret: str = setting(type="password", description="Signs what is sent.")
    url: str = setting(description="Where the API is.", format="uri")


class Signing(Action[SigningSettings, Place]):
    """Sends to an address that is a setting, and signs with a secret that it does not send."""

    slug, title, description = "sign", "Sign", "Signs."

    async def perform(self, request: Request[SigningSettings], payload: Place) -> None:
        body = {"name": payload.name, "signature": len(request.settings.secret)}
        await request.post(request.settings.url, json=body)


class TestNestedKeys(DestinationSuite):
    destination = attrs.evolve(billing, actions=[NestedKeys], presets=[])


class TestArrays(DestinationSuite):
    destination = note(type="object", multiple=True, default=ITEMS)


class TestShapes(DestinationSuite):
    destination = with_action(OtherShapes)

    def items(self, request: RecordedRequest) -> Sequence[Any]:
        body = request.json
        return [body["usage"]] if "usage" in body else [e["value"] for e in body["job"]["rows"]]


class TestSigning(DestinationSuite):
    destination = Destination(
        slug="signing", name="Signing", settings=SigningSettings, actions=[Signing]
    )
    untestable_credentials = "the secret only signs"
