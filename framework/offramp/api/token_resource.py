"""Tokens of the control API: list, add, revoke, so that callers can change one by one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus

from offramp.api.host_context import HostContext
from offramp.api.operations import Call, Operation, Reply
from offramp.api.problems import conflict, refuse
from offramp.api.shapes import NewToken, RevokedToken, TokenAnswer, TokensShape
from offramp.api.times import write_time
from offramp.api.tokens import TokenError

log = logging.getLogger(__name__)


class TokensResource:
    """The tokens of the control API."""

    def __init__(self, host: HostContext) -> None:
        self._host = host

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        yield Operation(
            method="GET",
            path="/api/tokens",
            tag="tokens",
            summary="List the tokens of the control API by label, and when each was last used",
            serve=self.listing,
            answer=TokensShape,
        )
        yield Operation(
            method="POST",
            path="/api/tokens",
            tag="tokens",
            summary="Add a token; it is shown only in this answer",
            serve=self.add,
            answer=TokenAnswer,
            body=NewToken,
            status=HTTPStatus.CREATED,
        )
        yield Operation(
            method="DELETE",
            path="/api/tokens/{label}",
            tag="tokens",
            summary="Revoke a token that was added by the API",
            serve=self.revoke,
            answer=RevokedToken,
        )

    async def listing(self, _: Call) -> Reply:
        """Answer with all tokens."""
        tokens = self._host.tokens
        rows = []
        for label, origin in tokens.origins().items():
            at = tokens.used_at.get(label)
            used = None if at is None else write_time(at)
            rows.append({"label": label, "origin": origin, "last_used_at": used})
        return Reply(data={"tokens": rows})

    async def add(self, call: Call) -> Reply:
        """Make a token with the label in the body."""
        label = call.body.label
        try:
            value = await asyncio.to_thread(self._host.tokens.add, label)
        except TokenError as error:
            raise refuse("label", str(error)) from None
        await self._note(label, call, after={"label": label})
        answer: TokenAnswer = {"label": label, "token": value}
        return Reply(data=answer)

    async def revoke(self, call: Call) -> Reply:
        """Make a token invalid."""
        label = call.path["label"]
        try:
            await asyncio.to_thread(self._host.tokens.revoke, label)
        except TokenError as error:
            raise conflict(str(error)) from None
        await self._note(label, call, before={"label": label})
        answer: RevokedToken = {"revoked": label}
        return Reply(data=answer)

    async def _note(
        self,
        label: str,
        call: Call,
        *,
        before: Mapping[str, str] | None = None,
        after: Mapping[str, str] | None = None,
    ) -> None:
        what = "revoked" if after is None else "added"
        log.info(
            "the API token %r was %s by %s, with the token %r",
            label,
            what,
            call.actor,
            call.token,
            extra={"action": f"token_{what}"},
        )
        await self._host.configs.note(
            "token", label, before=before, after=after, actor=call.actor, token=call.token
        )
