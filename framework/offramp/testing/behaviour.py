"""The checks of the ready-made suite on what a destination does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import aiohttp
import attrs

from offramp import _json
from offramp.definition import Preset
from offramp.delivery import Sandboxes, check_settings
from offramp.errors import OfframpError
from offramp.plugins import CatalogAction
from offramp.testing.declared import unwanted
from offramp.testing.exchanges import Answer, RecordedRequest
from offramp.testing.likeness import Item, items_of, same_items
from offramp.testing.partner import Responder
from offramp.testing.probe import Probe, Way, always
from offramp.testing.runs import ActionRun, AuthenticationRun

PresetEvent = Callable[[Preset, Mapping[str, Any]], "dict[str, Any] | None"]

#: Number of events: enough for a batch to be halved more than once.
BATCH: Final = 5
#: Number of events of the smallest batch that is more than one.
_PAIR: Final = 2
#: Index of the event that the partner refuses.
BAD: Final = 3

_MEND: Final = {
    "retrying": "let the HTTPError of the request pass, or raise RetryableError",
    "rejected": "let the HTTPError of the request pass, or raise RejectedError",
    "delivered": "",
}
_SILENCES: Final[dict[str, BaseException]] = {
    "no answer in time": TimeoutError(),
    "a broken connection": aiohttp.ClientConnectionError("reset by the test"),
}
_REFUSED: Final = (401, 403)
_OUTAGES: Final = (429, 500, 503)


def unmade_payloads(probe: Probe) -> Iterator[str]:
    """Actions that do not deliver an event made for their default mapping."""
    for slug, action in probe.entry.actions.items():
        for only_required in (False, True):
            event = probe.event(
                action,
                probe.mapping(action),
                f"{slug} {only_required}",
                only_required=only_required,
            )
            extent = "only the required fields" if only_required else "all fields"
            for way in probe.ways(action):
                run = probe.run(action, [event], probe.well, way)
                if run.delivery.outcome != "delivered":
                    yield (
                        f"action {slug!r}{way.mode}: an event made for {extent} was not delivered "
                        f"to a partner without faults; fix the default mapping or the action, or "
                        f"override `event` or `answer` in your suite\n{run!r}"
                    )
                    break


def idle_presets(probe: Probe, make_event: PresetEvent) -> Iterator[str]:
    """Presets that match no event, or do not deliver a matching event."""
    for preset in probe.entry.presets:
        event = make_event(preset, probe.preset_mapping(preset))
        if event is None:
            yield unwanted(preset)
            continue
        run = probe.run_preset(preset, event)
        if run.outcome != "delivered":
            yield f"preset {preset.name!r} does not deliver an event made for it\n{run!r}"


def mistaken_statuses(probe: Probe, statuses: Mapping[int, str]) -> Iterator[str]:
    """Statuses of the partner after which events have the wrong outcome."""
    for status, wanted in statuses.items():
        answer = always(Answer(status=status, payload={"message": f"answered {status}"}))
        yield from _mistaken(probe, answer, f"the partner answers {status}", wanted)


def mistaken_silence(probe: Probe) -> Iterator[str]:
    """Failures of the network after which events are not tried again."""
    for message, error in _SILENCES.items():
        yield from _mistaken(
            probe, always(Answer(exception=error)), f"there is {message}", "retrying"
        )


def _mistaken(probe: Probe, answer: Responder, case: str, wanted: str) -> Iterator[str]:
    for slug, action in probe.entry.actions.items():
        faulty: set[bool] = set()  # the other sync modes most often have the same fault
        for way in probe.ways(action):
            if way.alone in faulty:
                continue
            count = 1 if way.alone else _PAIR
            run = probe.run(action, probe.events(action, count), answer, way)
            if set(run.outcomes) != {wanted}:
                faulty.add(way.alone)
                which = "an event" if way.alone else f"each of {count} events in a batch"
                yield (
                    f"action {slug!r}{way.mode}: where {case}, {which} should end {wanted}, but "
                    f"came out {', '.join(run.outcomes)}; {_mend(run, wanted)}\n{run!r}"
                )


def _mend(run: ActionRun, wanted: str) -> str:
    """What to do about an outcome that a status of the partner should not lead to."""
    if not run.requests:
        return (
            "nothing was sent, so the partner was never asked: fix the action, or override "
            "`event` in your suite, so that it makes events that the action sends"
        )
    return f"{_MEND.get(wanted, '')}, or say so in `statuses` of your suite"


async def faulty_sandbox(probe: Probe) -> list[str]:
    """What is wrong with a destination's sandbox: it must start, and take its own settings."""
    entry, sandbox = probe.entry, probe.entry.destination.sandbox
    if sandbox is None:
        return []
    given = {**probe.integration.settings, **sandbox.settings}
    sandboxes = Sandboxes(probe.integration.catalog)
    try:
        check_settings(probe.integration.instance, entry.settings, given)
        await sandboxes.start(entry.slug)
        refused = await _refused_by(probe, given, sandboxes)
        _json.dumps(sandboxes.received(entry.slug))
    except OfframpError as error:
        return [f"the sandbox cannot be used: {error}"]
    except TypeError as error:
        return [f"the sandbox lists what is not JSON data as received: {error}"]
    finally:
        await sandboxes.close()
    return [] if refused is None else [refused]


