"""One published destination, and the one way in which a function of it is called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from offramp import RejectedError, Request, wire
from offramp_segment.failures import JavaScriptError, as_error
from offramp_segment.fetches import Fetches
from offramp_segment.pool import EndsWorkersError
from offramp_segment.pools import Pools
from offramp_segment.worker import CallFailedError


@attrs.frozen(eq=False)
class Published:
    """A destination, and the workers that run it."""

    directory: str
    own_network: bool
    pools: Pools

    async def call(
        self, request: Request[Any], operation: str, /, *, app: bool = False, **message: Any
    ) -> Any:
        """Run an operation of the protocol and return its value.

        Raises a `DeliveryError`, or `JavaScriptError` for a fault of the destination's own code.
        With `app`, the worker gets the operator's app at the partner.
        """
        if request.explaining and self.own_network:
            raise RejectedError(
                "it opens connections of its own, which cannot be explained without being made",
                code="OWN_NETWORK",
                status=501,
            )
        fetches = Fetches(request)
        pool = self.pools.find(network=self.own_network)
        whole = {
            "op": operation,
            "destination": self.directory,
            "settings": wire(request.settings),
            **_auth(request, app=app),
            **message,
        }
        kind = (operation, message.get("action"))
        try:
            return await pool.call(request.instance, kind, whole, fetches.send)
        except EndsWorkersError as died:
            raise JavaScriptError(str(died)) from died
        except CallFailedError as failed:
            error = failed.error
            raise fetches.gravest(error.get("fetch")) or as_error(error) from None


def _auth(request: Request[Any], *, app: bool) -> Mapping[str, Any]:
    tokens = request.auth
    if tokens is None:
        return {}
    auth = {"accessToken": tokens.access_token, "refreshToken": tokens.refresh_token or ""}
    if app and tokens.client is not None:
        auth["clientId"] = tokens.client.client_id
        auth["clientSecret"] = tokens.client.client_secret or ""
    return {"auth": auth}
