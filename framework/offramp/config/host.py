"""What an operator sets for the host itself: where it listens, where it keeps data, its bounds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

import attrs

from offramp.config.files import Document
from offramp.config.secrets import is_masked
from offramp.config.table import Table, plain_data
from offramp.errors import ConfigError, Fault
from offramp.event import MAX_BATCH_BYTES, MAX_BATCH_EVENTS, MAX_EVENT_BYTES, MAX_STORED_BYTES

DEFAULT_PORT: Final = 8585
HIGHEST_PORT: Final = 65_535

LogFormat: TypeAlias = Literal["auto", "text", "json"]
LogLevel: TypeAlias = Literal["debug", "info", "warning", "error"]


@attrs.frozen(kw_only=True)
class HostSettings:
    """The table `[host]`; the defaults are meant for one process on one machine."""

    #: The address to listen on; anything but the loopback opens the host to the network.
    host: str = "127.0.0.1"
    #: 0 picks a free one.
    port: int = DEFAULT_PORT
    #: The data folder, on a local disk; relative to the configuration file.
    data_dir: Path = Path("offramp-data")
    #: The bearer token of the control API, or a reference; without one, the host makes one.
    api_token: str | None = attrs.field(default=None, repr=False)
    #: One event, in bytes of JSON.
    max_event_bytes: int = MAX_EVENT_BYTES
    #: The body of a batch, in bytes.
    max_batch_bytes: int = MAX_BATCH_BYTES
    #: The events of one batch in sum, in bytes, with what the batch adds to each of them.
    max_stored_bytes: int = MAX_STORED_BYTES
    #: Events of one batch.
    max_batch_events: int = MAX_BATCH_EVENTS
    #: Requests a second of one source; `None` for any number.
    requests_per_second: float | None = None
    #: Deliveries in flight above which events are turned away; `None` for the queue's own bound.
    max_in_flight: int | None = None
    #: Free bytes on the disk below which events are turned away; `None` as above.
    min_free_bytes: int | None = None
    #: Days that delivered and filtered deliveries are kept after their end; `None` as above.
    keep_delivered_days: float | None = None
    #: Days that rejected and expired deliveries are kept for replay; `None` as above.
    keep_dead_letters_days: float | None = None
    #: The longest that a partner's `Retry-After` is obeyed, in seconds; `None` for five minutes.
    max_retry_after: float | None = None
    #: What browsers reach the host by, where a proxy stands before it: `https://events.example`.
    public_url: str | None = None
    #: Reverse proxies before the host, whose X-Forwarded-For tells the caller's address.
    trusted_proxies: int = 0
    #: How the log is written: `auto` is text at a terminal, and JSON anywhere else.
    log_format: LogFormat = "auto"
    #: The least severe records that are written.
    log_level: LogLevel = "info"
    #: References (`env:NAME`, where `*` is any text, or `file:/` with a file or folder) that are
    #: followed beside those that stand in the file: also where the API brings them.
    references: tuple[str, ...] = ()


HOST_KEYS: Final = tuple(attribute.name for attribute in attrs.fields(HostSettings))
_COUNTS: Final = (
    *("max_event_bytes", "max_batch_bytes", "max_batch_events", "max_stored_bytes"),
    *("max_in_flight", "min_free_bytes"),
)
_URL: Final = re.compile(r"https?://[^\s/]+/?")
_PATTERN: Final = re.compile(r"env:[A-Za-z0-9_*]+|file:/[^\x00*]*")
_PATTERN_WANTED: Final = (
    'must be a variable such as "env:PRODUCT_*", or a file or a folder: "file:/run/secrets"'
)
_NUMBERS: Final = (
    "requests_per_second",
    "keep_delivered_days",
    "keep_dead_letters_days",
    "max_retry_after",
)


def host_settings(document: Document) -> HostSettings:
    """The host's own settings alone, before anything else of a document is looked at.

    Raises `ConfigError` with every fault of the table `[host]`.
    """
    faults: list[Fault] = []
    data = plain_data(document.data, "", faults)
    faults.clear()  # those of the other tables are told when they are read
    told = data.get("host") if isinstance(data, dict) else None
    table = Table({} if told is None else told, "host", faults, keys=HOST_KEYS)
    settings = read_host(table, document.folder)
    if faults:
        raise ConfigError(faults)
    return settings


def read_host(table: Table, folder: Path) -> HostSettings:
    """Read the table `[host]`; `folder` is what a relative data folder starts from."""
    data, token = table.text("data_dir"), table.text("api_token")
    if is_masked(token):
        table.fault("api_token", "is masked: write the token, or a reference (env:NAME)")
    given: dict[str, Any] = {
        "host": table.text("host"),
        "public_url": _url(table, "public_url"),
        "trusted_proxies": table.integer("trusted_proxies", minimum=0),
        "port": table.integer("port", minimum=0, maximum=HIGHEST_PORT),
        "data_dir": folder / (data or HostSettings().data_dir),
        "api_token": token,
        "log_format": table.choice("log_format", get_args(LogFormat)),
        "log_level": table.choice("log_level", get_args(LogLevel)),
        "references": _references(table),
        **{key: table.integer(key, minimum=1) for key in _COUNTS},
        **{key: table.number(key, above=0) for key in _NUMBERS},
    }
    return HostSettings(**{key: value for key, value in given.items() if value is not None})


def _references(table: Table) -> tuple[str, ...]:
    patterns = table.items("references", of="references that may be followed")
    for index, pattern in enumerate(patterns):
        if not (isinstance(pattern, str) and _PATTERN.fullmatch(pattern)):
            table.fault("references", _PATTERN_WANTED, index=index)
    return tuple(map(str, patterns))


def _url(table: Table, key: str) -> str | None:
    url = table.text(key)
    if url is not None and not _URL.fullmatch(url):
        table.fault(key, "must be an address such as https://events.example.com")
    return url
