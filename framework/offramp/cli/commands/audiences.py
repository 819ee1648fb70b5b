"""`offramp audiences`: the audiences of an instance, here and at the partner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from cyclopts import Parameter

from offramp import _json
from offramp.cli.client import API_DEFAULTS, Api, ApiOptions, open_api
from offramp.cli.context import Context
from offramp.cli.events import write_line
from offramp.cli.render.tables import render_audiences
from offramp.errors import OfframpError

Action: TypeAlias = Literal["list", "add", "create", "get", "adopt", "delete"]


async def audiences(  # noqa: PLR0913 - an option each
    context: Context,
    action: Action,
    instance: str,
    key: str | None = None,
    external_id: str | None = None,
    *,
    name: Annotated[str | None, Parameter(help="With `add`: its name for people.")] = None,
    settings: Annotated[
        str | None, Parameter(help="With `add`: its settings, as a JSON object.")
    ] = None,
    again: Annotated[
        bool, Parameter(negative=(), help="With `create`: also if the partner may have it.")
    ] = False,
    check: Annotated[
        bool, Parameter(help="With `adopt`: ask the partner for the id first.")
    ] = True,
    host: ApiOptions = API_DEFAULTS,
) -> None:
    """List the audiences of an instance, or add, create, get, adopt or delete one.

    Parameters
    ----------
    action
        `add` and `delete` change the configuration alone; `create` and `get` ask the partner.
    instance
        The name of an instance.
    key
        What events name the audience by: their `context.personas.computation_key`.
    external_id
        With `adopt`: the partner's id of an audience that it has already.
    """
    async with open_api(host) as api:
        if action == "list":
            rows = (await api.get("instances", instance, "audiences"))["audiences"]
            context.show(rows, lambda: render_audiences(rows), as_json=host.json)
            return
        if key is None:
            raise OfframpError(f"name the audience: `offramp audiences {action} {instance} KEY`")
        one = ("instances", instance, "audiences", key)
        match action:
            case "add":
                body = _body(key, name, settings)
                done = await api.post("instances", instance, "audiences", body=body)
            case "create":
                done = await api.post(*one, "create", again=again)
            case "get":
                done = await api.post(*one, "get")
            case "adopt":
                done = await _adopt(api, one, external_id, check=check)
            case "delete":
                done = await api.delete(*one)
    if host.json:
        write_line(done)
    else:
        context.out.print(_said(action, key, done), markup=False, soft_wrap=True)
    if done.get("result", "found") != "found":
        raise OfframpError(done["message"])


def _body(key: str, name: str | None, settings: str | None) -> dict[str, Any]:
    body: dict[str, Any] = {"key": key}
    if name is not None:
        body["name"] = name
    if settings is not None:
        try:
            body["settings"] = _json.loads(settings)
        except ValueError as error:
            raise OfframpError(f"--settings: {error}") from None
    return body


async def _adopt(api: Api, one: tuple[str, ...], external_id: str | None, *, check: bool) -> Any:
    if external_id is None:
        raise OfframpError("give the partner's id: `offramp audiences adopt INSTANCE KEY ID`")
    return await api.post(*one, "adopt", body={"external_id": external_id, "check": check})


def _said(action: Action, key: str, done: Mapping[str, Any]) -> str:
    match action:
        case "get":
            return f"{key}: {done['external_id'] or done['result']}"
        case "delete":
            return f"deleted here: {key}; the partner keeps it"
    audience = done["audience"]
    known = audience["external_id"] or audience["remedy"] or "it is not created at the partner"
    return f"{key}: {known}"
