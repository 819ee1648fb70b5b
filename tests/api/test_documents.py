"""The configuration as a document: out, in with a diff first, and its audit log."""

from __future__ import annotations

import tomllib
from typing import Any

from tests.api.conftest import SECRET, SUBSCRIPTION, WRITE_KEY, WRITTEN, Running


async def test_what_is_exported_applies_as_no_change(host: Running) -> None:
    """Masked as it is: the document that comes out means what is there."""
    exported = await host.get("/api/config")
    assert tomllib.loads(exported["toml"])["sources"] == exported["document"]["sources"]
    applied = await host.post("/api/config", exported["document"])
    assert (applied["changes"], applied["revision"]) == ([], exported["revision"])


async def test_a_dry_run_tells_the_difference_and_changes_nothing(host: Running) -> None:
    """The diff of what would be, then the same once it is done."""
    document = (await host.get("/api/config"))["document"]
    document["instances"]["small"]["subscriptions"][0]["trigger"] = 'type = "page"'
    document["sources"]["app"] = {"write_key": "another-key-of-the-app"}
    tried = await host.post("/api/config?dry_run=true", document)
    assert tried["dry_run"] is True
    assert [(c["kind"], c["id"], c["what"]) for c in tried["changes"]] == [
        ("source", "app", "added"),
        ("subscription", SUBSCRIPTION, "changed"),
    ]
    assert tried["changes"][1]["details"] == [
        {
            "place": "trigger",
            "pointer": "#/trigger",
            "before": 'type = "track" and event != "Secret"',
            "after": 'type = "page"',
        }
    ]
    assert "before" not in tried["changes"][0]["details"][0]
    assert (await host.get("/api/config"))["revision"] == tried["revision"]
    done = await host.post("/api/config", document)
    assert done["revision"] == tried["revision"] + 1
    assert done["changes"] == tried["changes"]
    assert any("has no instances" in warning["detail"] for warning in done["warnings"])


async def test_a_faulty_document_is_refused_whole(host: Running) -> None:
    """Every fault with its place, and the configuration as it was."""
    document: dict[str, Any] = {
        "sources": {"site": {"write_key": ""}},
        "instances": {"small": {"destination": "smal", "source": "sit"}},
    }
    heard = await host.ask("POST", "/api/config", document)
    assert heard.status == 422
    pointers = [error["pointer"] for error in heard.data["errors"]]
    assert "#/sources/site/write_key" in pointers
    assert "#/instances/small/destination" in pointers
    assert (await host.get("/api/sources/site"))["source"]["enabled"] is True


async def test_what_only_a_start_reads_is_refused(host: Running) -> None:
    """Plugins run code, so they come from the operator's file and never through the API."""
    for key, value in (("plugin_files", ["x.py"]), ("host", {"port": 1})):
        heard = await host.ask("POST", "/api/config", {**WRITTEN, key: value})
        assert heard.status == 422
        assert heard.data["errors"][0]["pointer"] == f"#/{key}"


async def test_the_audit_log_tells_who_changed_what(host: Running) -> None:
    """Latest first, page by page, secrets masked."""
    await host.ask("POST", "/api/instances/small/disable", None, {"X-Offramp-Actor": "Ada"})
    await host.ask("POST", "/api/instances/small/enable", None, {"X-Offramp-Actor": "x" * 65})
    page = await host.get("/api/audit-log?limit=2")
    assert [(row["actor"], row["what"], row["id"]) for row in page["rows"]] == [
        ("api", "changed", "small"),
        ("Ada", "changed", "small"),
    ]
    rest = await host.get(f"/api/audit-log?cursor={page['cursor']}")
    assert {row["what"] for row in rest["rows"]} == {"added"}
    assert rest["cursor"] is None
    assert SECRET not in str(rest)
    assert WRITE_KEY not in str(rest)
    assert (await host.ask("GET", "/api/audit-log?cursor=x")).status == 422
