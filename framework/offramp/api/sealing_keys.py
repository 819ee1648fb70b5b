"""The keys that secrets are sealed with at rest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

import msgspec

from offramp.api.host_context import HostContext
from offramp.api.operations import Call, Operation, Reply
from offramp.config import Rotation, rotate_keys


class RotationBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How to rotate the key."""

    #: Whether the old keys are removed from the data folder; older backups need them.
    drop_old_keys: bool = False


class RotationShape(TypedDict):
    """The new key, by its id, and what was sealed with it."""

    key: str
    #: The ids of the old keys that are kept.
    old_keys: list[str]
    #: The sources, instances and subscriptions whose secrets were sealed anew.
    resealed: int


class SealingKeysResource:
    """The keys that secrets are sealed with."""

    def __init__(self, host: HostContext) -> None:
        self._host = host

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        yield Operation(
            method="POST",
            path="/api/sealing-keys/rotate",
            tag="configuration",
            summary="Seal all stored secrets with a new key",
            serve=self.rotate,
            answer=RotationShape,
            body=RotationBody,
            body_optional=True,
        )

    async def rotate(self, call: Call) -> Reply:
        """Seal all secrets anew."""
        body: RotationBody | None = call.body
        host = self._host
        drop_old = body is not None and body.drop_old_keys
        # One after another: the old key of one is the key that another seals with.
        async with host.changing:
            rotation = await rotate_keys(
                host.configs, host.folder, actor=call.actor, token=call.token, drop_old=drop_old
            )
        return Reply(data=rotation_shape(rotation))


def rotation_shape(rotation: Rotation) -> RotationShape:
    """A rotation as JSON data."""
    return {
        "key": rotation.key,
        "old_keys": list(rotation.old_keys),
        "resealed": rotation.resealed,
    }
