"""Audiences of an instance in a document, in the store, and in what a person sees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.delivery.audience_parts import LIST_SECRET, lists_catalog
from tests.delivery.parts import small_catalog

from offramp import _json
from offramp.config import (
    Config,
    ConfigStore,
    References,
    audiences_of,
    check_config,
    check_references,
    diff_configs,
    export_config,
    follow_all,
    load_key_ring,
    parse_config,
    resolve_audiences,
    to_toml,
)
from offramp.config.export import audience_fields
from offramp.errors import ConfigError
from offramp.plugins import Catalog
from offramp.storage import Store

CATALOG = lists_catalog()
VIP = {"name": "VIP", "settings": {"listKind": "email", "secret": LIST_SECRET}}


def document(audiences: dict[str, Any], destination: str = "lists") -> dict[str, Any]:
    """One instance with some audiences."""
    instance = {
        "destination": destination,
        "source": "site",
        "settings": {"token": "s3cr3t-token"},
        "audiences": audiences,
    }
    return {"sources": {"site": {"write_key": "key"}}, "instances": {"l": instance}}


def read(
    audiences: dict[str, Any], current: Config | None = None, catalog: Catalog = CATALOG
) -> Config:
    """The configuration with some audiences."""
    destination = next(iter(catalog)) if catalog is not CATALOG else "lists"
    return parse_config(document(audiences, destination), catalog, current=current).config


def test_what_the_host_writes_stays_where_a_document_leaves_it_out() -> None:
    """The id is kept, unless the document gives another; an audience left out is gone."""
    current = read({"vip": {**VIP, "external_id": "L1"}, "old": {"external_id": "L2"}})
    kept = audiences_of(read({"vip": VIP}, current).instances["l"])
    assert {key: each.external_id for key, each in kept.items()} == {"vip": "L1"}
    given = audiences_of(read({"vip": {"external_id": "L9"}}, current).instances["l"])
    assert given["vip"].external_id == "L9"
    begun = read({"vip": {"creation_begun": True}})
    assert audiences_of(read({"vip": VIP}, begun).instances["l"])["vip"].creation_begun
    adopted = audiences_of(read({"vip": {"external_id": "L1"}}, begun).instances["l"])
    assert not adopted["vip"].creation_begun


@pytest.mark.parametrize(
    ("audiences", "fault"),
    [
        ({"vip": {"nmae": "x"}}, "instances.l.audiences.vip.nmae: is unknown; did you mean 'name'"),
        ({"vip": {"settings": {"kind": 1}}}, "instances.l.audiences.vip.settings.kind: is unknown"),
        ({"vip": {"settings": {"listKind": "fax"}}}, "instances.l.audiences.vip.settings.listKind"),
        ({"a/b": {}}, 'instances.l.audiences."a/b": the key must be printable'),
        ({"vip": "VIP"}, "instances.l.audiences.vip: must be a table, not a string"),
        (
            {"vip": {"settings": {"secret": "***"}}},
            "instances.l.audiences.vip.settings.secret: is masked",
        ),
    ],
)
def test_each_fault_has_its_place(audiences: dict[str, Any], fault: str) -> None:
    """Settings are checked against the declared fields, and the rest as every table."""
    with pytest.raises(ConfigError) as caught:
        read(audiences)
    assert fault in str(caught.value)


def test_a_destination_without_audiences_refuses_them() -> None:
    """It says so, whatever stands there."""
    with pytest.raises(ConfigError, match=r"instances.l.audiences: the destination has no audien"):
        read({"vip": {}}, catalog=small_catalog())


def test_what_a_person_sees_has_no_secret_and_reads_back() -> None:
    """Exported, audiences are masked, and the masks stand for the secrets in place."""
    config = read({"vip": {**VIP, "external_id": "L1"}})
    shown = export_config(config, CATALOG)
    assert LIST_SECRET not in to_toml(shown)
    vip = shown["instances"]["l"]["audiences"]["vip"]
    assert (vip["external_id"], vip["settings"]["listKind"]) == ("L1", "email")
    assert parse_config(shown, CATALOG, current=config).config == config
    whole = export_config(config, CATALOG, secrets=True)
    assert parse_config(whole, CATALOG).config == config


def test_a_change_of_an_audience_is_told_by_its_key() -> None:
    """The difference names the audience, secrets masked."""
    before, after = read({"vip": VIP}), read({"vip": {**VIP, "external_id": "L1"}})
    [change] = diff_configs(before, after, CATALOG)
    assert [detail.place for detail in change.details] == ["audiences.vip"]
    assert '"external_id":"L1"' in str(change)
    assert LIST_SECRET not in str(change)
    [other] = diff_configs(
        before, read({"vip": {"settings": {"secret": "another-s3cr3t"}}}), CATALOG
    )
    assert "another-s3cr3t" not in str(other)


async def test_settings_are_sealed_where_they_are_stored(tmp_path: Path) -> None:
    """The stored document shows the key and the id; the settings open again."""
    config = read({"vip": {**VIP, "external_id": "L1"}})
    async with Store.open(tmp_path) as store:
        configs = ConfigStore(store, load_key_ring(tmp_path), CATALOG)
        await configs.replace(config, 0, actor="test")
        rows = await store.read(lambda db: db.execute("SELECT doc FROM config").fetchall())
        _, loaded = await configs.load()
        log = await configs.audit_log()
    assert loaded == config
    [stored] = [text for (text,) in rows if "audiences" in text]
    assert LIST_SECRET not in stored
    assert _json.loads(stored)["audiences"]["vip"]["external_id"] == "L1"
    assert LIST_SECRET not in str(log)


def test_references_in_settings_are_followed_as_those_of_an_instance() -> None:
    """Only where the operator allows it, and with the place of what cannot be followed."""
    config = read({"vip": {"settings": {"secret": "env:LIST_SECRET"}}})
    instance = config.instances["l"]
    allowed = References(allowed=("env:LIST_SECRET",), environ={"LIST_SECRET": LIST_SECRET})
    fields = audience_fields(CATALOG, instance)
    [vip] = resolve_audiences(instance, fields, allowed).values()
    assert vip.settings["secret"] == LIST_SECRET
    check_references(Config(), config, CATALOG, allowed)
    place = r"instances.l.audiences.vip.settings.secret: 'env:LIST_SECRET' is not followed"
    with pytest.raises(ConfigError, match=place):
        check_references(Config(), config, CATALOG, References())
    with pytest.raises(ConfigError, match=place):
        resolve_audiences(instance, fields, References())


def test_a_check_names_each_reference_that_leads_nowhere() -> None:
    """One in the settings of the instance does not hide one in those of an audience."""
    written = document({"vip": {"settings": {"secret": "env:LIST_SECRET"}}})
    written["instances"]["l"]["settings"]["token"] = "env:TOKEN"
    config = parse_config(written, CATALOG).config
    found = check_config(config, CATALOG, references=follow_all({})).warnings
    assert [each.place for each in found if "is not set" in each.message] == [
        "instances.l.settings.token",
        "instances.l.audiences.vip.settings.secret",
    ]
