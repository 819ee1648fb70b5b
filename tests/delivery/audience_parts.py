"""A destination with audiences, whose partner keeps lists, and events of audiences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
from tests.plugins.small import catalog_of, declares

from offramp import (
    Action,
    Audience,
    AudienceDetails,
    Batch,
    Destination,
    OutgoingRequest,
    Request,
    Response,
    SyncMode,
    _json,
    field,
    path,
    setting,
)
from offramp.plugins import Catalog

URL = "https://lists.example"
LIST_SECRET = "s3cr3t-of-a-list"


@attrs.frozen
class Settings:
    token: str = setting(type="password", label="Token")


@attrs.frozen
class ListSettings:
    """What each of its audiences is set to."""

    kind: str = setting(key="listKind", label="Kind", choices=["email", "phone"], default="email")
    secret: str | None = setting(type="password", label="Secret")


@attrs.frozen
class Member:
    id: str = field(default=path("$.userId"))
    list: str | None = field(default=path("$.context.personas.external_audience_id"))


class Sync(Action[Settings, Member]):
    """Puts users into a list, or takes them out."""

    slug = "sync"
    title = "Sync"
    batch = Batch(max_events=100)
    sync_mode = SyncMode(
        default="upsert", label="How", description="", choices=(("upsert", "Upsert"),)
    )

    async def perform_batch(self, request: Request[Settings], payloads: Sequence[Member]) -> None:
        audience = request.audience
        members = zip(payloads, request.audience_memberships, strict=True)
        body = {
            "list": None if audience is None else audience.external_id,
            "name": None if audience is None else audience.name,
            "kind": audience.settings.kind if audience and audience.settings else None,
            "ids": [payload.id for payload in payloads],
            "lists": [payload.list for payload in payloads],
            "members": [member for _, member in members],
        }
        await request.post(f"{URL}/members", json=body)


async def create_list(request: Request[Settings], audience: AudienceDetails) -> str:
    """Make a list at the partner."""
    body = {"name": audience.name, "key": audience.key, "kind": audience.settings.kind}
    answer = await request.post(f"{URL}/lists", json=body)
    return str(answer.json()["id"])


async def get_list(request: Request[Settings], audience: AudienceDetails) -> str:
    """Ask the partner for a list."""
    answer = await request.get(f"{URL}/lists/{audience.external_id}")
    return str(answer.json()["id"])


lists = Destination(
    slug="lists",
    name="Lists (Actions)",
    settings=Settings,
    actions=[Sync],
    audience=Audience(fields=ListSettings, create=create_list, get=get_list),
)


def lists_catalog() -> Catalog:
    """A catalog with this destination alone."""
    return catalog_of(declares("lists", lists))


@attrs.define
class ListPartner:
    """Keeps the lists that it makes and the bodies that it gets, unless it `fails`."""

    bodies: list[dict[str, Any]] = attrs.field(factory=list)
    made: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    #: The status of the next answers, or what is raised in their place after the list is made.
    fails: int | BaseException | None = None

    async def __call__(self, outgoing: OutgoingRequest) -> Response:
        path = outgoing.url.removeprefix(URL)
        if isinstance(self.fails, int):
            return self._answer(outgoing, self.fails, {"error": "refused"})
        if path == "/lists":
            number = f"L{len(self.made) + 1}"
            self.made[number] = _json.loads(outgoing.body or b"{}")
            if self.fails is not None:
                raise self.fails
            return self._answer(outgoing, 201, {"id": number})
        if path.startswith("/lists/"):
            number = path.removeprefix("/lists/")
            return self._answer(outgoing, 200 if number in self.made else 404, {"id": number})
        self.bodies.append(_json.loads(outgoing.body or b"{}"))
        return self._answer(outgoing, 200, {})

    def _answer(self, outgoing: OutgoingRequest, status: int, body: Any) -> Response:
        return Response(status=status, headers={}, body=_json.dumps(body), url=outgoing.url)


def member_event(user: str, key: str | None = "vip", **more: Any) -> dict[str, Any]:
    """An identify that puts a user into the audience with this key; `more` is of its personas."""
    personas = {**({} if key is None else {"computation_key": key}), **more}
    return {
        "type": "identify",
        "messageId": user,
        "userId": user,
        "traits": {} if key is None else {key: True},
        "context": {"personas": personas},
    }
