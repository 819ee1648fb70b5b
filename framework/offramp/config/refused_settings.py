"""Settings with a URL to which `[host.egress]` lets no request go."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from offramp.config.model import Config
from offramp.config.references import References, resolve_settings, texts_in
from offramp.errors import ConfigError, Fault, join_place
from offramp.http import EGRESS_REMEDY, Egress, is_localhost
from offramp.plugins import Catalog

#: The host of a URL, an IPv6 address without its brackets.
_HOST: Final = re.compile(r"https?://(?:[^/?#@]*@)?(?:\[([^\]]*)\]|([^/?#:]*))", re.IGNORECASE)
_LOOPBACK_ADDRESS: Final = "127.0.0.1"


def refused_settings(
    config: Config, catalog: Catalog, egress: Egress, references: References
) -> Iterator[Fault]:
    """Each setting of an enabled instance with a URL to which `egress` lets no request go.

    No name is resolved. Instances that use a sandbox are left out, and those whose settings cannot
    be read.
    """
    for instance in config.instances.values():
        if not instance.enabled or instance.sandbox or instance.destination not in catalog:
            continue
        try:
            fields = catalog[instance.destination].settings
            settings = resolve_settings(instance, fields, references)
        except ConfigError:
            continue
        place = f"{join_place('instances', instance.name)}.settings"
        for at, text in texts_in(settings, place):
            if (what := _refusal(text, egress)) is not None:
                # Without the text, which may be what a reference stands for.
                yield Fault(at, f"leads to {what}, where no request is sent: {EGRESS_REMEDY}")


def _refusal(text: str, egress: Egress) -> str | None:
    found = _HOST.match(text)
    if found is None:
        return None
    host = found[1] or found[2]
    if is_localhost(host):
        return egress.refusal(_LOOPBACK_ADDRESS)
    return egress.refusal_of_literal(host)
