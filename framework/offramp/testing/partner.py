"""A partner that answers as scripted, instead of the network."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import SimpleNamespace, TracebackType
from typing import Any, Final, Self

import aiohttp
import pytest
from aiohttp.base_protocol import BaseProtocol
from aioresponses import aioresponses
from aioresponses.core import RequestMatch
from yarl import URL

from offramp.definition import UNSET
from offramp.place import exception_text
from offramp.testing.exchanges import Answer, RecordedRequest

#: URLs that are let through to a server that the test itself runs.
LOOPBACK: Final = ("http://127.0.0.1", "http://localhost", "http://[::1]")
#: Scripted bodies are in memory anyway, so their reader need never pause.
_UNPAUSED: Final = 2**30

#: Makes an answer to a request, for partners whose answers depend on the request.
Responder = Callable[[RecordedRequest], Answer]


class Partner:
    """Answers every request that aiohttp sends, except those to this machine.

    Answers are given in the order in which they were scripted for a URL, each once unless `repeat`
    says otherwise (a number of times, or `True` for ever). A request without a scripted answer
    fails the test at once: nothing ever reaches the network.
    """

    def __init__(self) -> None:
        #: Every request to the partner, in order.
        self.requests: list[RecordedRequest] = []
        self._far_end = _FarEnd(self)
        self._scripted: list[str] = []
        self._otherwise: Responder | None = None

    def __enter__(self) -> Self:
        self._far_end.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._far_end.stop()

    @property
    def request(self) -> RecordedRequest:
        """The only request; raises `AssertionError` if there were none, or more."""
        if len(self.requests) != 1:
            message = "\n".join(f"  {r.method} {r.url}" for r in self.requests) or "  none"
            raise AssertionError(f"expected one request to the partner; there were:\n{message}")
        return self.requests[0]

    def answer(  # noqa: PLR0913 - what a request is known by, and what an answer is made of
        self,
        method: str,
        url: str | re.Pattern[str],
        *,
        status: int = 200,
        payload: Any = UNSET,
        body: bytes | str = b"",
        headers: dict[str, str] | None = None,
        reason: str | None = None,
        exception: BaseException | None = None,
        repeat: bool | int = False,
    ) -> None:
        """Script an answer; a URL as text must be complete, including its query."""
        answer = Answer(
            status=status,
            payload=payload,
            body=body,
            headers=headers or {},
            reason=reason,
            exception=exception,
        )
        self._far_end.add(url, method=method, repeat=repeat, **_as_arguments(answer))
        self._scripted.append(f"{method} {url.pattern if isinstance(url, re.Pattern) else url}")

    def get(self, url: str | re.Pattern[str], **answer: Any) -> None:
        """`answer("GET", url, ...)`."""
        self.answer("GET", url, **answer)

    def post(self, url: str | re.Pattern[str], **answer: Any) -> None:
        """`answer("POST", url, ...)`."""
        self.answer("POST", url, **answer)

    def put(self, url: str | re.Pattern[str], **answer: Any) -> None:
        """`answer("PUT", url, ...)`."""
        self.answer("PUT", url, **answer)

    def patch(self, url: str | re.Pattern[str], **answer: Any) -> None:
        """`answer("PATCH", url, ...)`."""
        self.answer("PATCH", url, **answer)

    def delete(self, url: str | re.Pattern[str], **answer: Any) -> None:
        """`answer("DELETE", url, ...)`."""
        self.answer("DELETE", url, **answer)

    def otherwise(self, respond: Responder | Answer | None) -> None:
        """Answer requests that are not scripted by a function or one `Answer`; `None` undoes it."""
        self._otherwise = (lambda _: respond) if isinstance(respond, Answer) else respond

    def _respond(self, request: RecordedRequest) -> Answer:
        if self._otherwise is not None:
            return self._ask(self._otherwise, request)
        scripted = "\n".join(f"  {each}" for each in self._scripted) or "  nothing"
        pytest.fail(
            f"the test has no answer left for {request.method} {request.url}\n"
            f"these were scripted, each once unless repeat= says otherwise:\n{scripted}\n"
            f'add one, such as partner.{request.method.lower()}("{request.url}", payload={{}})',
            pytrace=False,
        )

    def _ask(self, respond: Responder, request: RecordedRequest) -> Answer:
        """The answer of a test's own function; if it raises, the test fails."""
        try:
            answer: object = respond(request)
        except Exception as error:  # noqa: BLE001 - a test's function may raise anything
            message = f"raised {exception_text(error)}"
        else:
            if isinstance(answer, Answer):
                return answer
            message = f"answered {answer!r}: let it return an Answer"
        pytest.fail(f"the test's argument of `partner.otherwise` {message}", pytrace=False)


class _FarEnd(aioresponses):
    def __init__(self, partner: Partner) -> None:
        super().__init__(passthrough=list(LOOPBACK))
        self._partner = partner

    async def match(
        self,
        method: str,
        url: URL,
        allow_redirects: bool = True,  # noqa: FBT001, FBT002 - the base class's own
        **kwargs: Any,
    ) -> aiohttp.ClientResponse:
        request = RecordedRequest(
            method=method.upper(),
            url=str(url),
            headers=dict(kwargs.get("headers") or {}),
            body=kwargs.get("data") or b"",
        )
        self._partner.requests.append(request)
        response = await super().match(method, url, allow_redirects=allow_redirects, **kwargs)
        if response is None:
            arguments = _as_arguments(self._partner._respond(request))  # noqa: SLF001 - its other half
            made = await RequestMatch(url, method=method, **arguments).build_response(url, **kwargs)
            if isinstance(made, BaseException):
                raise made
            response = made
        return response


class _ScriptedResponse(aiohttp.ClientResponse):
    """A response without a connection.

    aioresponses up to 0.7.9 does not support two changes of aiohttp 3.14: a response uses the
    stream that its request was written to, and a reader pauses a parser, which is missing here.
    """

    def __init__(self, method: str, url: URL, **arguments: Any) -> None:
        arguments.setdefault("stream_writer", SimpleNamespace(output_size=0))
        super().__init__(method, url, **arguments)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "content" and isinstance(value, aiohttp.StreamReader):
            loop = value._loop  # noqa: SLF001 - the stand-in that the reader was made with
            value = aiohttp.StreamReader(BaseProtocol(loop), limit=_UNPAUSED, loop=loop)
        super().__setattr__(name, value)


def _as_arguments(answer: Answer) -> dict[str, Any]:
    return {
        "status": answer.status,
        "body": answer.content,
        "headers": dict(answer.headers),
        "reason": answer.reason,
        "exception": answer.exception,
        "response_class": _ScriptedResponse,
    }
