"""Recordings: files with a partner's real answers, which a test gets again in later runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from difflib import unified_diff
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from offramp import _json
from offramp.definition import MASK, Handler, OutgoingRequest, Response
from offramp.http import Mask, mask_headers
from offramp.testing.exchanges import RecordedExchange, RecordedRequest

#: The folder beside the test module that has them, a file for each test.
FOLDER: Final = "recordings"
_INDENT: Final = 2
#: Tokens that a partner gives out, which no setting knows: in JSON, and in forms.
_GIVEN: Final = "access_token|refresh_token|id_token|client_secret"
_IN_JSON: Final = re.compile(rf'("(?:{_GIVEN})"\s*:\s*")[^"]*')
_IN_FORM: Final = re.compile(rf"((?:^|[?&])(?:{_GIVEN})=)[^&]*")


class Recording:
    """The exchanges of one test with its partner, written to a file or read from it."""

    def __init__(self, file: Path, *, record: bool) -> None:
        self.file = file
        #: Whether requests go to the real partner.
        self.record = record
        self._known: list[dict[str, Any]] = [] if record else _json.loads(file.read_bytes())
        self._answered = 0
        self._settled: list[RecordedExchange] = []

    @staticmethod
    def file_of(module: Path, test: str) -> Path:
        """The file of a test; characters that not every file system takes are replaced."""
        name = re.sub(r"[^\w.-]+", "_", test).strip("_")
        return module.parent / FOLDER / f"{module.stem}.{name}.json"

    def around(self, transport: Handler) -> Handler:
        """The transport itself while recording; else one that gives the recorded answers."""
        return transport if self.record else self._replay

    def settle(self, exchanges: Iterable[RecordedExchange], mask: Mask) -> None:
        """Record the exchanges of a run, or compare its requests with those recorded.

        Both as they are with secrets masked, so that other credentials change nothing.
        """
        __tracebackhide__ = True
        for exchange in exchanges:
            if any(exchange is each for each in self._settled) or exchange.response is None:
                continue
            self._settled.append(exchange)
            request = _request(exchange.request, mask)
            if self.record:
                self._known.append(
                    {"request": request, "response": _response(exchange.response, mask)}
                )
            else:
                self._compare(len(self._settled), request)

    def close(self) -> None:
        """Write what was recorded; else fail the test if it left recorded requests unmade."""
        if self.record:
            self.file.parent.mkdir(exist_ok=True)
            self.file.write_text(_text(self._known), encoding="utf-8")
            return
        left = [each["request"] for each in self._known[self._answered :]]
        if left:
            asked = "\n".join(f"  {each['method']} {each['url']}" for each in left)
            pytest.fail(f"the test no longer makes these requests:\n{asked}\n{self._remedy()}")

    async def _replay(self, outgoing: OutgoingRequest) -> Response:
        if self._answered == len(self._known):
            asked = f"{outgoing.method} {outgoing.url}"
            pytest.fail(f"no answer to {asked} was recorded\n{self._remedy()}", pytrace=False)
        answer = self._known[self._answered]["response"]
        self._answered += 1
        return Response(
            status=answer["status"],
            reason=answer["reason"],
            headers=answer["headers"],
            body=answer["body"].encode(),
            url=outgoing.url,
        )

    def _compare(self, number: int, request: dict[str, Any]) -> None:
        __tracebackhide__ = True
        before, now = _text(self._known[number - 1]["request"]), _text(request)
        if before == now:
            return
        changes = unified_diff(
            before.splitlines(), now.splitlines(), "recorded", "now", lineterm=""
        )
        message = [f"request {number} is not the one that was recorded", *changes, self._remedy()]
        pytest.fail("\n".join(message), pytrace=False)

    def _remedy(self) -> str:
        name = f"{FOLDER}/{self.file.name}"
        return f"if that is meant, `pytest --offramp-record` writes {name} anew"


def _request(request: RecordedRequest, mask: Mask) -> dict[str, Any]:
    hidden = _hide(mask)
    return {
        "method": request.method,
        "url": hidden(request.url),
        "headers": dict(sorted(mask_headers(request.headers, mask).items())),
        "body": _readable(hidden(request.text)),
    }


def _response(response: Response, mask: Mask) -> dict[str, Any]:
    return {
        "status": response.status,
        "reason": response.reason,
        "headers": mask_headers(response.headers, mask),
        "body": _hide(mask)(response.text),
    }


def _hide(mask: Mask) -> Callable[[str], str]:
    def hidden(text: str) -> str:
        for pattern in (_IN_JSON, _IN_FORM):
            text = pattern.sub(rf"\g<1>{MASK}", text)
        return mask(text)

    return hidden


def _readable(text: str) -> Any:
    try:
        return _json.loads(text)
    except ValueError:
        return text


def _text(value: Any) -> str:
    return msgspec.json.format(_json.dumps(value), indent=_INDENT).decode() + "\n"
