"""Searches for a destination's secrets in everything that people can see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import aiohttp

from offramp import _json
from offramp.testing.exchanges import Answer, RecordedRequest
from offramp.testing.partner import Responder
from offramp.testing.probe import Probe
from offramp.testing.runs import ActionRun

#: Characters that are quoted around a secret that was found.
AROUND: Final = 60


def everything_shown(probe: Probe) -> list[tuple[str, str]]:
    """Each text that people see, after the destination did all that it can do: name and text.

    The partner repeats in its answers what it was sent, as some partners do in errors.
    """
    shown = [("the repr of the settings", repr(probe.integration.typed_settings()))]
    for name, responder in _answers(probe).items():
        for slug, action in probe.entry.actions.items():
            for way in probe.ways(action):
                events = probe.events(action, 1 if way.alone else 2)
                run = probe.run(action, events, responder, way)
                shown += [(f"{slug}, partner answering {name}: {what}", t) for what, t in _of(run)]
        if probe.entry.destination.test_authentication is not None:
            authentication = probe.authenticate(responder)
            what = f"the answer to test_authentication, partner answering {name}"
            shown += [(what, authentication.message), (what, repr(authentication))]
    for slug, action in probe.entry.actions.items():
        explained = probe.explain(action, *probe.events(action, 1))
        shown.append((f"explain of {slug}", _json.dumps(explained).decode()))
    return shown


def leaks(probe: Probe, shown: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Each place where a secret is not masked."""
    for what, text in shown:
        for key, secret in probe.secrets.items():
            at = text.find(secret)
            if at >= 0:
                near = text[max(0, at - AROUND) : at + len(secret) + AROUND]
                yield (
                    f"the secret {key!r} is not masked in {what}:\n  … {near} …\n"
                    "never log or print settings, and send secrets in headers only"
                )


def _of(run: ActionRun) -> Iterator[tuple[str, str]]:
    yield "the text of the run", repr(run)
    for delivery in run.deliveries:
        yield "the reason in the ledger", delivery.message
        if delivery.kept is not None:
            yield "the exchange in the ledger", _json.dumps(delivery.kept.as_data()).decode()


def _answers(probe: Probe) -> dict[str, Responder]:
    return {
        "well": probe.well,
        "400 with what it was sent": lambda request: Answer(status=400, body=_echo(request)),
        "403 with what it was sent": lambda request: Answer(status=403, body=_echo(request)),
        "500 with what it was sent": lambda request: Answer(status=500, body=_echo(request)),
        "nothing": lambda _request: Answer(exception=TimeoutError()),
        "with a broken connection": lambda request: Answer(
            exception=aiohttp.ClientConnectionError(_echo(request))
        ),
    }


def _echo(request: RecordedRequest) -> str:
    return f"{request.method} {request.url} {dict(request.headers)} {request.text}"
