"""Every example on the page about hooks is a whole plugin that does what the page says."""

from __future__ import annotations

import hashlib
import hmac
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.docs.pages import section

from offramp import OutgoingRequest, Response
from offramp.config import Document, Instance, configure_plugins
from offramp.delivery import Sandboxes, enter_lifespans, make_runtime
from offramp.mapping import transform
from offramp.plugins import Catalog, hook_names, load_catalog, load_plugins
from offramp.plugins.origin import FILE_PLUGINS
from offramp.testing import create_test_event, create_test_integration

PAGE = Path(__file__).parents[2] / "docs/reference/hooks.md"
SECTION = re.compile(r"^## (offramp_\w+)$(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples() -> dict[str, str]:
    """Hook -> the example of its section, which is the last block of code in it."""
    return {hook: CODE.findall(text)[-1] for hook, text in SECTION.findall(PAGE.read_text())}


def metronome(catalog: Catalog) -> Any:
    return catalog["metronome-actions"]


def declares_a_destination(catalog: Catalog) -> None:
    entry = catalog["sms-actions"]
    assert entry.plugin == "example"
    assert entry.preset_mapping(entry.preset("Text on sign-up")).keys() == {"to", "text"}


def adds_a_setting(catalog: Catalog) -> None:
    assert list(metronome(catalog).settings) == ["apiToken", "auditUrl"]
    assert metronome(catalog).settings["auditUrl"].required is False


def adds_an_action(catalog: Catalog) -> None:
    action = metronome(catalog).action("createCustomer")
    assert action.plugin == "example"
    assert action.default_mapping.keys() == {"name", "alias"}


def lays_over_a_default(catalog: Catalog) -> None:
    mapping = metronome(catalog).action("sendEvent").default_mapping
    assert transform(mapping["customer_id"], {"userId": "u1"}) == "u1"
    assert transform(mapping["customer_id"], {"userId": "u1", "context": {"groupId": "g"}}) == "g"


def adds_a_preset(catalog: Catalog) -> None:
    entry = metronome(catalog)
    mapping = entry.preset_mapping(entry.preset("Bill page views"))
    assert mapping["event_type"] == {"@literal": "page_view"}
    assert mapping["transaction_id"] == {"@path": "$.messageId"}


def adds_a_directive(catalog: Catalog) -> None:
    shout = {"@upper": {"@path": "$.event"}}
    assert transform(shout, {"event": "paid"}, directives=catalog.directives) == "PAID"


def stands_around_requests(catalog: Catalog) -> None:
    [middleware] = catalog.plugins.middleware(metronome(catalog).destination)
    assert middleware.__name__ == "sign"


def gives_options(catalog: Catalog) -> None:
    configure_plugins(catalog.plugins, Document(data={"plugins": {"example": {"patience": "2m"}}}))
    [(_, directives)] = catalog.plugins.directives()
    assert directives["@patience"](None, None)({}) == 120


def observes(catalog: Catalog) -> None:
    assert catalog.plugins.observes
    catalog.plugins.settled([])


def holds_a_worker(catalog: Catalog) -> None:
    [(name, _)] = catalog.plugins.lifespans()
    assert name == "example"


def adds_a_command(catalog: Catalog) -> None:
    context: Any = None
    [greet] = [made for name, made in catalog.plugins.commands(context) if name == "example"]
    assert greet.__name__ == "greet"
    assert "Greet somebody." in str(greet.__doc__)


def adds_a_route(catalog: Catalog) -> None:
    [(_, route)] = catalog.plugins.routes()
    assert (route.method, route.path) == ("GET", "/x/billing/stats")


SHOWS: Mapping[str, Callable[[Catalog], None]] = {
    "offramp_options": gives_options,
    "offramp_destinations": declares_a_destination,
    "offramp_settings": adds_a_setting,
    "offramp_actions": adds_an_action,
    "offramp_default_mapping": lays_over_a_default,
    "offramp_presets": adds_a_preset,
    "offramp_directives": adds_a_directive,
    "offramp_middleware": stands_around_requests,
    "offramp_settled": observes,
    "offramp_lifespan": holds_a_worker,
    "offramp_commands": adds_a_command,
    "offramp_routes": adds_a_route,
}


def test_the_many_destinations_of_the_page_are_built_one_by_one(tmp_path: Path) -> None:
    """The example lists two, and builds the one that is asked for."""
    path = tmp_path / "example.py"
    path.write_text(CODE.findall(section(PAGE.read_text(), "Many destinations"))[-1])
    catalog = load_catalog(load_plugins(files=[path], installed=False))
    assert list(catalog) == ["sms-eu", "sms-us"]
    assert catalog["sms-us"].destination.name == "SMS United States"
    assert list(catalog.built) == ["sms-us"]
    assert catalog.problems == ()


async def test_the_sandbox_of_the_page_receives_what_an_instance_sends(tmp_path: Path) -> None:
    """The example loads, and an action's request to the partner arrives at its emulator."""
    path = tmp_path / "example.py"
    path.write_text(CODE.findall(section(PAGE.read_text(), "A sandbox"))[-1])
    catalog = load_catalog(load_plugins(files=[path]))
    assert catalog.problems == ()
    sandboxes = Sandboxes(catalog)
    try:
        redirect = sandboxes.redirect("sms-actions")
        made = create_test_integration(catalog["sms-actions"].destination, middleware=[redirect])
        run = await made.test_action(
            "sendMessage", event=create_test_event(context={"traits": {"phone": "+1"}})
        )
        run.assert_delivered()
        assert sandboxes.received("sms-actions") == [{"to": "+1"}]
    finally:
        await sandboxes.close()


@pytest.mark.parametrize("hook", hook_names())
def test_the_example_does_what_the_page_says(hook: str, tmp_path: Path) -> None:
    """Saved as a file, the example loads without a problem, and its effect can be seen."""
    path = tmp_path / "example.py"
    path.write_text(examples()[hook])
    catalog = load_catalog(load_plugins(files=[path]))
    assert catalog.problems == ()
    SHOWS[hook](catalog)


async def test_the_middleware_of_the_page_signs_a_request(tmp_path: Path) -> None:
    """What reaches the next handler carries the signature of the body by the instance's secret."""
    path = tmp_path / "example.py"
    path.write_text(examples()["offramp_middleware"])
    catalog = load_catalog(load_plugins(files=[path]))
    entry = metronome(catalog)
    [middleware] = catalog.plugins.middleware(entry.destination)
    seen: list[OutgoingRequest] = []

    async def handler(outgoing: OutgoingRequest) -> Response:
        seen.append(outgoing)
        return Response(status=200, headers={}, body=b"")

    runtime = make_runtime(
        Instance(name="billing", source="site", destination=entry.slug),
        entry,
        {"apiToken": "token", "signingSecret": "of this instance"},
        transport=handler,
        middleware=[middleware],
    )
    await runtime.client().post("https://a.example", data=b"{}")
    digest = hmac.new(b"of this instance", b"{}", hashlib.sha256).hexdigest()
    assert seen[0].headers["X-Signature"] == digest


async def test_the_route_of_the_page_answers(tmp_path: Path) -> None:
    """The handler gets the query, and answers with a status and JSON data."""
    path = tmp_path / "example.py"
    path.write_text(examples()["offramp_routes"])
    [(_, route)] = load_plugins(files=[path]).routes()
    assert await route.handler({"of": "acme"}, None) == (200, {"asked for": "acme"})


async def test_the_lifespan_of_the_page_holds_a_child_process(tmp_path: Path) -> None:
    """The process answers in the meantime, and has ended afterwards."""
    path = tmp_path / "example.py"
    path.write_text(examples()["offramp_lifespan"])
    plugins = load_plugins(files=[path], installed=False)
    async with enter_lifespans(plugins):
        [worker] = sys.modules[f"{FILE_PLUGINS}.example"].workers
        worker.stdin.write(b"hello\n")
        assert await worker.stdout.readline() == b"HELLO\n"
    assert worker.returncode == 0
    assert plugins.problems == ()
