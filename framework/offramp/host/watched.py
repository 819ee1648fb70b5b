"""What health looks at: the parts of a host, and kinds of problems with what each of them finds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeAlias

import attrs

from offramp.delivery import Engine
from offramp.errors import Fault
from offramp.host.readiness import Sums
from offramp.storage import Damage

Stale: TypeAlias = Callable[[], Awaitable[Iterable[Fault]]]


async def _none_stale() -> Iterable[Fault]:
    return ()


def _no_failure() -> None:
    """Nothing failed: for a host without a schedule of backups."""


def _no_failures() -> Mapping[str, str]:
    return {}


@attrs.frozen(kw_only=True, eq=False)
class Watched:
    """The parts of a host that the kinds look at; a kind that needs another part adds it here."""

    engine: Engine
    #: The quick check of the sums; lists what is wrong.
    sums: Sums
    #: Lists the references that could be read before and now cannot.
    stale: Stale = _none_stale
    #: Why the latest scheduled backup failed, or nothing.
    backup_failure: Callable[[], str | None] = _no_failure
    #: Slug -> why the sandbox of a destination did not start.
    sandbox_failures: Callable[[], Mapping[str, str]] = _no_failures
    #: What is known to be damaged in the file.
    damage: Damage = attrs.field(factory=Damage)


@attrs.frozen(kw_only=True)
class Finding:
    """One part that does not run."""

    #: JSON pointer of the part.
    pointer: str
    #: What is wrong; it may quote the configuration, but no secret.
    cause: str
    #: What callers without a token may read of it: nothing of the configuration, nor of an answer.
    public: str
    #: What a person can do, if it is not the remedy of the kind; empty if the cause says it.
    remedy: str | None = None


Find: TypeAlias = Callable[[Watched], Iterable[Finding] | Awaitable[Iterable[Finding]]]


@attrs.frozen(kw_only=True)
class Kind:
    """A kind of problem with which the host still accepts events."""

    #: Its name in the API, and the label of its metric.
    code: str
    #: What it means, in one line, for the documentation.
    summary: str
    #: What a person can do, in one sentence.
    remedy: str
    #: Lists what has this problem; called in the event loop, and must be quick.
    find: Find
