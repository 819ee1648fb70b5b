"""The commands of `offramp`: each is a function in the file of its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from offramp.cli.commands.apply import apply
from offramp.cli.commands.audiences import audiences
from offramp.cli.commands.audit_log import audit_log
from offramp.cli.commands.backup import backup
from offramp.cli.commands.bench import bench
from offramp.cli.commands.catalog import catalog
from offramp.cli.commands.check import check
from offramp.cli.commands.choices import choices
from offramp.cli.commands.connect import connect
from offramp.cli.commands.console import console
from offramp.cli.commands.damaged import damaged
from offramp.cli.commands.dead_letters import dead_letters
from offramp.cli.commands.delete_user import delete_user
from offramp.cli.commands.dev import dev
from offramp.cli.commands.disable import disable
from offramp.cli.commands.disconnect import disconnect
from offramp.cli.commands.docs import docs
from offramp.cli.commands.enable import enable
from offramp.cli.commands.events import events
from offramp.cli.commands.explain import explain
from offramp.cli.commands.export import export
from offramp.cli.commands.init import init
from offramp.cli.commands.keys import keys
from offramp.cli.commands.lint import lint
from offramp.cli.commands.manifest import manifest
from offramp.cli.commands.match import match
from offramp.cli.commands.pause import pause
from offramp.cli.commands.reload import reload
from offramp.cli.commands.replay import replay
from offramp.cli.commands.restore import restore
from offramp.cli.commands.restored import restored
from offramp.cli.commands.resume import resume
from offramp.cli.commands.rotate_keys import rotate_keys
from offramp.cli.commands.send import send
from offramp.cli.commands.serve import serve
from offramp.cli.commands.status import status
from offramp.cli.commands.tokens import tokens
from offramp.cli.commands.transform import transform

#: In the order of `offramp --help`; the first parameter of each is the `Context`.
COMMANDS: Final[tuple[Callable[..., Any], ...]] = (
    transform,
    match,
    check,
    explain,
    choices,
    send,
    bench,
    catalog,
    manifest,
    docs,
    lint,
    init,
    dev,
    serve,
    console,
    events,
    status,
    dead_letters,
    replay,
    delete_user,
    pause,
    resume,
    enable,
    disable,
    connect,
    disconnect,
    apply,
    keys,
    audiences,
    tokens,
    reload,
    export,
    audit_log,
    backup,
    restore,
    restored,
    damaged,
    rotate_keys,
)
