"""A destination with dynamic fields and a save hook, and the partner that keeps its lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import attrs
from tests.plugins.small import catalog_of, declares

from offramp import (
    Action,
    Choice,
    ChoicesQuery,
    Destination,
    DynamicChoices,
    Field,
    OutgoingRequest,
    Request,
    RequestOptions,
    Response,
    SaveHook,
    _json,
    field,
    path,
    setting,
)
from offramp.plugins import Catalog

URL = "https://lists.example"
PAGE = 2


@attrs.frozen
class Settings:
    token: str = setting(type="password", label="Token")


@attrs.frozen
class Attribute:
    name: str = field(dynamic=True)
    value: str | None = field()


@attrs.frozen
class Member:
    id: str = field(default=path("$.messageId"))
    list_id: str | None = field(dynamic=True)
    folder: str | None = field()
    attributes: list[Attribute] | None = field()
    data: dict[str, Any] | None = field()


def _choices(found: Mapping[str, Any]) -> DynamicChoices:
    choices = [Choice(each["id"], each["name"], each.get("about")) for each in found["lists"]]
    return DynamicChoices(choices=choices, next_page=found.get("next"))


class AddMember(Action[Settings, Member]):
    """Adds members to a list."""

    slug, title = "addMember", "Add member"
    dynamic_fields: ClassVar = {
        "list_id": "lists",
        "attributes.name": "names",
        "data.__keys__": "names",
        "data.__values__": "names",
    }

    async def perform(self, request: Request[Settings], payload: Member) -> None:
        made = request.hook_outputs.get("onMappingSave", {})
        member = {"id": payload.id, "list": made.get("id", payload.list_id)}
        await request.post(f"{URL}/members", json={**member, "secret": made.get("secret")})

    async def lists(self, request: Request[Settings], query: ChoicesQuery) -> DynamicChoices:
        folder = query.payload.get("folder", "")
        params = {"page": query.page or "0", "folder": folder}
        return _choices((await request.get(f"{URL}/lists", params=params)).json())

    async def names(self, request: Request[Settings], query: ChoicesQuery) -> DynamicChoices:
        query_data = {"field": query.field, "index": query.index, "key": query.key}
        choices = [Choice(f"{name}={value}", name) for name, value in query_data.items()]
        await request.get(f"{URL}/names", params={"search": query.search})
        return DynamicChoices(choices=choices, searched=True)


async def folders(request: Request[Any], query: ChoicesQuery) -> DynamicChoices:
    """The folders of the partner, whose names begin with the list's."""
    await request.get(f"{URL}/folders")
    return DynamicChoices(choices=[Choice("f1", f"{query.inputs.get('name', '')}-folder")])


async def make_list(request: Request[Any], inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """Make a list, and then put it into its folder."""
    made = (await request.post(f"{URL}/lists", json=dict(inputs))).json()
    if "folder" in inputs:
        await request.put(f"{URL}/lists/{made['id']}/folder", json=inputs["folder"])
    return {"id": made["id"], "secret": "s3cr3t-of-the-list"}


AddMember.save_hooks = {
    "onMappingSave": SaveHook(
        label="Make a list",
        description="Makes a list at the partner.",
        inputs={
            "name": Field(label="Name", type="string", required=True),
            "folder": Field(label="Folder", type="string", dynamic=True),
            "code": Field(label="Code", type="password"),
        },
        outputs={
            "id": Field(label="ID", type="string"),
            "secret": Field(label="Secret", type="password"),
        },
        perform=make_list,
        dynamic_inputs={"folder": folders},
    )
}

destination = Destination(
    slug="lists",
    name="Lists",
    settings=Settings,
    actions=[AddMember],
    extend_request=lambda outgoing: RequestOptions(
        headers={"Authorization": f"Bearer {outgoing.settings.token}"}
    ),
)


def lists_catalog() -> Catalog:
    """What the destination declares."""
    return catalog_of(declares("lists", destination))


def lists_document(token: str, **changes: Any) -> dict[str, Any]:
    """A configuration with one instance of it and one subscription."""
    subscription = {"name": "one", "action": "addMember", "trigger": 'type = "track"'}
    instance = {
        "destination": "lists",
        "source": "site",
        "settings": {"token": token},
        "subscriptions": [subscription],
        **changes,
    }
    return {
        "sources": {"site": {"write_key": "wk-0123456789-of-the-site"}},
        "instances": {"lists": instance},
    }


@attrs.define
class Lists:
    """A transport that answers as the partner, which has three lists."""

    #: Status to answer with for a path, instead.
    statuses: dict[str, int] = attrs.field(factory=dict)
    requests: list[str] = attrs.field(factory=list)
    made: int = 0
    #: After this many lists, no more can be made.
    fails_after: int | None = None
    #: The members that were added.
    members: list[Any] = attrs.field(factory=list)

    async def __call__(self, outgoing: OutgoingRequest) -> Response:
        parts = urlsplit(outgoing.url)
        what = f"{outgoing.method} {parts.path}"
        self.requests.append(f"{what}?{parts.query}" if parts.query else what)
        status = self.statuses.get(what, 200)
        if what == "POST /lists" and self.made == self.fails_after:
            status = 500
        if what == "POST /members":
            self.members.append(_json.loads(outgoing.body or b""))
        data = self.answer(what, parse_qs(parts.query)) if status == 200 else {"why": "no"}
        return Response(status=status, headers={}, body=_json.dumps(data), url=outgoing.url)

    def answer(self, what: str, query: Mapping[str, list[str]]) -> Any:
        """What a request is answered with."""
        if what == "POST /lists":
            self.made += 1
            return {"id": f"list-{self.made}"}
        if what != "GET /lists":
            return {}
        page = int(query.get("page", ["0"])[0])
        lists = [{"id": f"l{n}", "name": f"List {n}", "about": "a list"} for n in range(3)]
        more = {"next": str(page + 1)} if (page + 1) * PAGE < len(lists) else {}
        return {"lists": lists[page * PAGE : (page + 1) * PAGE], **more}
