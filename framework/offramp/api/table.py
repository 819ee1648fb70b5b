"""Lists all operations of the control API, and makes their routes."""

from __future__ import annotations

from aiohttp import web

from offramp.api.access import Guard
from offramp.api.audiences import AudiencesResource
from offramp.api.backups import BackupsResource
from offramp.api.catalog import CatalogResource
from offramp.api.damaged_events import DamagedEventsResource
from offramp.api.delete_requests import DeleteRequestsResource
from offramp.api.deliveries import DeliveriesResource
from offramp.api.documents import DocumentsResource
from offramp.api.dynamic_choices import DynamicChoicesResource
from offramp.api.events import EventsResource
from offramp.api.explaining import ExplainResource
from offramp.api.grants import GrantsResource
from offramp.api.host_context import HostContext
from offramp.api.identity import Identity
from offramp.api.instances import InstancesResource
from offramp.api.oauth_callback import callback_routes
from offramp.api.openapi import OpenApiResource
from offramp.api.operations import Operation
from offramp.api.plugin_routes import plugin_routes
from offramp.api.recent_events import RecentEventsResource
from offramp.api.reloading import ReloadResource
from offramp.api.replays import ReplaysResource
from offramp.api.restored import RestoredResource
from offramp.api.sandboxes import SandboxesResource
from offramp.api.sealing_keys import SealingKeysResource
from offramp.api.sending import SendingResource
from offramp.api.serving import routes
from offramp.api.session_resource import SessionsResource
from offramp.api.snippets import SnippetsResource
from offramp.api.source_keys import SourceKeysResource
from offramp.api.sources import SourcesResource
from offramp.api.stats import StatsResource
from offramp.api.status import StatusResource
from offramp.api.subscriptions import SubscriptionsResource
from offramp.api.token_resource import TokensResource
from offramp.api.trial_events import TrialEventsResource
from offramp.api.triggers import TriggersResource


def operations_of(host: HostContext) -> tuple[Operation, ...]:
    """List all operations; the description of the API is the last."""
    resources = (
        StatusResource,
        EventsResource,
        CatalogResource,
        SandboxesResource,
        SourcesResource,
        SourceKeysResource,
        TrialEventsResource,
        DeleteRequestsResource,
        SnippetsResource,
        InstancesResource,
        AudiencesResource,
        GrantsResource,
        SubscriptionsResource,
        TriggersResource,
        RecentEventsResource,
        ExplainResource,
        DynamicChoicesResource,
        SendingResource,
        DeliveriesResource,
        StatsResource,
        ReplaysResource,
        BackupsResource,
        RestoredResource,
        DamagedEventsResource,
        SealingKeysResource,
        DocumentsResource,
        ReloadResource,
        TokensResource,
        SessionsResource,
    )
    found = [each for resource in resources for each in resource(host).operations()]
    return (*found, *OpenApiResource(found).operations())


def control_routes(host: HostContext, *, identity: Identity | None = None) -> list[web.RouteDef]:
    """Make the routes of the control API and of plugins.

    Raises `PluginError` if routes of plugins clash.
    """
    guard = Guard(
        tokens=host.tokens,
        sessions=host.sessions,
        public_url=host.public_url,
        logins=host.logins,
    )
    return [
        *([] if identity is None else identity.routes()),
        *callback_routes(host),
        *routes(operations_of(host), guard),
        *plugin_routes(host.catalog.plugins, guard),
    ]
