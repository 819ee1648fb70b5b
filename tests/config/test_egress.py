"""The table `[host.egress]`, and settings that lead to where no request is sent."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from offramp.config import check_config, follow_all, host_settings, parse_config
from offramp.config.files import Document
from offramp.errors import ConfigError
from offramp.http import Egress
from offramp.plugins import Catalog


def read(egress: object) -> Any:
    return host_settings(Document(data={"host": {"egress": egress}})).egress_settings


def test_without_the_table_only_public_addresses_are_allowed() -> None:
    """An operator who writes nothing is safe."""
    rule = host_settings(Document(data={})).egress_settings.rule
    assert rule.refusal("127.0.0.1") == "a loopback address"
    assert rule.refusal("1.1.1.1") is None


def test_what_is_listed_is_allowed() -> None:
    """Networks and single addresses, of both versions."""
    rule = read({"allow": ["10.1.0.0/16", "::1"]}).rule
    assert [rule.refusal(each) for each in ("10.1.2.3", "::1")] == [None, None]
    assert rule.refusal("10.2.0.1") == "a private address"


@pytest.mark.parametrize(
    ("egress", "place", "message"),
    [
        ({"allow": ["10.0.0.1/8"]}, "host.egress.allow[0]", "has host bits set"),
        ({"allow": ["::1", "localhost"]}, "host.egress.allow[1]", "must be a network such as"),
        ({"allow": [7]}, "host.egress.allow[0]", "must be a network such as"),
        (
            {"proxy": "socks5://proxy.example"},
            "host.egress.proxy",
            "must be the address of an HTTP",
        ),
        ({"client_certificates": {"a": 1}}, "host.egress.client_certificates.a", "path of a PEM"),
        ({"alow": []}, "host.egress.alow", "allow"),
        ([], "host.egress", "must be a table"),
    ],
)
def test_a_faulty_table_is_told_with_its_place(egress: object, place: str, message: str) -> None:
    """No host starts with half of a rule."""
    with pytest.raises(ConfigError) as caught:
        read(egress)
    [fault] = caught.value.faults
    assert fault.place == place
    assert message in fault.message


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("http://10.1.2.3:8080/x", "a private address"),
        ("https://user:pass@[::1]/x", "a loopback address"),
        ("HTTP://LOCALHOST:1", "a loopback address"),
        ("http://api.localhost/", "a loopback address"),
        ("http://169.254.169.254/latest", "where clouds have their metadata"),
        ("https://partner.example/?to=http://127.0.0.1/", None),
        ("https://1.1.1.1", None),
        ("127.0.0.1", None),
        ("", None),
    ],
)
def test_a_check_warns_of_a_setting_that_leads_to_a_refused_address(
    written: dict[str, Any], catalog: Catalog, url: str, what: str | None
) -> None:
    """With the place and the remedy; the value, which may be a reference's, is not told."""
    login = {"user": url, "password": "a-long-password"}
    written["instances"]["billing"]["settings"]["login"] = login
    config = parse_config(written, catalog).config
    report = check_config(config, catalog, references=follow_all({}), egress=Egress())
    found = [each for each in report.warnings if each.place.endswith(".login.user")]
    if what is None:
        assert found == []
        return
    [warning] = found
    assert warning.place == "instances.billing.settings.login.user"
    assert what in warning.message
    assert "`allow` of [host.egress]" in warning.message
    assert url not in warning.message


@pytest.mark.parametrize("change", [{"enabled": False}, {"sandbox": True}])
def test_an_instance_that_sends_nothing_to_the_partner_gets_no_warning(
    written: dict[str, Any], catalog: Catalog, change: dict[str, Any]
) -> None:
    """A disabled one sends nothing, and one in a sandbox sends to this machine anyway."""
    login = {"user": "http://127.0.0.1/", "password": "a-long-password"}
    written["instances"]["billing"]["settings"]["login"] = login
    config = parse_config(written, catalog).config
    instances = {n: attrs.evolve(each, **change) for n, each in config.instances.items()}
    report = check_config(
        attrs.evolve(config, instances=instances), catalog,
        references=follow_all({}), egress=Egress(),
    )  # fmt: skip
    assert not [each for each in report.warnings if each.place.endswith(".login.user")]
