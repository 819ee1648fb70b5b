"""A running instance, and the one way in which plugin code is called and awaited."""

from __future__ import annotations

import inspect
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, TypeVar

import attrs

from offramp.config import (
    MAX_RETRY_AFTER_SECONDS,
    Instance,
    OAuthApp,
    References,
    in_sandbox,
    referenced_values,
    resolve_oauth,
    resolve_settings,
)
from offramp.definition import (
    AuthTokens,
    Handler,
    Middleware,
    OutgoingRequest,
    RequestOptions,
    Response,
)
from offramp.definition.awaited import awaited
from offramp.delivery.audiences import Audiences
from offramp.delivery.failures import (
    MiddlewareFailedError,
    PluginCode,
    PluginFailedError,
    PluginFaults,
    as_delivery_error,
    plugin_failure,
)
from offramp.delivery.grant_keeper import GrantKeeper, Grants, MemoryGrants
from offramp.delivery.limits import Gate
from offramp.delivery.plan import Plan
from offramp.delivery.settings import check_settings, of_settings, secrets_of
from offramp.delivery.token_requests import NoTokenError
from offramp.delivery.token_sources import can_refresh, refreshed_tokens
from offramp.errors import ConfigError, DeliveryError, PayloadError
from offramp.http import Client, Mask, MemoryCache, compose, make_mask
from offramp.payload import structurer
from offramp.place import exception_text, leaves_of
from offramp.plugins import CatalogEntry

T = TypeVar("T")

UNAUTHORIZED: Final = 401


async def _nothing_to_close() -> None:
    """The transport of a test or an explanation holds no connection."""


