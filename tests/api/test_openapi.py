"""One table serves and documents: every answer fits its schema, and nothing breaks the host."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.api.conftest import SUBSCRIPTION, Running
from tests.api.granted import granted
from tests.api.parts import BACKUP, CALLS, CODE, ID, faults, prepared
from tests.delivery.audience_parts import URL as LISTS_URL
from tests.delivery.audience_parts import ListPartner, lists
from tests.delivery.parts import Partner, small
from tests.plugins.small import catalog_of, declares

from offramp import OutgoingRequest, Response
from offramp.api import operations_of
from offramp.plugins import Catalog


@pytest.fixture
def catalog() -> Catalog:
    """A destination with audiences, and one with OAuth 2, beside the small one."""
    return catalog_of(declares("all", small, lists, granted()))


@pytest.fixture
def partner(partner: Partner) -> Any:
    """Both partners, each of whom gets its own requests."""
    lists = ListPartner()

    async def answer(outgoing: OutgoingRequest) -> Response:
        return await (lists if outgoing.url.startswith(LISTS_URL) else partner)(outgoing)

    return answer


PAGE = Path(__file__).parents[2] / "docs/reference/control-api.md"


async def test_every_answer_fits_the_schema_that_documents_it(
    host: Running, tmp_path: Path
) -> None:
    """Each operation is called once at least, and each answer is what the description says."""
    document = await prepared(host)
    latest = state = ""
    for method, path, more, body in CALLS:
        filled = re.sub(r"{\w+}", more, path) if "{" in path else path + more
        sent = {"path": str(tmp_path / BACKUP)} if body == {"path": BACKUP} else body
        sent = {**body, "state": state} if body == CODE else sent
        heard = await host.ask(method, filled.replace("LATEST", latest), sent)
        described = document["paths"][path][method.lower()]["responses"]
        assert str(heard.status) in described, f"{method} {filled}: {heard.text}"
        schema = described[str(heard.status)]["content"]["application/json"]["schema"]
        assert faults(schema, heard.data, document) == [], f"{method} {filled}"
        if (method, path) == ("POST", "/api/replays") and heard.data["replay"]:
            latest = heard.data["replay"]["id"]
        if path.endswith("/grant/authorize"):
            state = heard.data["state"]
        if (method, path) == ("POST", "/api/backups"):
            latest = heard.data["id"]
            await host.context.backups.wait()
    called = {(method, path) for method, path, _, _ in CALLS}
    assert called == {(each.method, each.path) for each in operations_of(host.context)}


async def test_every_problem_fits_its_schema(host: Running) -> None:
    """RFC 9457, whatever went wrong."""
    document = await prepared(host)
    schema = {"$ref": "#/components/schemas/ProblemShape"}
    bad = [
        await host.ask("GET", "/api/nothing"),
        await host.ask("GET", "/api/status", headers={"Authorization": ""}),
        await host.ask("POST", "/api/replays", {}),
        await host.ask("PUT", "/api/status"),
        await host.ask("POST", "/api/explain", raw=b"{"),
    ]
    for heard in bad:
        assert heard.headers["Content-Type"] == "application/problem+json"
        assert faults(schema, heard.data, document) == []
        assert heard.data["status"] == heard.status


async def test_the_description_holds_together(host: Running) -> None:
    """References lead somewhere, operation ids are unique, path parameters are declared."""
    document = await host.get("/api/openapi.json")
    assert document["openapi"].startswith("3.1.")
    names = re.findall(r'"#/components/schemas/(\w+)"', str(document).replace("'", '"'))
    assert names
    assert set(names) <= document["components"]["schemas"].keys()
    described = [each for path in document["paths"].values() for each in path.values()]
    ids = [each["operationId"] for each in described]
    assert len(ids) == len(set(ids))
    for path, methods in document["paths"].items():
        for each in methods.values():
            declared = {p["name"] for p in each["parameters"] if p["in"] == "path"}
            assert declared == set(re.findall(r"{(\w+)}", path))
            assert each["summary"]


async def test_the_reference_lists_every_operation(host: Running) -> None:
    """Method, path and summary of each, and of nothing else."""
    rows = re.findall(r"^\| `(\w+)` \| `(/api/[^`]*)` \| (.*) \|$", PAGE.read_text(), re.MULTILINE)
    served = [(each.method, each.path, each.summary) for each in operations_of(host.context)]
    assert sorted(rows) == sorted(served)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8)
    | st.sampled_from(
        [SUBSCRIPTION, "small", "site", 'type = "track"', "rejected", "bad-1", "***"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner,
                                                                max_size=3),
    max_leaves=6,
)  # fmt: skip


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
async def test_no_request_breaks_the_host(host: Running, data: st.DataObject) -> None:
    """Any value at any place that the description names: served or a problem, never a 500."""
    operation = data.draw(st.sampled_from(operations_of(host.context)))
    words = st.sampled_from(["small", "site", ID, "m1"]) | st.text(max_size=5).map(
        lambda text: quote(text, safe="") or "x"
    )
    path = re.sub(r"{\w+}", lambda _: data.draw(words), operation.path)
    if path.rstrip("/").endswith(("..", "/.")):
        return  # clients themselves take such a path for another
    values = st.text(max_size=5) | st.sampled_from(["1", "true", "rejected", "2026-01-01", "1-1"])
    query = "&".join(
        f"{each.name}={quote(data.draw(values), safe='')}"
        for each in operation.query
        if data.draw(st.booleans())
    )
    body = None
    if operation.body is not None:
        keys = list(get_type_hints(operation.body))
        body = data.draw(
            st.dictionaries(st.sampled_from(keys) | st.text(max_size=4), JSON, max_size=4) | JSON
        )
    heard = await host.ask(operation.method, f"{path}?{query}" if query else path, body)
    assert heard.status < 500, f"{operation.method} {path} {query} {body}: {heard.text}"