async def _refused_by(
    probe: Probe, settings: Mapping[str, Any], sandboxes: Sandboxes
) -> str | None:
    if probe.entry.destination.test_authentication is None:
        return None
    made = probe.integration
    redirect = sandboxes.redirect(probe.entry.slug)
    tried = attrs.evolve(made, settings=settings, middleware=[*made.middleware, redirect])
    run = await tried.test_authentication()
    return None if run.good else _expected(run, "the sandbox", "pass", "give it good `settings`")


def mistaken_credentials(probe: Probe) -> Iterator[str]:
    """Answers of the partner after which the test of the credentials has the wrong result."""
    if probe.entry.destination.test_authentication is None:
        yield (
            "the destination has secrets but no `test_authentication`: a wrong secret is only "
            "noticed when events fail; if the partner cannot tell, say why in "
            "`untestable_credentials` of your suite"
        )
        return
    run = probe.authenticate(probe.well)
    if not run.good:
        yield _expected(run, "a partner without faults", "pass", "override `answer` in your suite")
    for status in _REFUSED:
        run = probe.authenticate(always(Answer(status=status, payload={"message": "no"})))
        if not run.refused:
            yield _expected(
                run,
                f"a partner answering {status}",
                "be refused",
                "raise InvalidAuthenticationError",
            )
    for status in _OUTAGES:
        run = probe.authenticate(always(Answer(status=status)))
        if not run.unclear:
            yield _expected(
                run,
                f"a partner answering {status}",
                "be neither good nor bad",
                "raise any other DeliveryError",
            )
    for message, error in _SILENCES.items():
        run = probe.authenticate(always(Answer(exception=error)))
        if not run.unclear:
            yield _expected(run, message, "be neither good nor bad", "let the request's error pass")


def _expected(run: AuthenticationRun, case: str, wanted: str, mend: str) -> str:
    return f"test_authentication: with {case}, credentials should {wanted}; {mend}\n{run!r}"


def unlike_batches(probe: Probe) -> Iterator[str]:
    """Actions whose batch requests carry other data than their single requests."""
    for slug, action, way in _batching(probe):
        events = probe.events(action, _size(probe, action))
        alone = _alone(probe, action, events, way)
        together = probe.run(action, events, probe.well, way)
        failed = next((run for run in (*alone, together) if not run.delivered), None)
        if failed is not None:
            message = "not all events are delivered to a partner without faults"
            yield f"action {slug!r}{way.mode}: {message}\n{failed!r}"
            continue
        if not same_items([run.requests for run in alone], together.requests, probe.items):
            yield (
                f"action {slug!r}{way.mode}: a batch does not carry what was sent for each event "
                "alone; let `perform` and `perform_batch` build an event's part of the request in "
                "one place, or, if the partner's batches have another shape, override `items` in "
                f"your suite\nalone:\n{alone[0]!r}\ntogether:\n{together!r}"
            )


def harmed_batches(probe: Probe) -> Iterator[str]:
    """Actions that lose good events, or hide bad ones, if a batch is refused."""
    for slug, action, way in _batching(probe):
        events = probe.events(action, _size(probe, action))
        bad = min(BAD, len(events) - 1)
        marks = _marks(probe, _alone(probe, action, events, way), bad)
        if not marks:
            yield (
                f"action {slug!r}{way.mode}: the requests for two different events are the same; "
                "override `event` in your suite, so that the requests differ"
            )
            continue
        run = probe.run(action, events, _refusing(probe, marks), way)
        wanted = tuple("rejected" if at == bad else "delivered" for at in range(len(events)))
        if run.outcomes != wanted:
            yield (
                f"action {slug!r}{way.mode}: the partner refuses event {bad + 1} of {len(events)} "
                "with 400; that one alone should be rejected. Let the HTTPError of the batch's "
                "request pass, and Offramp finds the bad event; if the partner's batches have "
                f"another shape, override `items` in your suite\n{run!r}"
            )


def _alone(
    probe: Probe, action: CatalogAction, events: Sequence[Mapping[str, Any]], way: Way
) -> list[ActionRun]:
    """A run for each event through `perform`, in the sync mode of a way."""
    alone = attrs.evolve(way, alone=True)
    return [probe.run(action, [event], probe.well, alone) for event in events]


def _marks(probe: Probe, alone: Sequence[ActionRun], bad: int) -> set[Item]:
    """The items that a request has if, and only if, it carries the bad event."""
    good = [request for at, run in enumerate(alone) if at != bad for request in run.requests]
    return items_of(alone[bad].requests, probe.items) - items_of(good, probe.items)


def _refusing(probe: Probe, marks: set[Item]) -> Responder:
    def respond(request: RecordedRequest) -> Answer:
        if marks & items_of([request], probe.items):
            return Answer(status=400, payload={"message": "one of the events is bad"})
        return probe.well(request)

    return respond


def _batching(probe: Probe) -> Iterator[tuple[str, CatalogAction, Way]]:
    """Each action with batches, once for each of its sync modes."""
    for slug, action in probe.entry.actions.items():
        yield from ((slug, action, way) for way in probe.ways(action) if not way.alone)


def _size(probe: Probe, action: CatalogAction) -> int:
    batch = probe.batch(action)
    return BATCH if batch is None else max(_PAIR, min(BATCH, batch.max_events))
