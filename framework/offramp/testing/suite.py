"""The ready-made suite: the tests that every destination should pass."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Final

import pytest

from offramp.definition import AuthTokens, Destination, Preset
from offramp.plugins import CatalogAction
from offramp.testing import behaviour, declared, hostile, secrecy
from offramp.testing.backwards import generate_test_event
from offramp.testing.exchanges import Answer, RecordedRequest
from offramp.testing.making import MakeIntegration
from offramp.testing.partner import Partner
from offramp.testing.probe import Probe
from offramp.testing.snapshots import differences, snapshot_file, snapshot_of, write_snapshot
from offramp.testing.wanted import made_to_match

#: One fault often has many symptoms; the first few are enough to fix it.
SHOWN_FAULTS: Final = 8


class DestinationSuite:
    """Subclass it in a test module, and pytest runs it.

        class TestPinboard(DestinationSuite):
            destination = pinboard

    Each test says what to fix. Override the methods below if generated events, or a partner that
    answers everything with 200 and `{}`, are not right for a destination.
    """

    #: The destination, or the slug of an installed one.
    destination: ClassVar[Destination | str]
    #: Generated if it is `None`; secrets of fewer than 8 characters are always generated.
    settings: ClassVar[Mapping[str, Any] | None] = None
    #: OAuth 2 tokens, if the destination uses them.
    auth: ClassVar[AuthTokens | None] = None
    #: Modules or objects with hooks, such as one that adds actions to the destination.
    plugins: ClassVar[Sequence[object]] = ()
    #: Status of the partner's answer -> the expected outcome of the event.
    statuses: ClassVar[Mapping[int, str]] = {
        400: "rejected",
        404: "rejected",
        408: "retrying",
        429: "retrying",
        500: "retrying",
        501: "rejected",
        503: "retrying",
    }
    #: Why the credentials cannot be tested, if the destination has secrets and no
    #: `test_authentication`: for example that the secret only signs, and the partner never sees it.
    untestable_credentials: ClassVar[str] = ""
    #: Headers of requests whose values snapshots leave out: those that depend on the time of day or
    #: on chance, such as a signature with the time of the attempt.
    varying_headers: ClassVar[Collection[str]] = ()

    @property
    def sync_mode(self) -> str | None:
        """The sync mode of the events that `answer` is asked about; `None` if there is none."""
        return self._probe.sync_mode

    def answer(self, request: RecordedRequest) -> Answer:  # noqa: ARG002 - for those who override it
        """The partner's answer to a good request."""
        return Answer(payload={})

    def event(
        self, action: CatalogAction, mapping: Mapping[str, Any], seed: str, **options: Any
    ) -> dict[str, Any]:
        """An event that a mapping turns into a payload; events of different seeds differ.

        `options` are those of `generate_test_event`.
        """
        return generate_test_event(action.fields, mapping, seed=seed, **options)

    def items(self, request: RecordedRequest) -> Sequence[Any] | None:  # noqa: ARG002 - likewise
        """What a request carries for each of its events, such as `request.json["inputs"]`.

        Override it if the requests for one event and for a batch have different shapes, and return
        equal items for equal events. By default the suite compares the items of JSON arrays.
        """
        return None

    def preset_event(self, preset: Preset, mapping: Mapping[str, Any]) -> dict[str, Any] | None:
        """An event that a preset's trigger matches and its mapping turns into a payload."""
        action = self._probe.entry.action(preset.action)
        return made_to_match(preset.trigger, partial(self.event, action, mapping, preset.name))

    @pytest.fixture(autouse=True)
    def _prepare(self, integration: MakeIntegration, partner: Partner) -> None:
        destination = getattr(self, "destination", None)
        if destination is None:
            pytest.fail(f"{type(self).__name__} names no destination: set `destination = ...`")
        self._probe = Probe(
            make=integration,
            partner=partner,
            destination=destination,
            plugins=self.plugins,
            given_settings=self.settings,
            auth=self.auth,
            well=self.answer,
            event=self.event,
            items=self.items,
        )

    def test_it_can_be_declared(self) -> None:
        """The catalog accepts the declaration, and it has at least one action."""
        if not self._probe.entry.actions:
            _fail_on(["the destination declares no action"])

    def test_actions_and_fields_are_described(self) -> None:
        """Every action has a title and a description, every field a label and a description."""
        _fail_on(declared.undescribed(self._probe.entry))

    def test_triggers_are_valid(self) -> None:
        """Triggers of presets and actions are FQL without probable mistakes."""
        _fail_on(declared.faulty_triggers(self._probe.entry))

    def test_mappings_are_valid(self) -> None:
        """Default mappings and presets compile, and read paths that events have."""
        directives = self._probe.integration.catalog.directives
        _fail_on(declared.faulty_mappings(self._probe.entry, directives))

    def test_defaults_make_payloads(self) -> None:
        """Each action delivers an event that has all that its default mapping reads."""
        _fail_on(behaviour.unmade_payloads(self._probe))

    def test_presets_deliver(self) -> None:
        """Each preset matches some event, and delivers it."""
        probe = self._probe
        if not probe.entry.presets:
            pytest.skip("the destination has no presets")
        _fail_on(behaviour.idle_presets(probe, self.preset_event))

    def test_idempotency_keys_are_required(self) -> None:
        """Every payload has its idempotency key."""
        _fail_on(declared.optional_keys(self._probe.entry))

    def test_manifest_keeps_everything(self) -> None:
        """Fields read back from the manifest equal those that were written."""
        _fail_on(declared.lossy_manifests(self._probe.entry))

    def test_secrets_are_declared(self) -> None:
        """Secret settings and fields are declared as secrets, so they are encrypted and masked."""
        _fail_on(declared.open_secrets(self._probe.entry))

    def test_secrets_are_never_shown(
        self, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """No secret turns up in logs, output, errors, exchanges or explanations."""
        probe = self._probe
        if not probe.secrets:
            pytest.skip("the destination has no secrets")
        caplog.set_level(logging.DEBUG)
        shown = secrecy.everything_shown(probe)
        printed = capsys.readouterr()
        _fail_on(
            secrecy.leaks(
                probe,
                [
                    *shown,
                    ("the log", caplog.text),
                    ("what was printed", printed.out + printed.err),
                ],
            )
        )

    def test_statuses_are_retried_rightly(self) -> None:
        """Events are tried again after throttling and outages, not after refusals."""
        _fail_on(behaviour.mistaken_statuses(self._probe, self.statuses))

    def test_silence_is_retried(self) -> None:
        """Without an answer, the event is tried again."""
        _fail_on(behaviour.mistaken_silence(self._probe))

    def test_bad_credentials_are_told(self) -> None:
        """Good credentials pass; bad ones are reported as bad, and an outage as neither."""
        probe = self._probe
        if probe.entry.destination.test_authentication is None:
            if not probe.secrets:
                pytest.skip("the destination has no credentials")
            if self.untestable_credentials:
                pytest.skip(f"the credentials cannot be tested: {self.untestable_credentials}")
        _fail_on(behaviour.mistaken_credentials(probe))

    def test_its_sandbox_can_be_used(self) -> None:
        """The sandbox starts, has settings that are complete, and accepts them."""
        if self._probe.entry.destination.sandbox is None:
            pytest.skip("the destination declares no sandbox")
        _fail_on(asyncio.run(behaviour.faulty_sandbox(self._probe)))

    def test_hostile_ids_keep_the_address(self) -> None:
        """Requests go to the same URL for any event as for a harmless one."""
        _fail_on(hostile.misled_requests(self._probe))

    def test_batch_equals_single(self) -> None:
        """Events sent in a batch reach the partner with the same data as events sent alone."""
        self._needs_batches()
        _fail_on(behaviour.unlike_batches(self._probe))

    def test_one_bad_event_harms_no_other(self) -> None:
        """If the partner refuses a batch because of one event, all the others are delivered."""
        self._needs_batches()
        _fail_on(behaviour.harmed_batches(self._probe))

    def test_requests_match_the_snapshot(self, request: pytest.FixtureRequest) -> None:
        """Requests for generated events are those of the snapshot, if the destination has one."""
        file = snapshot_file(request.path, self._probe.entry.slug)
        update = request.config.getoption("offramp_update")
        if not update and not file.exists():
            pytest.skip("there is no snapshot: `pytest --offramp-update` writes one")
        taken = snapshot_of(self._probe, self.varying_headers)
        if update:
            write_snapshot(file, taken)
        _fail_on(differences(file, taken))

    def _needs_batches(self) -> None:
        if not any(map(self._probe.batch, self._probe.entry.actions.values())):
            pytest.skip("no action sends several events at once")


def _fail_on(faults: Iterable[str]) -> None:
    __tracebackhide__ = True
    found = list(faults)
    if found:
        more = [f"and {len(found) - SHOWN_FAULTS} more"] if len(found) > SHOWN_FAULTS else []
        pytest.fail("\n\n".join([*found[:SHOWN_FAULTS], *more]), pytrace=False)
