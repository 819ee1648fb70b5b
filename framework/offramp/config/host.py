"""What an operator sets for the host itself: where it listens, where it keeps data, its limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import attrs

from offramp.config.files import Document
from offramp.config.labels import check_labelled
from offramp.config.options import keys_of, read_options
from offramp.config.secrets import is_masked, is_reference
from offramp.config.table import Table, plain_data
from offramp.definition import option
from offramp.errors import ConfigError, Fault, join_place
from offramp.event import MAX_BATCH_BYTES, MAX_BATCH_EVENTS, MAX_EVENT_BYTES, MAX_STORED_BYTES
from offramp.http import Egress, network_fault, proxy_fault

HIGHEST_PORT: Final = 65_535
#: Deliveries in flight, at 1.5 KB each with its event: some 7 GB.
MAX_IN_FLIGHT: Final = 5_000_000
#: Deliveries that may wait for one paused thing: a fifth of what may be in flight, so that the host
#: still takes events when it is resumed.
MAX_PAUSED_EVENTS: Final = 1_000_000
#: Bytes that stay free on the disk, so that outcomes can still be stored.
MIN_FREE_BYTES: Final = 512 * 1024 * 1024
KEEP_DELIVERED_DAYS: Final = 7.0
#: As long as some partners know an idempotency key again.
KEEP_DEAD_LETTERS_DAYS: Final = 34.0
#: A week, in which somebody notices a source that was disabled by mistake.
DISABLED_SOURCE_GRACE: Final = timedelta(days=7)
#: A working day: who signs in in the morning is signed in until the evening.
SESSION_IDLE_TIMEOUT: Final = timedelta(hours=12)
SESSION_LIFETIME: Final = timedelta(days=7)
#: Source: Segment's SDKs, which obey 300 s.
MAX_RETRY_AFTER_SECONDS: Final = 300.0

#: Of a backup a day: a week.
BACKUPS_KEPT: Final = 7
#: A backup takes some seconds per gigabyte.
SHORTEST_SCHEDULE: Final = timedelta(minutes=1)

LogFormat: TypeAlias = Literal["auto", "text", "json"]
LogLevel: TypeAlias = Literal["debug", "info", "warning", "error"]

_URL: Final = re.compile(r"https?://[^\s/]+/?")
_ADDRESS: Final = re.compile(r"([^\s:/\[\]]+|\[[\da-fA-F:.]+\]):(\d{1,5})")
_PATTERN: Final = re.compile(r"env:[A-Za-z0-9_*]+|file:/[^\x00*]*")
_PATTERN_WANTED: Final = (
    'must be a variable such as "env:PRODUCT_*", or a file or a folder: "file:/run/secrets"'
)


def _not_masked(token: str) -> str | None:
    return "is masked: write the token, or a reference (env:NAME)" if is_masked(token) else None


def _a_url(url: str) -> str | None:
    wanted = "must be an address such as https://events.example.com"
    return None if _URL.fullmatch(url) else wanted


def read_address(text: str) -> tuple[str, int] | None:
    """Read `HOST:PORT`, an IPv6 address in brackets; `None` if a text is no address."""
    found = _ADDRESS.fullmatch(text)
    if found is None or int(found[2]) > HIGHEST_PORT:
        return None
    return found[1].strip("[]"), int(found[2])


def _a_console(value: object) -> str | None:
    wanted = 'must be true, false or an address with a port, such as "127.0.0.1:8586"'
    return wanted if isinstance(value, str) and read_address(value) is None else None


def _a_pattern(pattern: object) -> str | None:
    fits = isinstance(pattern, str) and _PATTERN.fullmatch(pattern)
    return None if fits else _PATTERN_WANTED


def _a_minute_at_least(every: timedelta) -> str | None:
    return None if every >= SHORTEST_SCHEDULE else "must be a minute at least"


@attrs.frozen(kw_only=True)
class BackupSettings:
    """The table `[host.backup]`: backups that the host makes by itself."""

    path: Path = option(
        required='write the folder of the backups, such as "/var/backups/offramp"',
        description="folder in which each backup gets a folder of its own, relative to the file",
    )
    every: timedelta = option(
        default=timedelta(days=1),
        unit="hours",
        description="time between two backups",
        check=_a_minute_at_least,
    )
    keep: int = option(
        default=BACKUPS_KEPT,
        unit="backups",
        minimum=1,
        description="backups that are kept; the oldest is removed once a newer one is whole",
    )


def _a_proxy(proxy: str) -> str | None:
    return None if is_reference(proxy) else proxy_fault(proxy)


@attrs.frozen(kw_only=True)
class EgressSettings:
    """Where requests to partners may go."""

    allow: tuple[str, ...] = option(
        default=(),
        description="networks and addresses to which requests may go although they are not "
        'public: `["10.1.0.0/16", "127.0.0.1"]`',
        check=network_fault,
    )
    proxy: str | None = option(
        default=None,
        default_text="the environment's",
        description="HTTP proxy through which requests leave, `http://USER:PASSWORD@HOST:PORT`, or "
        "a reference; without one, `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` are obeyed",
        secret=True,
        check=_a_proxy,
    )
    no_proxy: tuple[str, ...] = option(
        default=(),
        description="hosts that are reached without `proxy`: names, domains with all below them, "
        "addresses and networks",
    )
    proxy_from_environment: bool = option(
        default=True,
        description="whether the variables of the environment are obeyed where `proxy` is not set",
    )
    ca_file: Path | None = option(
        default=None,
        description="PEM file with certificates of authorities that are trusted besides those of "
        "the system, relative to the file",
    )
    client_certificates: Mapping[str, Any] = option(
        default=attrs.Factory(dict),
        description="by the name of an instance, the PEM file with the client certificate that its "
        "partner asks for, followed by the private key; relative to the file",
    )

    @property
    def rule(self) -> Egress:
        """The rule that requests obey."""
        return Egress(allow=self.allow)


@attrs.frozen(kw_only=True)
class HostSettings:
    """The table `[host]`; the defaults are meant for one process on one machine."""

    host: str = option(
        default="127.0.0.1",
        description="address to listen on; any other than the loopback opens the host to the "
        "network",
    )
    port: int = option(
        default=8585, maximum=HIGHEST_PORT, description="port to listen on; 0 picks a free one"
    )
    data_dir: Path = option(
        default=Path("offramp-data"),
        description="data folder, on a local disk, relative to the file",
    )
    api_token: str | None = option(
        default=None,
        default_text="made by the host",
        description="bearer token of the control API, or a reference",
        secret=True,
        check=_not_masked,
    )
    api_tokens: Mapping[str, str] = option(
        default=attrs.Factory(dict),
        default_text="none",
        unit="token",
        description="up to five tokens by label, or a list of `{ label, token }`; `api_token` is "
        "short for one with the label `default`",
        secret=True,
    )
    console: bool | str = option(
        default=True,
        description="whether the web console is served, at `/`; or an address of its own, "
        '`"127.0.0.1:8586"`, which has the control API too',
        check=_a_console,
    )
    session_idle_timeout: timedelta = option(
        default=SESSION_IDLE_TIMEOUT,
        unit="hours",
        description="time without a request after which a session of the console ends",
    )
    session_lifetime: timedelta = option(
        default=SESSION_LIFETIME,
        unit="days",
        description="time after which a session of the console ends in any case",
    )
    max_event_bytes: int = option(
        default=MAX_EVENT_BYTES, unit="bytes", minimum=1, description="largest event, as JSON"
    )
    max_batch_bytes: int = option(
        default=MAX_BATCH_BYTES, unit="bytes", minimum=1, description="largest body of a batch"
    )
    max_stored_bytes: int = option(
        default=MAX_STORED_BYTES,
        unit="bytes",
        minimum=1,
        description="the events of one batch in sum, with the `context` and `integrations` that "
        "the batch adds to each of them",
    )
    max_batch_events: int = option(
        default=MAX_BATCH_EVENTS, unit="events", minimum=1, description="most events in a batch"
    )
    requests_per_second: float | None = option(
        default=None, default_text="any number", description="requests of one source, on average"
    )
    max_in_flight: int = option(
        default=MAX_IN_FLIGHT,
        unit="deliveries",
        minimum=1,
        description="deliveries in flight above which events are turned away",
    )
    max_paused_events: int = option(
        default=MAX_PAUSED_EVENTS,
        unit="deliveries",
        minimum=1,
        description="deliveries that may wait for one paused source, instance or subscription; "
        "beyond it the oldest expire. They do not count towards `max_in_flight`",
    )
    min_free_bytes: int = option(
        default=MIN_FREE_BYTES,
        unit="bytes",
        minimum=1,
        description="free disk space below which events are turned away",
    )
    max_retry_after: float = option(
        default=MAX_RETRY_AFTER_SECONDS,
        unit="seconds",
        description="longest time that a partner's `Retry-After` is obeyed; what it asked for is "
        "told in the reason",
    )
    disabled_source_grace: timedelta = option(
        default=DISABLED_SOURCE_GRACE,
        unit="days",
        description="time for which events of a disabled source are still taken, as filtered, so "
        "that they can be replayed; after it they are turned away",
    )
    keep_delivered_days: float = option(
        default=KEEP_DELIVERED_DAYS,
        unit="days",
        description="time that delivered and filtered deliveries are kept after their end",
    )
    keep_dead_letters_days: float = option(
        default=KEEP_DEAD_LETTERS_DAYS,
        unit="days",
        description="time that rejected and expired deliveries are kept for replay",
    )
    backup: Mapping[str, Any] = option(
        default=attrs.Factory(dict),
        description="backups that the host makes by itself; see [below](#hostbackup)",
    )
    #: What `backup` says; `None` if the host makes none by itself.
    backup_schedule: BackupSettings | None = attrs.field(default=None)
    egress: Mapping[str, Any] = option(
        default=attrs.Factory(dict),
        default_text="public addresses",
        description="where requests to partners may go; see [below](#hostegress)",
    )
    #: What `egress` says.
    egress_settings: EgressSettings = attrs.field(factory=EgressSettings)
    public_url: str | None = option(
        default=None,
        description="what browsers reach the host by, where a proxy stands before it: "
        "`https://events.example.com`",
        check=_a_url,
    )
    references: tuple[str, ...] = option(
        default=(),
        description="references that are followed beside those in the file; see "
        "[Secrets](#which-references-are-followed)",
        check=_a_pattern,
    )
    trusted_proxies: int = option(
        default=0,
        description="reverse proxies before the host, whose `X-Forwarded-For` tells the caller's "
        "address",
    )
    log_format: LogFormat = option(
        default="auto",
        description="how the log is written: `text`, `json`, or `auto`, which is text at a "
        "terminal and JSON anywhere else",
    )
    log_level: LogLevel = option(
        default="info",
        description="the least severe records that are written: `debug`, `info`, `warning`, "
        "`error`",
    )


def host_settings(document: Document) -> HostSettings:
    """The host's own settings alone, before anything else of a document is looked at.

    Raises `ConfigError` with every fault of the table `[host]`.
    """
    faults: list[Fault] = []
    data = plain_data(document.data, "", faults)
    faults.clear()  # those of the other tables are told when they are read
    written = data.get("host") if isinstance(data, dict) else None
    settings = read_host({} if written is None else written, document.folder, faults)
    if faults:
        raise ConfigError(faults)
    return settings


def read_host(written: object, folder: Path, faults: list[Fault]) -> HostSettings:
    """Read the table `[host]`; `folder` is what a relative data folder starts from."""
    table = Table(written, "host", faults, keys=keys_of(HostSettings))
    default = {"data_dir": folder / HostSettings().data_dir}
    values = read_options(HostSettings, table, folder=folder)
    check_labelled(table, "api_token", "api_tokens", values)
    for label, token in values.get("api_tokens", {}).items():
        if message := _not_masked(token):
            faults.append(Fault(join_place(table.at("api_tokens"), label), message))
    schedule = _read_backup(values["backup"], folder, faults) if "backup" in values else None
    egress = _read_egress(values.get("egress", {}), folder, faults)
    return HostSettings(**default | values, backup_schedule=schedule, egress_settings=egress)


def _read_backup(
    written: Mapping[str, Any], folder: Path, faults: list[Fault]
) -> BackupSettings | None:
    table = Table(written, "host.backup", faults, keys=keys_of(BackupSettings))
    values = read_options(BackupSettings, table, folder=folder)
    return BackupSettings(**values) if "path" in values else None


def _read_egress(written: Mapping[str, Any], folder: Path, faults: list[Fault]) -> EgressSettings:
    table = Table(written, "host.egress", faults, keys=keys_of(EgressSettings))
    before = len(faults)
    values = read_options(EgressSettings, table, folder=folder)
    certificates = values.get("client_certificates", {})
    for name, path in certificates.items():
        if not (isinstance(path, str) and path):
            place = join_place(table.at("client_certificates"), name)
            faults.append(Fault(place, "must be the path of a PEM file"))
    if len(faults) > before:
        return EgressSettings()
    files = {name: str(folder / path) for name, path in certificates.items()}
    return EgressSettings(**{**values, "client_certificates": files})
