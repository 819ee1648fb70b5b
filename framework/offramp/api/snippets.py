"""Snippets: how each of Segment's SDKs is pointed at this host, for one source."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypedDict
from urllib.parse import urlsplit

import attrs

from offramp.api.host_context import HostContext
from offramp.api.operations import Call, Operation, Reply
from offramp.api.problems import refuse_header
from offramp.api.snippet_texts import SDKS, Sdk
from offramp.plugins import pick

#: Stands for the write key, as a stored one is never shown: put the key in its place.
PLACEHOLDER: Final = "YOUR_WRITE_KEY"
#: The ports that a URL need not name.
_PORTS: Final = {"http": 80, "https": 443}
_NEEDS_HTTPS: Final = (
    "This SDK sends over HTTPS only: put a proxy with TLS before the host, and set `public_url` in "
    "the table [host] to its address."
)


class SnippetShape(TypedDict):
    """How one SDK sends a first event to this host."""

    #: Such as `python`.
    sdk: str
    label: str
    #: Of the code, for highlighting.
    language: str
    #: The command, or the line of a build file, that adds the SDK.
    install: str
    code: str
    #: What stands in the way, if anything does.
    note: str | None


class SnippetsShape(TypedDict):
    """Snippets for a source; in each `code`, `placeholder` stands for its write key."""

    source: str
    #: Where the SDKs send: `public_url`, or else the address that the caller used.
    url: str
    placeholder: str
    snippets: list[SnippetShape]


@attrs.frozen
class Address:
    """A URL, in the parts that SDKs ask for."""

    url: str

    @property
    def values(self) -> dict[str, str]:
        """Name of a part in a snippet -> its value."""
        parts = urlsplit(self.url)
        port = parts.port or _PORTS.get(parts.scheme, _PORTS["https"])
        prefix = parts.path.rstrip("/")
        path = f", path: '{prefix}/v1/import'" if prefix else ""
        return {
            "URL": self.url,
            "HOST": f"{parts.netloc}{prefix}",
            "NAME": parts.hostname or "",
            "PORT": str(port),
            "PATH": path,
            "WRITE_KEY": PLACEHOLDER,
        }

    def snippet(self, sdk: Sdk) -> SnippetShape:
        """The snippet of an SDK for this address."""
        code = sdk.code
        for name, value in self.values.items():
            code = code.replace(f"<{name}>", value)
        refused = sdk.https_only and not self.url.startswith("https://")
        return {
            "sdk": sdk.sdk,
            "label": sdk.label,
            "language": sdk.language,
            "install": sdk.install,
            "code": code,
            "note": _NEEDS_HTTPS if refused else None,
        }


class SnippetsResource:
    """Snippets of the SDKs."""

    def __init__(self, host: HostContext) -> None:
        self._host = host

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        yield Operation(
            method="GET",
            path="/api/sources/{name}/snippets",
            tag="sources",
            summary="Show how each of Segment's SDKs sends to this source",
            serve=self.show,
            answer=SnippetsShape,
        )

    async def show(self, call: Call) -> Reply:
        """Answer with the snippets of all SDKs."""
        _, config = await self._host.configs.load()
        source = pick(config.sources, call.path["name"], "source")
        url = self._host.public_url or call.host_url
        if not url:
            message = "is no name of a host: set `public_url` in the table [host]"
            raise refuse_header("Host", message)
        address = Address(url.rstrip("/"))
        snippets: list[Any] = [address.snippet(each) for each in SDKS]
        answer: SnippetsShape = {
            "source": source.name,
            "url": address.url,
            "placeholder": PLACEHOLDER,
            "snippets": snippets,
        }
        return Reply(data=answer)
