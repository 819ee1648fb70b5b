"""A refresh that gets no answer in time is the partner's, and the grant stays."""

from __future__ import annotations

import asyncio

import pytest

from offramp import AuthTokens
from offramp.delivery import grant_keeper
from offramp.delivery.grant_keeper import GrantKeeper, MemoryGrants
from offramp.errors import RequestTimeoutError


async def test_a_refresh_without_an_answer_is_told_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the host's limit, not a time-out of the plugin's own; it is retried."""
    monkeypatch.setattr(grant_keeper, "REFRESH_SECONDS", 0.01)
    tokens = AuthTokens(access_token="a", refresh_token="r")

    async def never(_: object) -> AuthTokens:
        await asyncio.sleep(60)
        return tokens

    keeper = GrantKeeper(
        instance="i",
        destination="d",
        grants=MemoryGrants("i", "d", tokens),
        required=True,
        obtain=never,
        can_refresh=lambda _: True,
    )
    with pytest.raises(RequestTimeoutError, match=r"^there was no answer within 0\.01 s$"):
        await keeper.refresh(tokens)
    assert keeper.hold() is None
