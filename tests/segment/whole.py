"""Segment's actions on Offramp's whole path, from the event to the request, beside its engine."""

from __future__ import annotations

import base64
import itertools
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from unittest import mock

import attrs
from tests.segment.compare import AUTH, UNSTATED_STATUS, Comparison, Difference, Trial
from tests.segment.worker import BUILT, HERE

import offramp_segment.pools
from offramp import AuthTokens, OutgoingRequest, Response
from offramp.config import Instance
from offramp.testing import TestIntegration, create_test_integration
from offramp_segment.definitions import index
from offramp_segment.destination import load
from offramp_segment.node import WorkerCommand
from offramp_segment.pools import Pools

#: Of an error of JavaScript's own, which has no status: the host's for a fault of a plugin.
FAULT_STATUS = 500
REFUSED_PAYLOAD_STATUS = 400
UNAUTHORIZED = 401
#: The host's code for a fault of a plugin.
PLUGIN_FAULT = "INTERNAL"
numbers = itertools.count()


@attrs.define(kw_only=True, eq=False)
class OwnInstance(TestIntegration):
    """An instance with a name of its own, so that a case finds nothing of another's."""

    number: int = attrs.field(factory=lambda: next(numbers))

    @property
    def instance(self) -> Instance:
        """The instance under test."""
        return attrs.evolve(super().instance, name=f"case-{self.number}")


@attrs.define
class Host:
    """Destinations as the plugin builds them, on one worker."""

    pools: Pools
    _integrations: dict[str, TestIntegration] = attrs.field(factory=dict)

    async def run(self, trial: Trial) -> dict[str, Any]:
        """The requests of a case and what became of each event."""
        sent: list[dict[str, Any]] = []

        async def answer(outgoing: OutgoingRequest, _: Any) -> Response:
            sent.append(_as_sent(outgoing))
            return _response(outgoing, trial.partner)

        case = trial.case
        integration = self._integration(case["directory"], case["settings"], answer)
        run = await integration.test_action(
            case["action"],
            events=case["events"],
            mapping=case["mapping"],
            use_default_mapping=False,
            trigger=case["trigger"],
            batch={"enabled": case["batch"]} if case["batches"] else None,
        )
        return {"requests": sent, "each": [_end(each) for each in run.deliveries]}

    def _integration(self, directory: str, settings: Any, middleware: Any) -> TestIntegration:
        """An instance of the destination of a folder."""
        if directory not in self._integrations:
            [listed] = [each for each in index().values() if each.directory == directory]
            destination = load(listed, self.pools)
            self._integrations[directory] = create_test_integration(destination, settings={})
        made = self._integrations[directory]
        tokens = AuthTokens(access_token=AUTH["accessToken"], refresh_token=AUTH["refreshToken"])
        connected = made.entry.destination.scheme.startswith("oauth")
        return OwnInstance(
            catalog=made.catalog,
            entry=made.entry,
            settings=settings,
            middleware=[middleware],
            auth=tokens if connected else None,
        )


def _response(outgoing: OutgoingRequest, partner: Mapping[str, Any]) -> Response:
    return Response(
        status=partner["status"],
        headers={"content-type": "application/json"},
        body=partner["body"].encode(),
        url=outgoing.url,
        reason=partner["reason"],
    )


def _as_sent(outgoing: OutgoingRequest) -> dict[str, Any]:
    return {
        "method": outgoing.method,
        "url": outgoing.url,
        "headers": [list(pair) for pair in outgoing.headers.items()],
        "body": base64.b64encode(outgoing.body or b"").decode(),
    }


def _end(delivery: Any) -> dict[str, Any] | None:
    if delivery.outcome == "delivered":
        return None
    return {"status": delivery.status, "code": delivery.code, "message": delivery.message}


@asynccontextmanager
async def running(node: str, environment: Mapping[str, str]) -> AsyncIterator[Host]:
    """A host whose worker has the clock and the chance of the engine."""
    argv = (node, "--require", str(HERE / "fixed.cjs"), str(BUILT / "worker.cjs"))
    command = WorkerCommand(argv=argv, version="", network="")
    pools = Pools(1, environment, [])
    with mock.patch.object(offramp_segment.pools, "make_command", return_value=command):
        async with pools.run(isolated=True):
            yield Host(pools)


async def compare_whole(host: Host, trials: Iterable[Trial]) -> Comparison:
    """Compare from the event on: mapping, checks, batches and requests are the host's."""
    found = Comparison()
    for trial in trials:
        found.counts["cases"] += 1
        found.counts["cases with a request"] += bool(trial.theirs["requests"])
        ours = await host.run(trial)
        for difference in _differences(trial, ours):
            reason = explain(trial, ours)
            if reason is None:
                found.differences.append(difference)
            else:
                found.counts[f"meant: {reason}"] += 1
    return found


def _differences(trial: Trial, ours: dict[str, Any]) -> Iterator[Difference]:
    theirs = trial.theirs
    # A batch that is refused is sent again in halves, and a refused token is renewed first.
    first = ours["requests"][: len(theirs["requests"])]
    if list(map(_comparable, first)) != list(map(_comparable, theirs["requests"])):
        yield Difference(place=trial.place, what="requests", ours=first, theirs=theirs["requests"])
    ends = _statuses(theirs["end"], len(trial.case["events"]))
    if [_status(each) for each in ours["each"]] != ends:
        yield Difference(place=trial.place, what="end", ours=ours["each"], theirs=theirs["end"])


def _comparable(request: dict[str, Any]) -> dict[str, Any]:
    """A request with its headers in one order: the host's client has a place for its own."""
    return {**request, "headers": sorted(request["headers"])}


def _statuses(end: dict[str, Any], count: int) -> list[int | None]:
    if "error" not in end:
        return [each and each.get("status", UNSTATED_STATUS) for each in end["each"]]
    refused = end["error"]["kind"] == "PayloadValidationError"
    fallback = REFUSED_PAYLOAD_STATUS if refused else FAULT_STATUS
    return [end["error"]["status"] or fallback] * count


def _status(end: dict[str, Any] | None) -> int | None:
    return None if end is None else (end["status"] or FAULT_STATUS)


def explain(trial: Trial, ours: dict[str, Any]) -> str | None:
    """The reason for which a trial may differ, or None."""
    urls = [each["url"] for each in trial.theirs["requests"]]
    if any("#" in url for url in urls):
        return "an address with '#' is refused"
    if any("@" in url.split("/")[2] for url in urls):
        return "a user in an address is a header already"
    if trial.partner["status"] == UNAUTHORIZED and ours["each"][0]["code"] == PLUGIN_FAULT:
        return "after 401 the host renews the token, which fails here"
    if trial.case["directory"] == "blend-ai":
        return "blend-ai sends everything that its action was given"
    return None
