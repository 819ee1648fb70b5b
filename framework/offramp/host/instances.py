"""Starts an instance as a host runs it: settings, connections, middleware, and its sandbox."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import attrs

from offramp.config import (
    EgressSettings,
    GrantStore,
    HostSettings,
    Instance,
    References,
    in_sandbox,
    resolve,
    resolve_oauth,
    resolve_settings,
)
from offramp.definition import AuthTokens
from offramp.delivery import InstanceRuntime, Sandboxes, StartInstance, make_audiences, make_runtime
from offramp.errors import ConfigError, Fault, join_place
from offramp.http import (
    LOOPBACK,
    Egress,
    Outbound,
    Proxies,
    make_tls,
    open_transport,
    proxy_fault,
)
from offramp.plugins import Catalog, CatalogEntry

#: Where the requests of an instance that uses a sandbox go.
SANDBOX: Final = Outbound(egress=Egress(allow=LOOPBACK))

#: What an instance that uses a sandbox authenticates with, in the place of a grant.
SANDBOX_TOKENS: Final = AuthTokens(access_token="sandbox-access-token")  # noqa: S106 - no secret


def outbound_of(settings: EgressSettings) -> Outbound:
    """How requests leave by `[host.egress]`: its references followed, its files read.

    Raises `ConfigError` with the place of each that does not fit.
    """
    place = "host.egress"
    try:
        tls = None if settings.ca_file is None else make_tls(ca_file=settings.ca_file)
    except OSError as error:
        message = f"{settings.ca_file} cannot be used: {error.strerror or error}"
        raise ConfigError([Fault(f"{place}.ca_file", message)]) from None
    return Outbound(egress=settings.rule, proxies=_proxies(settings, f"{place}.proxy"), tls=tls)


def outbound_of_instance(settings: EgressSettings, outbound: Outbound, name: str) -> Outbound:
    """How the requests of one instance leave: with its client certificate, if it has one.

    Raises `ConfigError` if that cannot be used.
    """
    file = settings.client_certificates.get(name)
    if file is None:
        return outbound
    try:
        tls = make_tls(ca_file=settings.ca_file, client_certificate=Path(file))
    except OSError as error:
        place = join_place("host.egress.client_certificates", name)
        wanted = "a PEM file with a certificate and its private key, which is not encrypted"
        message = f"{file} cannot be used: {error.strerror or error}: give {wanted}"
        raise ConfigError([Fault(place, message)]) from None
    return attrs.evolve(outbound, tls=tls)


def _proxies(settings: EgressSettings, place: str) -> Proxies:
    if settings.proxy is not None:
        url = resolve(settings.proxy, place)
        if fault := proxy_fault(url):
            raise ConfigError([Fault(place, fault)])
        return Proxies.single(url, settings.no_proxy)
    if not settings.proxy_from_environment:
        return Proxies()
    try:
        return Proxies.from_environment()
    except ValueError as error:
        raise ConfigError([Fault(place, f"the variable {error}")]) from None


def start_instances(  # noqa: PLR0913 - what an instance is started with
    catalog: Catalog,
    references: References,
    sandboxes: Sandboxes,
    settings: HostSettings,
    *,
    grants: GrantStore | None = None,
    clock: Callable[[], float] = time.time,
) -> StartInstance:
    """Make the function that starts an instance: settings, connections, middleware.

    Requests obey `[host.egress]`; those to a sandbox go to this machine alone, with tokens of its
    own. Others authenticate with what is in `grants`.
    """
    outbound = outbound_of(settings.egress_settings)

    def start(instance: Instance, entry: CatalogEntry) -> InstanceRuntime:
        catalog.plugins.refuse_unstarted(entry.plugins)
        middleware = [*catalog.plugins.middleware(entry.destination)]
        if instance.sandbox:
            middleware.append(sandboxes.redirect(entry.slug))  # innermost: nothing else sends
        used = in_sandbox(instance, entry.destination)
        resolved = resolve_settings(used, entry.settings, references)
        transport, close = open_transport(
            SANDBOX
            if instance.sandbox
            else outbound_of_instance(settings.egress_settings, outbound, instance.name)
        )
        return make_runtime(
            instance,
            entry,
            resolved,
            transport=transport,
            middleware=middleware,
            close=close,
            clock=clock,
            max_retry_after=settings.max_retry_after,
            secrets=catalog.plugins.secrets,
            audiences=make_audiences(instance, entry, references),
            app=resolve_oauth(used, references),
            grants=None if instance.sandbox else grants,
            auth=SANDBOX_TOKENS if instance.sandbox and entry.destination.needs_grant else None,
        )

    return start
