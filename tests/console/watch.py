"""Watches a browser: what it reports, and where it sends its requests to."""

from __future__ import annotations

import re

import attrs
from playwright.async_api import BrowserContext, ConsoleMessage, Dialog, Request, WebError

#: What Chromium reports of each answer from 400 on; the API gives these on purpose, as it does 502
#: where the partner refuses.
REFUSED = re.compile(
    r"^Failed to load resource: the server responded with a status of (4\d\d|502) "
)
LOST = re.compile(r"^Failed to load resource: net::ERR_")


@attrs.define(slots=False)  # Playwright puts what it needs beside each bound method
class Watch:
    """Collects what must not happen in any test."""

    origin: str
    #: Set by a test that stops the host.
    is_host_stopped: bool = False
    #: Where a person is sent to on purpose, as to grant access.
    partners: list[str] = attrs.field(factory=list)
    _problems: list[str] = attrs.field(factory=list)

    def follow(self, context: BrowserContext) -> None:
        """Watch all pages of a context, from their first request on."""
        context.on("console", self._on_console)
        context.on("weberror", self._on_error)
        context.on("request", self._on_request)
        context.on("dialog", self._on_dialog)

    def check(self) -> None:
        """Fail if anything was reported, as a violation of the policy or a request elsewhere."""
        assert self._problems == []

    def _on_console(self, message: ConsoleMessage) -> None:
        expected = REFUSED.match(message.text) or (
            self.is_host_stopped and LOST.match(message.text)
        )
        if message.type in {"error", "warning"} and not expected:
            self._problems.append(f"console: {message.text} ({message.location})")

    def _on_error(self, error: WebError) -> None:
        self._problems.append(f"uncaught: {error.error}")

    async def _on_dialog(self, dialog: Dialog) -> None:
        # The browser asks before a page with a draft is left; nothing else opens one.
        if dialog.type == "beforeunload":
            await dialog.accept()
        else:
            self._problems.append(f"{dialog.type}: {dialog.message}")
            await dialog.dismiss()

    def _on_request(self, request: Request) -> None:
        own = (f"{each}/" for each in (self.origin, *self.partners))
        if not request.url.startswith((*own, "data:", "blob:")):
            self._problems.append(f"request to another origin: {request.url}")
