"""The destination under test in the ready-made suite, and the ways to run it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import attrs

from offramp.config import batch_of
from offramp.config.batching import ENABLE_FIELD
from offramp.definition import AuthTokens, Batch, Conditions, Fields, Preset, path
from offramp.plugins import CatalogAction, CatalogEntry
from offramp.testing.backwards import put
from offramp.testing.data import generate_test_data
from offramp.testing.exchanges import Answer
from offramp.testing.integration import TestIntegration
from offramp.testing.likeness import Items
from offramp.testing.making import MakeIntegration
from offramp.testing.partner import Partner, Responder
from offramp.testing.runs import ActionRun, AuthenticationRun

#: Key of the event's values for required fields without a default mapping.
FILLED_IN: Final = "offrampTest"
#: Characters of a secret that is long enough not to occur in a text by chance.
SAFE_SECRET_LENGTH: Final = 8


@attrs.frozen(kw_only=True)
class Way:
    """One of the ways in which an action sends events: through which method, in which mode."""

    #: Whether each event goes through `perform`; otherwise `perform_batch` gets all of them.
    alone: bool
    #: One of the action's sync modes; `None` if it has none.
    sync_mode: str | None

    @property
    def mode(self) -> str:
        """The sync mode in words, to follow the name of the action; empty without one."""
        return "" if self.sync_mode is None else f" in the sync mode {self.sync_mode!r}"


@attrs.define(kw_only=True, slots=False)
class Probe:
    """A destination, and a partner that gives the same answer to every request."""

    make: MakeIntegration
    partner: Partner
    destination: Any
    plugins: Sequence[object]
    given_settings: Mapping[str, Any] | None
    auth: AuthTokens | None
    #: The partner's answer to a good request.
    well: Responder
    #: The suite's method, so that it can be overridden.
    event: Callable[..., dict[str, Any]]
    #: The suite's method, likewise.
    items: Items
    #: The sync mode of the run at hand.
    sync_mode: str | None = None

    @cached_property
    def integration(self) -> TestIntegration:
        """The destination, configured; every secret is long enough to be searched for."""
        made = self.make(
            self.destination, settings=self.given_settings, plugins=self.plugins, auth=self.auth
        )
        invented = generate_test_data(made.entry.settings, seed=made.entry.slug)
        kept = {key: made.settings[key] for key in made.settings if not self._is_short(made, key)}
        made.settings = {**{key: invented[key] for key in _secrets(made.entry.settings)}, **kept}
        return made

    @property
    def entry(self) -> CatalogEntry:
        """The destination's catalog entry, with all that plugins add."""
        return self.integration.entry

    @property
    def secrets(self) -> dict[str, str]:
        """The settings that are passwords."""
        keys = _secrets(self.entry.settings)
        return {key: str(self.integration.settings[key]) for key in keys}

    def mapping(self, action: CatalogAction) -> dict[str, Any]:
        """An action's default mapping, batched, with a path for each required field without one."""
        bare = [
            key
            for key, field in action.fields.items()
            if field.default is None
            and (field.required is True or isinstance(field.required, Conditions))
        ]
        filled = {key: path(f"$.{FILLED_IN}.f{number}") for number, key in enumerate(bare)}
        batched = {ENABLE_FIELD: True} if ENABLE_FIELD in action.fields else {}
        return {**action.default_mapping, **filled, **batched}

    def batch(self, action: CatalogAction) -> Batch | None:
        """How events of an action share requests with that mapping; `None` if they do not."""
        return batch_of(action, self.mapping(action), {})

    def preset_mapping(self, preset: Preset) -> dict[str, Any]:
        """A preset's whole mapping, and a path for each required field that has none."""
        action = self.entry.action(preset.action)
        return {**self.mapping(action), **preset.mapping}

    def events(self, action: CatalogAction, count: int) -> list[dict[str, Any]]:
        """Different events that may share a batch."""
        mapping = self.mapping(action)
        batch = self.batch(action)
        keys = [] if batch is None else [tuple(key.split(".")) for key in batch.keys]
        seeds = [f"{action.slug} {number}" for number in range(count)]
        return [
            self.event(action, mapping, seed, values=_alike(action, keys, seeds[0], seed))
            for seed in seeds
        ]

    def run(
        self,
        action: CatalogAction,
        events: Sequence[Mapping[str, Any]],
        answer: Responder,
        way: Way,
    ) -> ActionRun:
        """Send events through an action, in one of its ways, to a partner with this answer."""
        self.partner.otherwise(answer)
        self.sync_mode = way.sync_mode
        batch = {"enabled": False} if way.alone and self.batch(action) is not None else None
        return asyncio.run(
            self.integration.test_action(
                action.slug,
                events=events,
                mapping=self.mapping(action),
                sync_mode=way.sync_mode,
                batch=batch,
            )
        )

    def ways(self, action: CatalogAction) -> list[Way]:
        """Each way in which an action sends events: in every sync mode, alone and in batches."""
        methods = (True,) if self.batch(action) is None else (True, False)
        return [Way(alone=alone, sync_mode=mode) for mode in _modes(action) for alone in methods]

    def run_preset(self, preset: Preset, event: Mapping[str, Any]) -> ActionRun:
        """Send an event through a preset to a partner without faults."""
        self.partner.otherwise(self.well)
        self.sync_mode = self.entry.action(preset.action).sync_mode(preset.sync_mode)
        mapping = self.preset_mapping(preset)
        return asyncio.run(self.integration.test_preset(preset.name, event=event, mapping=mapping))

    def authenticate(self, answer: Responder) -> AuthenticationRun:
        """Test the credentials at a partner with this answer."""
        self.partner.otherwise(answer)
        return asyncio.run(self.integration.test_authentication())

    def explain(self, action: CatalogAction, event: Mapping[str, Any]) -> dict[str, Any]:
        """Explain an event; nothing is sent."""
        return asyncio.run(
            self.integration.explain(action.slug, event=event, mapping=self.mapping(action))
        )

    def _is_short(self, made: TestIntegration, key: str) -> bool:
        is_secret = key in _secrets(made.entry.settings)
        return is_secret and len(str(made.settings[key])) < SAFE_SECRET_LENGTH


def _modes(action: CatalogAction) -> list[str | None]:
    """The sync modes of an action, the default one first; `None` alone if it has none."""
    declared = action.action.sync_mode
    if declared is None:
        return [None]
    return [*dict.fromkeys([declared.default, *(mode for mode, _ in declared.choices)])]


def _alike(
    action: CatalogAction, keys: Sequence[tuple[str, ...]], first: str, seed: str
) -> dict[str, Any]:
    """Values for an event of a seed that may share a batch with the event of the first seed.

    Only what the batch's keys name is the same, also if that is a property of an object.
    """
    model, own = (generate_test_data(action.fields, seed=each) for each in (first, seed))
    for path_ in keys:
        value: Any = model
        for part in path_:
            value = value.get(part) if isinstance(value, dict) else None
        if value is not None:
            put(own, path_, value)
    return {path_[0]: own[path_[0]] for path_ in keys if path_[0] in own}


def always(answer: Answer) -> Responder:
    """A responder with the same answer to every request."""
    return lambda _request: answer


def _secrets(fields: Fields) -> list[str]:
    return [key for key, field in fields.items() if field.is_secret]
