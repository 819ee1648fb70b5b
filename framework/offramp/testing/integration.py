"""A destination under test: configured as an operator would, with a replaced partner."""
# ruff: noqa: PT028 - the methods test a destination; pytest does not collect them

from __future__ import annotations

import sysconfig
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import attrs

import offramp
from offramp.config import Instance, OAuthApp, References, Subscription, read_batch
from offramp.config.built_in import on_delete_subscription
from offramp.config.model import OUTPUTS
from offramp.definition import AuthTokens, Middleware
from offramp.definition.audience import CallPartner
from offramp.delivery import (
    FetchedChoices,
    InstanceRuntime,
    Plan,
    call_partner,
    check_settings,
    compile_subscription,
    dynamic_field,
    enter_lifespans,
    explain,
    fetch_choices,
    make_audiences,
    make_runtime,
    watch_loop,
)
from offramp.errors import ConfigError, Fault, NotFoundError, PluginError
from offramp.event import DELETE
from offramp.http import LOOPBACK, Egress, Mask, aiohttp_transport, open_session
from offramp.payload import structurer
from offramp.plugins import Catalog, CatalogEntry, pick
from offramp.testing.clock import FakeClock
from offramp.testing.events import create_test_event
from offramp.testing.exchanges import RecordedExchange, raise_test_faults, recording
from offramp.testing.flow import OpenGate, as_queued, deliver
from offramp.testing.recordings import Recording
from offramp.testing.runs import ActionRun, AuthenticationRun

Event = Mapping[str, Any]

#: The name of the instance and its source, which error messages show in places.
NAME: Final = "test"
#: Tests may send to servers on this machine.
EGRESS: Final = Egress(allow=LOOPBACK)
#: A call that blocks the event loop for this long, without awaiting anything, fails the test.
LONGEST_STEP_SECONDS: Final = 1.0
#: Folders of code that is neither the author's nor that of the author's tests.
_OTHERS: Final = tuple(
    Path(path)
    for path in (offramp.__path__[0], *map(sysconfig.get_path, ("stdlib", "purelib", "platlib")))
)
#: Matches every event, since `test_action` ignores triggers by default.
ANY_EVENT: Final = 'type != ""'


