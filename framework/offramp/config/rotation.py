"""Rotates the key that secrets are sealed with; a kill at any moment leaves what can be opened."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import attrs

from offramp.config.keyring import (
    KEY_FILE,
    KEY_FILE_VARIABLE,
    KEY_VARIABLE,
    KeyRing,
    drop_old_keys,
    load_key_ring,
    rotate_key_file,
)
from offramp.config.store import ConfigStore, read_sealing_keys
from offramp.errors import ConfigError, Fault
from offramp.storage import Readers, Store

_FIRST: Final = (
    "its first key seals every secret already: put a new key before it, with a comma between the "
    "two, then rotate the keys again (openssl rand -base64 32 makes one)"
)
#: A process gets its variables when it starts.
_RESTART: Final = "; a host reads the variable when it starts, so restart it in between"
_YOURS: Final = "keeps the keys, so remove the old ones there yourself once this is done"


@attrs.frozen(kw_only=True)
class Rotation:
    """A rotation that was made: the new key by its id, and what is sealed with it now."""

    key: str
    #: The ids of the keys that can still open something, such as a backup.
    old_keys: tuple[str, ...]
    #: The sources, instances and subscriptions whose secrets were sealed anew.
    resealed: int


async def key_ring_of(
    store: Store | Readers, folder: Path, *, environ: Mapping[str, str] | None = None
) -> KeyRing:
    """The keys for what is stored; as `load_key_ring`, but a new key opens nothing.

    So none is made beside secrets that another one sealed, as in a folder that was restored
    without its key. Raises `ConfigError` then, too.
    """
    environ = os.environ if environ is None else environ
    given = environ.get(KEY_VARIABLE) or environ.get(KEY_FILE_VARIABLE)
    path = folder / KEY_FILE
    if not given and not path.exists() and (needed := await read_sealing_keys(store)):
        message = (
            f"is missing, and stored secrets are sealed with the key {', '.join(sorted(needed))}, "
            f"which is in no backup: put that file back, or set {KEY_VARIABLE} or "
            f"{KEY_FILE_VARIABLE}"
        )
        raise ConfigError([Fault(str(path), message)])
    return load_key_ring(folder, environ=environ)


async def rotate_keys(  # noqa: PLR0913 - who asked is two of them
    configs: ConfigStore,
    folder: Path,
    *,
    actor: str,
    token: str = "",
    drop_old: bool = False,
    environ: Mapping[str, str] | None = None,
) -> Rotation:
    """Seal all secrets with a new key, in one transaction, once that key is safe on disk.

    A key in the data folder is made here; one that a variable gives, or the file that it names, was
    put before the others by a person. The old keys stay in the data folder, since backups need
    them, unless `drop_old`. Raises `ConfigError` where there is no new key.
    """
    environ = os.environ if environ is None else environ
    named = next((name for name in (KEY_VARIABLE, KEY_FILE_VARIABLE) if environ.get(name)), None)
    if named is not None and drop_old:
        raise ConfigError([Fault(named, _YOURS)])
    ring = load_key_ring(folder, environ=environ)
    before = ring
    if await configs.sealing_keys() <= {ring.ids[0]}:
        # Unless a rotation was interrupted after its key was made.
        ring = _newer(folder, named)
    resealed = await configs.rotate(ring)
    if drop_old:
        ring = drop_old_keys(folder)
    await configs.note(
        "sealing_key",
        ring.ids[0],
        before={"keys": list(before.ids)},
        after={"keys": list(ring.ids)},
        actor=actor,
        token=token,
    )
    return Rotation(key=ring.ids[0], old_keys=ring.ids[1:], resealed=resealed)


def _newer(folder: Path, named: str | None) -> KeyRing:
    if named is None:
        return rotate_key_file(folder)
    raise ConfigError([Fault(named, _FIRST + (_RESTART if named == KEY_VARIABLE else ""))])