@attrs.define(kw_only=True, eq=False)
class InstanceRuntime:
    """What all deliveries of one instance share; instances share nothing with each other."""

    instance: Instance
    entry: CatalogEntry
    #: Wire name -> checked value, with secrets in clear text.
    settings: Mapping[str, Any] = attrs.field(repr=False)
    #: Sends the requests.
    transport: Handler = attrs.field(repr=False)
    middleware: Sequence[Middleware] = ()
    close: Callable[[], Awaitable[None]] = attrs.field(default=_nothing_to_close, repr=False)
    mask: Mask = attrs.field(repr=False)
    gate: Gate
    #: Batches of all its subscriptions that are being delivered, without those that may be bad.
    batches: int = attrs.field(default=0, init=False)
    clock: Callable[[], float] = time.time
    #: The audiences of the instance; `None` if its destination has none.
    audiences: Audiences | None = attrs.field(default=None, repr=False)
    #: The app that is registered at a partner with OAuth 2.
    app: OAuthApp = attrs.field(factory=OAuthApp, repr=False)
    #: Where the tokens of OAuth 2 are kept.
    grants: Grants = attrs.field(repr=False)
    #: Whether nothing is sent while there are none.
    needs_grant: bool = False
    keeper: GrantKeeper = attrs.field(init=False, repr=False)
    #: What the plugin keeps between calls; new settings make a new runtime, with an empty one.
    cache: MemoryCache = attrs.field(init=False, repr=False)
    faults: PluginFaults = attrs.field(factory=PluginFaults, init=False, repr=False)
    handler: Handler = attrs.field(init=False, repr=False)
    #: Masks only the settings, without short-lived tokens.
    _mask_settings: Mask = attrs.field(init=False, repr=False)
    #: The tokens that are masked, besides those before them.
    _masked: AuthTokens | None = attrs.field(default=None, init=False, repr=False)
    _typed: dict[type[Any], Any] = attrs.field(factory=dict, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self.cache = MemoryCache(self.clock)
        self.handler = self.around(self.transport)
        self._mask_settings = self.mask
        self.keeper = GrantKeeper(
            instance=self.instance.name,
            destination=self.entry.slug,
            grants=self.grants,
            required=self.needs_grant,
            clock=self.clock,
            obtain=partial(refreshed_tokens, self),
            can_refresh=partial(can_refresh, self),
            mask=self.masked,
        )
        self.close = partial(_close_after, self.keeper, self.close)
        if self.needs_grant:
            self.gate.wait_for(self.keeper.hold)
        self.mask_tokens()

    def is_outdated(self, references: References) -> bool:
        """Whether a reference in the settings cannot be followed, or stands for something else."""
        fields = self.entry.settings
        instance = in_sandbox(self.instance, self.entry.destination)
        try:
            read = resolve_settings(instance, fields, references)
            if self.audiences is not None and self.audiences.is_outdated(references):
                return True
            if resolve_oauth(instance, references) != self.app:
                return True
            if not referenced_values(instance.settings, read):
                return False
            return check_settings(self.instance, fields, read) != self.settings
        except ConfigError:
            return True

    def around(self, transport: Handler) -> Handler:
        """Wrap a transport in the instance's middleware."""
        return compose([_attributed(layer) for layer in self.middleware], transport)

    def client(
        self,
        plan: Plan | None = None,
        read_events: Callable[[], Sequence[dict[str, Any]]] = tuple,
        *,
        handler: Handler | None = None,
        explaining: bool = False,
    ) -> Client[Any]:
        """Make a client for one call of an action, or of the destination itself."""
        audiences = None if plan is None else plan.audiences
        self.mask_tokens()
        settings = self.typed_settings(self.entry.destination.settings)
        subscription = None if plan is None else plan.subscription.id
        known: dict[str, Any] = {"instance": self.instance.name, "subscription": subscription}
        return Client(
            **known,
            handler=handler or self.handler,
            settings=settings if plan is None else self.settings_of(plan),
            mask=self.mask,
            make_outgoing=partial(
                OutgoingRequest, **known, settings=settings, read_settings=self.typed_settings
            ),
            extend=self.options if self.entry.destination.extend_request else None,
            auth=self.auth,
            mapping={} if plan is None else plan.mapping,
            sync_mode=None if plan is None else plan.sync_mode,
            hook_outputs={} if plan is None else plan.subscription.hook_outputs,
            explaining=explaining,
            cache=self.cache.copy() if explaining else self.cache,
            read_events=read_events
            if audiences is None
            else lambda: [audiences.lay(event) for event in read_events()],
            read_audience=None if audiences is None else audiences.of,
            now=lambda: datetime.fromtimestamp(self.clock(), UTC),
        )

    def options(self, outgoing: OutgoingRequest) -> RequestOptions:
        """Return what the destination's `extend_request` adds to a request."""
        extend: Any = self.entry.destination.extend_request
        with _contained():
            options: object = extend(outgoing)
        if not isinstance(options, RequestOptions):
            if inspect.iscoroutine(options):
                options.close()  # otherwise Python warns that it was never awaited
            raise PluginFailedError(
                f"extend_request returned {type(options).__name__}, and not RequestOptions: "
                "return RequestOptions(headers={...})"
            )
        return options

    def settings_of(self, plan: Plan) -> Any:
        """The settings by the class that an action names, else by the destination's."""
        kind = plan.action.settings_type
        return self.typed_settings(self.entry.destination.settings if kind is dict else kind)

    def typed_settings(self, settings_type: type[Any]) -> Any:
        """Convert the settings to a class that declares some of them; raises `ConfigError`."""
        if settings_type not in self._typed:
            try:
                self._typed[settings_type] = structurer(settings_type)(dict(self.settings))
            except PayloadError as error:  # it would reject the payload, not the settings
                raise of_settings(self.instance, error, self.mask) from None
        return self._typed[settings_type]

    @property
    def auth(self) -> AuthTokens | None:
        """The present tokens of OAuth 2."""
        return self.keeper.tokens

    async def refresh(self, stale: AuthTokens | None) -> bool:
        """Get new OAuth 2 tokens, once for all callers with the stale ones; `False` if it cannot.

        See `GrantKeeper.refresh` for what it raises.
        """
        refreshed = await self.keeper.refresh(stale)
        self.mask_tokens()
        return refreshed

    def masked(self, text: str) -> str:
        """A text with the secrets masked that are known by then."""
        return self.mask(text)

    def mask_tokens(self) -> None:
        """Mask the present tokens and the previous ones from now on."""
        tokens = self.auth
        if tokens is self._masked:
            return
        both = [each for each in (self._masked, tokens) if each is not None]
        self._masked = tokens
        secrets = [(each.access_token, each.refresh_token or "") for each in both]
        mask, mask_tokens = (
            self._mask_settings,
            make_mask(each for pair in secrets for each in pair),
        )
        self.mask = lambda text: mask_tokens(mask(text))

    async def make_current(self, client: Client[Any]) -> None:
        """Refresh tokens that have expired before a call; raises `NoTokenError` without a grant."""
        hold = self.keeper.hold()
        if hold is not None:
            raise NoTokenError(f"{hold.message}; {hold.remedy}")
        if self.keeper.expired and await self.refresh(client.auth):
            self.renew(client)

    def renew(self, client: Client[Any]) -> None:
        """Have a call that is made again use the present tokens."""
        client.auth = self.auth
        client.mask = partial(_both, client.mask, self.mask)
        client.made.restart()

    async def perform(
        self,
        client: Client[Any],
        function: Callable[..., Awaitable[Any]],
        *given: Any,
        **named: Any,
    ) -> Any:
        """Call a function of the plugin with a client and the other arguments, and await it.

        After a 401 the tokens are refreshed, and the function is called once more.
        """
        call = partial(_finished, client, function, *given, **named)
        with _contained():
            await self.make_current(client)
            try:
                return await call()
            except DeliveryError as error:
                if error.status != UNAUTHORIZED or not await self.refresh(client.auth):
                    raise
            self.renew(client)
            return await call()


async def finished(
    client: Client[Any], function: Callable[..., Awaitable[T]], *given: Any, **named: Any
) -> T:
    """Call a function of a plugin with the client and the other arguments; return its result.

    Raises `PluginFailedError` if a request is still running: it is cancelled, as its result
    could not be recorded.
    """
    try:
        value = await awaited(function, client, *given, **named)
    except BaseException:
        await client.made.close()  # the error is more useful than the running requests
        raise
    left = await client.made.close()
    if left is not None:
        raise PluginFailedError(f"the plugin {left}")
    return value


async def _finished(client: Client[Any], *call: Any, **named: Any) -> Any:
    """Return the result of a function of the plugin; of an exception group, raise the gravest."""
    try:
        return await finished(client, *call, **named)
    except BaseExceptionGroup as group:
        gravest = as_delivery_error(group)
    raise gravest


def _attributed(layer: Middleware) -> Middleware:
    """Wrap middleware so that its own errors differ from those of the handlers it calls."""

    async def send(outgoing: OutgoingRequest, handler: Handler) -> Response:
        from_within: list[BaseException] = []

        async def within(outgoing: OutgoingRequest) -> Response:
            try:
                return await handler(outgoing)
            except BaseException as error:
                from_within.append(error)
                raise

        response: Response
        with PluginCode() as call:
            response = await awaited(layer, outgoing, within)
        if call.error is None:
            return response
        for each in leaves_of(call.error):
            if not isinstance(each, DeliveryError) and each not in from_within:
                raise MiddlewareFailedError(f"middleware raised {exception_text(each)}") from each
        raise call.error

    return send


@contextmanager
def _contained() -> Iterator[None]:
    """Wrap a plugin's code: an error such as `SystemExit` ends the call instead of the host."""
    with PluginCode() as call:
        yield
    if isinstance(call.error, Exception):
        raise call.error
    if call.error is not None:
        raise plugin_failure(call.error) from call.error


async def _close_after(keeper: GrantKeeper, close: Callable[[], Awaitable[None]]) -> None:
    await keeper.finish()
    await close()


def _both(one: Mask, other: Mask, text: str) -> str:
    return other(one(text))


def make_runtime(  # noqa: PLR0913 - an instance, and each part that tests replace
    instance: Instance,
    entry: CatalogEntry,
    settings: Mapping[str, Any],
    *,
    transport: Handler,
    middleware: Sequence[Middleware] = (),
    close: Callable[[], Awaitable[None]] = _nothing_to_close,
    clock: Callable[[], float] = time.time,
    max_retry_after: float = MAX_RETRY_AFTER_SECONDS,
    secrets: Iterable[str] = (),
    audiences: Audiences | None = None,
    app: OAuthApp | None = None,
    grants: Grants | None = None,
    auth: AuthTokens | None = None,
) -> InstanceRuntime:
    """Start an instance with resolved settings; raises `ConfigError` if they are not valid.

    `secrets`, those of plugins, are masked in addition to the secrets of the settings. The `app`
    has its references resolved. Without `grants`, tokens of OAuth 2 are kept in memory, where
    `auth` are the first.
    """
    checked = check_settings(instance, entry.settings, settings)
    # The value of a reference is a secret in every setting.
    read = referenced_values(instance.settings, settings)
    of_audiences = () if audiences is None else audiences.secrets
    app = OAuthApp() if app is None else app
    hidden = [*secrets_of(entry.settings, checked), *read, *of_audiences, *secrets]
    hidden.append(app.client_secret or "")
    runtime = InstanceRuntime(
        instance=instance,
        entry=entry,
        settings=checked,
        transport=transport,
        middleware=middleware,
        close=close,
        mask=make_mask(hidden),
        audiences=audiences,
        gate=Gate(
            now=time.monotonic,
            most=instance.max_concurrency,
            rate=instance.requests_per_second,
            max_retry_after=max_retry_after,
        ),
        clock=clock,
        app=app,
        grants=grants or MemoryGrants(instance.name, entry.slug, auth),
        needs_grant=grants is not None and entry.destination.needs_grant,
    )
    runtime.typed_settings(entry.destination.settings)
    return runtime
