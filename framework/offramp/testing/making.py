"""Makes a destination under test, configured as an operator would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import attrs

from offramp.config import configure_plugins
from offramp.config.audiences import read_audiences
from offramp.definition import AuthTokens, Destination, Middleware
from offramp.errors import ConfigError, Fault, PluginError
from offramp.hooks import hookimpl
from offramp.plugins import CatalogEntry, load_catalog, load_plugins
from offramp.testing.clock import FakeClock
from offramp.testing.data import generate_test_data
from offramp.testing.integration import TestIntegration
from offramp.testing.recordings import Recording


class MakeIntegration(Protocol):
    """The type of the fixture `integration`: call it with a destination, or the slug of one."""

    def __call__(  # noqa: PLR0913 - an instance's parts, each of which a test may set
        self,
        destination: Destination | str,
        *,
        settings: Mapping[str, Any] | None = None,
        middleware: Sequence[Middleware] = (),
        plugins: Sequence[object] = (),
        auth: AuthTokens | None = None,
        oauth: Mapping[str, Any] | None = None,
        audiences: Mapping[str, Any] | None = None,
        clock: FakeClock | None = None,
        recording: Recording | None = None,
    ) -> TestIntegration:
        """See `create_test_integration`."""


def create_test_integration(  # noqa: PLR0913 - an instance's parts, each of which a test may set
    destination: Destination | str,
    *,
    settings: Mapping[str, Any] | None = None,
    middleware: Sequence[Middleware] = (),
    plugins: Sequence[object] = (),
    auth: AuthTokens | None = None,
    oauth: Mapping[str, Any] | None = None,
    audiences: Mapping[str, Any] | None = None,
    clock: FakeClock | None = None,
    recording: Recording | None = None,
) -> TestIntegration:
    """Configure a destination, or an installed one by its slug, for a test.

    Without `settings`, generated values are used besides the defaults. `plugins` are modules or
    objects with hooks, for example hooks that add actions to the destination. `audiences` are the
    table of an instance: by key, each with `name`, `settings` and perhaps `external_id`. A
    `recording` stands between it and the partner. Raises
    `PluginError` for every plugin problem that a host would report.
    """
    by_slug = isinstance(destination, str)
    extra = plugins if isinstance(destination, str) else [_Declares(destination), *plugins]
    loaded = load_plugins(extra=extra, installed=by_slug)
    configure_plugins(loaded)
    catalog = load_catalog(loaded)
    slug = destination if isinstance(destination, str) else destination.slug
    catalog.get(slug)  # a lazy destination is built, which may find problems
    if catalog.problems:
        raise PluginError("\n".join(map(str, catalog.problems)))
    entry = catalog[slug]
    return TestIntegration(
        catalog=catalog,
        entry=entry,
        settings=made_up_settings(entry) if settings is None else settings,
        middleware=middleware,
        clock=clock or FakeClock(),
        auth=auth,
        oauth=oauth or {},
        audiences=_audiences(entry, audiences or {}),
        recording=recording,
    )


def made_up_settings(entry: CatalogEntry) -> dict[str, Any]:
    """Generated values of the settings that have no default."""
    bare = {key: field for key, field in entry.settings.items() if field.default is None}
    return generate_test_data(bare, seed=entry.slug)


@attrs.frozen
class _Declares:
    destination: Destination

    @hookimpl
    def offramp_destinations(self) -> list[Destination]:
        return [self.destination]


def _audiences(entry: CatalogEntry, given: Mapping[str, Any]) -> dict[str, Any]:
    """Audiences as an instance's table has them, checked; raises `ConfigError`."""
    faults: list[Fault] = []
    read = read_audiences(given, entry.destination.audience, {}, "audiences", faults)
    if faults:
        raise ConfigError(faults)
    return read
