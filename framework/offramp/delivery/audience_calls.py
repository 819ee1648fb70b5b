"""Asks a partner to create an audience, or for one that it has; neither is a delivery."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from offramp.definition import AudienceDetails
from offramp.definition.audience import CallPartner
from offramp.delivery.failures import BoundedPluginCode, PluginFailedError, as_delivery_error
from offramp.delivery.runtime import InstanceRuntime
from offramp.errors import AddressRefusedError, DeliveryError, OfframpError
from offramp.http import Client, readable

#: Seconds for one call, however many requests it makes.
AUDIENCE_SECONDS: Final = 60.0
#: Codes of errors after which it is certain that the last request did not reach the partner.
_NOT_SENT: Final = frozenset(
    {
        "ECONNREFUSED",
        "ENOTFOUND",
        "EAI_AGAIN",
        "INVALID_URL",
        "INVALID_REQUEST",
        AddressRefusedError.code,
    }
)


class AudienceCallError(OfframpError):
    """The partner did not create an audience, or does not know one; secrets are masked."""

    def __init__(self, message: str, *, status: int, may_exist: bool) -> None:
        #: That of the partner, or the equivalent one.
        self.status = status
        #: Whether the partner may have created something.
        self.may_exist = may_exist
        super().__init__(message)

    @property
    def not_found(self) -> bool:
        """Whether the partner says that it has no such audience."""
        return self.status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}


async def call_partner(
    runtime: InstanceRuntime, function: CallPartner, audience: AudienceDetails
) -> str:
    """Call `create` or `get` of a destination; the partner's id of the audience.

    Raises `AudienceCallError`.
    """
    client: Client[Any] | None = None
    external_id: object = None
    async with BoundedPluginCode(AUDIENCE_SECONDS, "the partner did not answer") as code:
        client = runtime.client()
        external_id = await runtime.perform(client, function, audience)
        if not isinstance(external_id, str) or not external_id:
            raise PluginFailedError(
                "the plugin returned no id of the audience, which is a text, but "
                f"{type(external_id).__name__}"
            )
        return external_id
    assert code.error is not None  # noqa: S101 - the block returned otherwise
    error = as_delivery_error(code.error)
    mask = runtime.mask if client is None else client.mask
    raise AudienceCallError(
        readable(mask(error.message)),
        status=error.status,
        may_exist=client is not None and may_have_changed(client, error),
    ) from code.error


def may_have_changed(client: Client[Any], error: DeliveryError) -> bool:
    """Whether the requests of a failed call may have changed something at the partner.

    They have not where each one only reads, was refused with a 4xx, or was never sent.
    """
    last = client.kept()
    if last is None:
        return False
    made = [*last.earlier, last]
    unsent = last.status is None and error.code in _NOT_SENT
    changing = made[:-1] if unsent else made
    return last.left_out > 0 or any(
        not each.reads_only and not _refused(each.status) for each in changing
    )


def _refused(status: int | None) -> bool:
    if status is None or status == HTTPStatus.REQUEST_TIMEOUT:
        return False
    return HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
