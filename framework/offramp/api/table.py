"""Every operation of the control API in one table, and the routes that serve them."""

from __future__ import annotations

from aiohttp import web

from offramp.api.access import Guard, Token
from offramp.api.catalog import CatalogDoor
from offramp.api.deliveries import DeliveriesDoor
from offramp.api.documents import DocumentsDoor
from offramp.api.events import EventsDoor
from offramp.api.explaining import ExplainDoor
from offramp.api.figures import FiguresDoor
from offramp.api.identity import Identity
from offramp.api.instances import InstancesDoor
from offramp.api.logins import RefusedLogins
from offramp.api.openapi import OpenApiDoor
from offramp.api.operations import Operation
from offramp.api.parts import Parts
from offramp.api.plugin_routes import plugin_routes
from offramp.api.replays import ReplaysDoor
from offramp.api.serving import routes
from offramp.api.sources import SourcesDoor
from offramp.api.status import StatusDoor
from offramp.api.subscriptions import SubscriptionsDoor
from offramp.api.triggers import TriggersDoor


def operations_of(parts: Parts) -> tuple[Operation, ...]:
    """All operations, the API's description last."""
    doors = (
        StatusDoor,
        EventsDoor,
        CatalogDoor,
        SourcesDoor,
        InstancesDoor,
        SubscriptionsDoor,
        TriggersDoor,
        ExplainDoor,
        DeliveriesDoor,
        FiguresDoor,
        ReplaysDoor,
        DocumentsDoor,
    )
    found = [each for door in doors for each in door(parts).operations()]
    return (*found, *OpenApiDoor(found).operations())


def control_routes(
    parts: Parts,
    *,
    token: Token,
    public_url: str | None = None,
    logins: RefusedLogins | None = None,
    identity: Identity | None = None,
) -> list[web.RouteDef]:
    """The routes of the control API and of plugins, behind the token; before it, the identity.

    Raises `PluginError` where routes of plugins clash.
    """
    guard = Guard(token=token, public_url=public_url, logins=logins or RefusedLogins())
    return [
        *([] if identity is None else identity.routes()),
        *routes(operations_of(parts), guard),
        *plugin_routes(parts.catalog.plugins, guard),
    ]
