"""Sessions as a resource: sign in with a token or a code, ask who is signed in, sign out."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from http import HTTPStatus

from offramp.api.host_context import HostContext
from offramp.api.logins import Reason
from offramp.api.operations import Call, Operation, Reply
from offramp.api.problems import ProblemError, refuse
from offramp.api.sessions import CODE_SECONDS, Session
from offramp.api.shapes import EndedSession, NewSession, SessionCode, SessionShape
from offramp.api.times import write_time
from offramp.api.tokens import WRONG_TOKEN

log = logging.getLogger(__name__)


class SessionsResource:
    """The sessions of browsers."""

    def __init__(self, host: HostContext) -> None:
        self._host = host

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        yield Operation(
            method="POST",
            path="/api/sessions",
            tag="sessions",
            summary="Sign in with a token, or with a code: the answer sets a cookie",
            serve=self.open,
            answer=SessionShape,
            body=NewSession,
            status=HTTPStatus.CREATED,
            is_public=True,
        )
        yield Operation(
            method="POST",
            path="/api/sessions/codes",
            tag="sessions",
            summary="Make a code that opens one session within a minute",
            serve=self.new_code,
            answer=SessionCode,
            status=HTTPStatus.CREATED,
        )
        yield Operation(
            method="GET",
            path="/api/sessions/current",
            tag="sessions",
            summary="Tell with which token, and until when, the caller is signed in",
            serve=self.show,
            answer=SessionShape,
            is_public=True,
        )
        yield Operation(
            method="DELETE",
            path="/api/sessions/current",
            tag="sessions",
            summary="Sign out",
            serve=self.end,
            answer=EndedSession,
        )

    async def open(self, call: Call) -> Reply:
        """Open a session for the token or the code in the body."""
        body, logins = call.body, self._host.logins
        if (body.token is None) == (body.code is None):
            raise refuse("$", "send either `token`, a token of the host, or `code`")
        if wait := logins.seconds_to_wait(call.address):
            message = "too many wrong tokens came from this address: wait, then try again"
            headers = {"Retry-After": str(math.ceil(wait))}
            raise ProblemError(HTTPStatus.TOO_MANY_REQUESTS, message, headers=headers)
        if body.token is not None:
            label = self._host.tokens.label_of(body.token.strip().encode())
        else:
            label = self._host.sessions.use_code(body.code)
        if label is None:
            raise self._refused("wrong_token" if body.code is None else "wrong_code", call)
        if call.session is not None:
            self._host.sessions.end(call.session)
        secret, session = self._host.sessions.open(label)
        await self._host.sessions.save()
        log.info(
            "a session was opened with the token %r from %s", label, call.address,
            extra={"action": "signed_in", "address": call.address},
        )  # fmt: skip
        cookie = {"Set-Cookie": self._host.sessions.cookie(secret)}
        return Reply(data=self._shape(label, session), headers=cookie)

    async def new_code(self, call: Call) -> Reply:
        """Make a code for the caller's token."""
        if call.session is not None:
            # Otherwise a session could be followed by another without end.
            message = "a session makes no codes: send a token of the host"
            raise ProblemError(HTTPStatus.FORBIDDEN, message)
        code, expires_at = self._host.sessions.new_code(call.token)
        answer: SessionCode = {
            "code": code,
            "expires_at": write_time(expires_at),
            "console": self._host.console,
        }
        return Reply(data=answer)

    async def show(self, call: Call) -> Reply:
        """Answer with the caller's session; without one, and without a token, it is 401."""
        if not call.token:
            # A page asks this to learn whether to sign in: it is no login that was refused.
            raise ProblemError(HTTPStatus.UNAUTHORIZED, "nobody is signed in")
        return Reply(data=self._shape(call.token, call.session))

    async def end(self, call: Call) -> Reply:
        """End the caller's session; a token has none."""
        answer: EndedSession = {"ended": call.session is not None}
        if call.session is not None:
            self._host.sessions.end(call.session)
            await self._host.sessions.save()
        return Reply(data=answer, headers={"Set-Cookie": self._host.sessions.cookie(None)})

    def _shape(self, label: str, session: Session | None) -> SessionShape:
        sessions = self._host.sessions
        return {
            "token": label,
            "created_at": None if session is None else write_time(session.created_at),
            "expires_at": None if session is None else write_time(sessions.expires_at(session)),
            "idle_seconds": sessions.idle_timeout.total_seconds(),
        }

    def _refused(self, reason: Reason, call: Call) -> ProblemError:
        self._host.logins.note(reason, call.address)
        self._host.logins.slow_down(call.address)
        message = WRONG_TOKEN
        if reason == "wrong_code":
            message = (
                f"this code was used, or is older than {CODE_SECONDS:g} seconds: run "
                "`offramp console` again, or sign in with the host's token"
            )
        return ProblemError(HTTPStatus.UNAUTHORIZED, message)
