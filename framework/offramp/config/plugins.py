"""The tables `[plugins.NAME]`: what a plugin declares as its own options, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from offramp.config.files import Document
from offramp.config.options import keys_of, read_options
from offramp.config.references import resolve
from offramp.config.secrets import is_masked
from offramp.config.table import Table, plain_data, suggest
from offramp.definition import Option, options_of
from offramp.errors import ConfigError, Fault, join_place
from offramp.plugins import Plugins

PLACE = "plugins"
#: Types of options whose texts may be references, each by its key.
_TABLES: Final = frozenset({"table", "labelled"})


def configure_plugins(
    plugins: Plugins, document: Document | None = None, *, follow: bool = True
) -> None:
    """Give each plugin its options, before the catalog is built.

    A plugin without a table has its defaults; one that needs an option then is left out. References
    are followed unless `follow` is false: then they stay as they are written. Raises `ConfigError`
    with every fault of the tables that are written.
    """
    faults: list[Fault] = []
    written = {} if document is None else plugin_tables(plain_data(document.data, "", []), faults)
    folder = Path() if document is None else document.folder
    for name, cls in plugins.option_classes().items():
        found: list[Fault] = []
        place = join_place(PLACE, name)
        table = Table(written.get(name, {}), place, found, keys=keys_of(cls))
        values = read_options(cls, table, folder=folder)
        secrets = _follow(cls, values, place, found, follow=follow)
        if not found:
            plugins.give_options(name, cls(**values), secrets=secrets)
        elif name in written:
            faults += found
        else:
            plugins.leave_out(name, "; ".join(map(str, found)))
    for name in written:
        if name not in plugins.option_classes() and not plugins.is_absent(name):
            faults.append(Fault(join_place(PLACE, name), _unknown(name, plugins)))
    if faults:
        raise ConfigError(faults)


def plugin_tables(data: Any, faults: list[Fault]) -> Mapping[str, Any]:
    """What a document says at `plugins`, by the plugin's name."""
    written = data.get(PLACE) if isinstance(data, dict) else None
    if written is None:
        return {}
    if isinstance(written, dict):
        return written
    message = "must be a table of tables: [plugins.NAME]; Python files stand in plugin_files"
    faults.append(Fault(PLACE, message))
    return {}


def _unknown(name: str, plugins: Plugins) -> str:
    if name in plugins.names:
        return "this plugin has no options: leave the table out"
    known = {*plugins.names, *plugins.option_classes()}
    return f"there is no plugin {name!r}{suggest(name, sorted(known))}"


def _follow(
    cls: type[Any], values: dict[str, Any], place: str, faults: list[Fault], *, follow: bool
) -> list[str]:
    """Put what references stand for in the place of them; answers every secret."""
    secrets: list[str] = []
    for option in options_of(cls):
        value = values.get(option.attribute)
        at = join_place(place, option.key)
        if option.type == "text" and isinstance(value, str):
            values[option.attribute] = _followed(option, value, at, faults, secrets, follow=follow)
        elif option.type in _TABLES and isinstance(value, Mapping):
            values[option.attribute] = {
                key: _followed(option, item, join_place(at, key), faults, secrets, follow=follow)
                if isinstance(item, str)
                else item
                for key, item in value.items()
            }
    return secrets


def _followed(  # noqa: PLR0913 - an option's value and its place, and two lists that grow
    option: Option,
    value: str,
    at: str,
    faults: list[Fault],
    secrets: list[str],
    *,
    follow: bool,
) -> str:
    """What a text stands for, which is itself unless it is a reference."""
    if option.secret and is_masked(value):
        faults.append(Fault(at, "is masked: write the secret, or a reference (env:NAME)"))
    try:
        followed = resolve(value, at) if follow else value
    except ConfigError as error:
        faults += error.faults
        return value
    if option.secret or followed != value:
        secrets.append(followed)
    return followed