@attrs.define(kw_only=True, eq=False)
class TestIntegration:
    """One instance of a destination, run as in production except for the partner.

    Events take the production path: trigger, mapping, checks, `validate`, batches and their
    bisection, middleware, retry rules. Only the queue is left out, and nothing waits.
    """

    __test__ = False  # pytest collects classes named Test…

    catalog: Catalog = attrs.field(repr=False)
    entry: CatalogEntry = attrs.field(repr=False)
    settings: Mapping[str, Any] = attrs.field(repr=False)
    middleware: Sequence[Middleware] = ()
    clock: FakeClock = attrs.field(factory=FakeClock)
    #: OAuth 2 tokens; a refresh replaces them.
    auth: AuthTokens | None = None
    #: The app of OAuth 2, as the table `oauth` of an instance: `client_id`, `client_secret`.
    oauth: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    #: As the table `audiences` of an instance; creating one adds the partner's id.
    audiences: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    #: Stands between it and the partner, if the test has one.
    recording: Recording | None = attrs.field(default=None, repr=False)

    async def test_action(  # noqa: PLR0913 - a subscription's parts, each of which a test may set
        self,
        slug: str,
        *,
        event: Event | None = None,
        events: Sequence[Event] | None = None,
        mapping: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        use_default_mapping: bool = True,
        sync_mode: str | None = None,
        trigger: str | None = None,
        batch: Mapping[str, Any] | None = None,
        hooks: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> ActionRun:
        """Send an event, or several at once, through an action.

        `mapping` overrides the action's default mapping, or is used alone if `use_default_mapping`
        is false; `settings` override the integration's. Without a `trigger`, every event matches.
        Without an event, that of `create_test_event` is sent. `batch` is the table of a
        subscription that narrows batches: with `{"enabled": False}`, `perform` gets each event.
        `hooks` are the outputs of save hooks that have run, by the hook's name.
        """
        defaults = self.entry.action(slug).default_mapping if use_default_mapping else {}
        whole = {**defaults, **(mapping or {})}
        plan = self._plan(slug, whole, trigger, sync_mode=sync_mode, batch=batch, hooks=hooks)
        return await self._run(plan, _listed(event, events), settings, matching=trigger is not None)

    async def test_preset(
        self,
        name: str,
        *,
        event: Event | None = None,
        events: Sequence[Event] | None = None,
        mapping: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> ActionRun:
        """Send events through a preset; those that its trigger does not match are `filtered`.

        If it has no trigger, every event matches.
        """
        preset = self.entry.preset(name)
        whole = {**self.entry.preset_mapping(preset), **(mapping or {})}
        plan = self._plan(preset.action, whole, preset.trigger, sync_mode=preset.sync_mode)
        matching = preset.trigger is not None
        return await self._run(plan, _listed(event, events), settings, matching=matching)

    async def test_on_delete(
        self, *, event: Event | None = None, settings: Mapping[str, Any] | None = None
    ) -> ActionRun:
        """Ask the destination to delete a user: that of the event, which has the type `delete`."""
        if self.entry.on_delete is None:
            raise NotFoundError(f"{self.entry.slug} declares no on_delete")
        plan = self._compile(on_delete_subscription(NAME))
        given = create_test_event(type=DELETE) if event is None else event
        return await self._run(plan, [given], settings, matching=True)

    async def test_authentication(
        self, *, settings: Mapping[str, Any] | None = None
    ) -> AuthenticationRun:
        """Test the credentials with the destination's `test_authentication`."""
        test = self.entry.destination.test_authentication
        if test is None:
            raise NotFoundError(f"{self.entry.slug} declares no test_authentication")
        async with self._runtime(settings) as (runtime, exchanges):
            error: Exception | None = None
            try:
                await runtime.perform(runtime.client(), test)
            except Exception as raised:  # noqa: BLE001 - it is the answer
                error = raised
            return AuthenticationRun(error=error, exchanges=tuple(exchanges), mask=runtime.mask)

    async def test_dynamic_field(  # noqa: PLR0913 - what a form asks for
        self,
        slug: str,
        field: str,
        *,
        payload: Mapping[str, Any] | None = None,
        search: str = "",
        page: str | None = None,
        hook: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> FetchedChoices:
        """Fetch the choices at a place of the mapping, such as `listId` or `items[0].price`.

        `payload` is the form's content so far. With a `hook`, the field is one of its inputs. What
        the plugin raises is raised.
        """
        action = self.entry.action(slug).action
        query, fetch = dynamic_field(action, field, hook=hook)
        query = attrs.evolve(
            query, payload=payload or {}, search=search, page=page, inputs=inputs or {}
        )
        async with self._runtime(settings) as (runtime, _):
            found = await fetch_choices(runtime, None, fetch, query)
        if found.error is not None:
            raise found.error
        return found

    async def test_save_hook(
        self,
        slug: str,
        hook: str,
        inputs: Mapping[str, Any] | None = None,
        *,
        settings: Mapping[str, Any] | None = None,
    ) -> Mapping[str, Any]:
        """Run a save hook of an action, and return its outputs."""
        declared = pick(self.entry.action(slug).action.save_hooks, hook, f"save hook of {slug}")
        async with self._runtime(settings) as (runtime, _):
            outputs: Mapping[str, Any] = await runtime.perform(
                runtime.client(), declared.perform, inputs or {}
            )
        return outputs

    async def test_create_audience(
        self, key: str, *, settings: Mapping[str, Any] | None = None
    ) -> str:
        """Create an audience at the partner, and return its id there.

        Events that name the audience get that id from then on. Raises `OfframpError` if the
        partner refuses, or does not answer.
        """
        external_id = await self._call_audience(key, "create", settings)
        known = {**self.audiences[key], "external_id": external_id}
        self.audiences = {**self.audiences, key: known}
        return external_id

    async def test_get_audience(
        self, key: str, *, settings: Mapping[str, Any] | None = None
    ) -> str:
        """Ask the partner for an audience, and return its id there; raises `OfframpError`."""
        return await self._call_audience(key, "get", settings)

    async def explain(  # noqa: PLR0913 - a subscription's parts, each of which a test may set
        self,
        slug: str,
        *,
        event: Event | None = None,
        mapping: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        trigger: str | None = None,
        sync_mode: str | None = None,
    ) -> dict[str, Any]:
        """The result of `offramp explain` for an event; nothing is sent."""
        whole = {**self.entry.action(slug).default_mapping, **(mapping or {})}
        plan = self._plan(slug, whole, trigger, sync_mode=sync_mode)
        async with self._runtime(settings) as (runtime, _):
            [given] = _listed(event, None)
            return await explain(plan, runtime, as_queued(given), now=self.clock())

    def typed_settings(self) -> Any:
        """The settings as actions get them; raises `ConfigError` if they are invalid."""
        checked = check_settings(self.instance, self.entry.settings, self.settings)
        return structurer(self.entry.destination.settings)(checked)

    @property
    def instance(self) -> Instance:
        """The instance under test."""
        return Instance(
            name=NAME, source=NAME, destination=self.entry.slug, audiences=self.audiences
        )

    async def _run(
        self,
        plan: Plan,
        events: Sequence[Event],
        settings: Mapping[str, Any] | None,
        *,
        matching: bool,
    ) -> ActionRun:
        async with self._runtime(settings) as (runtime, exchanges):
            deliveries = await deliver(runtime, plan, events, matching=matching)
            self.auth = runtime.auth
            mask = plan.secrets.mask(
                runtime.mask, [each.fields for each in deliveries if each.fields is not None]
            )
            self._settle(exchanges, mask)
            return ActionRun(
                action=plan.offered.slug,
                mapping=plan.subscription.mapping,
                deliveries=deliveries,
                exchanges=tuple(exchanges),
                mask=mask,
            )

    async def _call_audience(self, key: str, what: str, settings: Mapping[str, Any] | None) -> str:
        declared = self.entry.destination.audience
        function: CallPartner | None = None if declared is None else getattr(declared, what)
        if function is None:
            raise NotFoundError(f"{self.entry.slug} declares no `{what}` of audiences")
        configured = make_audiences(self.instance, self.entry, References())
        audience = pick({} if configured is None else configured.known, key, "audience")
        async with self._runtime(settings) as (runtime, _):
            return await call_partner(runtime, function, audience)

    def _settle(self, exchanges: Sequence[RecordedExchange], mask: Mask) -> None:
        __tracebackhide__ = True
        if self.recording is not None:
            self.recording.settle(exchanges, mask)

    def _plan(  # noqa: PLR0913 - a subscription's parts
        self,
        slug: str,
        mapping: Mapping[str, Any],
        trigger: str | None,
        *,
        sync_mode: str | None = None,
        batch: Mapping[str, Any] | None = None,
        hooks: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Plan:
        action = self.entry.action(slug).action
        for name in hooks or {}:
            pick(action.save_hooks, name, f"save hook of {slug}")
        faults: list[Fault] = []
        given = read_batch(batch or {}, self.entry.action(slug), "batch", faults)
        if faults:
            raise ConfigError(faults)
        subscription = Subscription(
            id=f"{NAME}/{slug}",
            name=slug,
            instance=NAME,
            action=slug,
            sync_mode=sync_mode,
            trigger=ANY_EVENT if trigger is None else trigger,
            mapping=mapping,
            batch=given,
            hooks={name: {OUTPUTS: outputs} for name, outputs in (hooks or {}).items()},
        )
        return self._compile(subscription)

    def _compile(self, subscription: Subscription) -> Plan:
        return compile_subscription(
            subscription, self.entry, self.catalog.directives, instance=self.instance
        )

    @asynccontextmanager
    async def _runtime(
        self, settings: Mapping[str, Any] | None
    ) -> AsyncIterator[tuple[InstanceRuntime, list[RecordedExchange]]]:
        exchanges: list[RecordedExchange] = []
        async with (
            open_session(EGRESS) as session,
            watch_loop(self._owner, longest=LONGEST_STEP_SECONDS) as watchdog,
            enter_lifespans(self.catalog.plugins),
        ):
            self.catalog.plugins.refuse_unstarted(self.catalog.plugins.names)
            transport = aiohttp_transport(session, EGRESS)
            if self.recording is not None:
                transport = self.recording.around(transport)
            runtime = make_runtime(
                self.instance,
                self.entry,
                {**self.settings, **(settings or {})},
                transport=recording(transport, exchanges),
                middleware=[
                    *self.catalog.plugins.middleware(self.entry.destination),
                    *self.middleware,
                ],
                clock=self.clock,
                audiences=make_audiences(self.instance, self.entry, References()),
                app=OAuthApp(**self.oauth),
                auth=self.auth,
            )
            runtime.gate = OpenGate()
            yield runtime, exchanges
        raise_test_faults(exchanges)
        self._settle(exchanges, runtime.mask)
        # Only in calls by the host: the test itself may block the loop.
        if watchdog.last is not None and watchdog.last.whose:
            raise PluginError(str(watchdog.last))

    def _owner(self, file: str) -> str | None:
        """The destination, if a file belongs neither to a library nor to the framework."""
        owner = self.catalog.plugins.owner(file)
        others = file.startswith("<") or any(map(Path(file).is_relative_to, _OTHERS))
        return self.entry.slug if owner is None and not others else owner


def _listed(event: Event | None, events: Sequence[Event] | None) -> Sequence[Event]:
    if event is not None and events is not None:
        raise ValueError("give event= for one event or events= for several, not both")
    if events is not None:
        return events
    return [create_test_event() if event is None else event]
