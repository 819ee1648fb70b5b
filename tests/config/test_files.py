from __future__ import annotations

import json
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from offramp.config import HostSettings, parse_config, read_document
from offramp.errors import ConfigError
from offramp.plugins import Catalog

TOML = """
plugin_files = ["site.py"]

[host]
port = 9000

[sources.website]
write_key = "env:WRITE_KEY"

[instances.billing]
destination = "meter"
source = "website"
requests_per_second = 2.50
[instances.billing.settings]
apiToken = "env:TOKEN"

[[instances.billing.subscriptions]]
preset = "Usage"

[[instances.billing.subscriptions]]
name = "Billing events"
action = "sendEvent"
trigger = 'type = "track" and event = "billing_event"'
[instances.billing.subscriptions.mapping]
customer_id = { "@path" = "$.properties.cid" }
note = 0.10
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tmp_path.joinpath("site.py").write_text("")
    tmp_path.joinpath("offramp.toml").write_text(TOML)
    return tmp_path


def test_a_toml_file_becomes_a_configuration(folder: Path, catalog: Catalog) -> None:
    """Sources, instances and subscriptions of a file arrive as they were written."""
    document = read_document(folder / "offramp.toml")
    loaded = parse_config(document, catalog)
    assert loaded.plugin_files == document.plugin_files == (folder / "site.py",)
    assert loaded.host == HostSettings(port=9000, data_dir=folder / "offramp-data")
    assert list(loaded.config.subscriptions) == ["billing/Usage", "billing/Billing events"]
    made = loaded.config.subscriptions["billing/Billing events"]
    assert made.mapping["customer_id"] == {"@path": "$.properties.cid"}
    assert str(made.mapping["note"]) == "0.10"


def test_json_says_the_same_as_toml(folder: Path, catalog: Catalog) -> None:
    """The same document as JSON makes the same configuration."""
    data = tomllib.loads(TOML, parse_float=Decimal)
    file = folder / "offramp.json"
    file.write_text(json.dumps(data, default=float))
    assert parse_config(read_document(file), catalog) == parse_config(
        read_document(folder / "offramp.toml"), catalog
    )


def test_a_byte_order_mark_is_passed_over(folder: Path) -> None:
    """Editors on Windows put one in front."""
    file = folder / "marked.toml"
    file.write_bytes(b"\xef\xbb\xbf" + TOML.encode())
    assert read_document(file).data == read_document(folder / "offramp.toml").data


@pytest.mark.parametrize(
    ("name", "text", "place", "message"),
    [
        ("a.toml", b"[host]\nport = = 1\n", "a.toml, line 2, column 8", "this is not TOML"),
        ("a.toml", b"[host]\n[host]\n", "a.toml, line 2, column 6", "this is not TOML"),
        ("a.toml", b"[host\n", "a.toml, line 1, column 6", "this is not TOML"),
        ("a.toml", b'a = """\n\n', "a.toml, line 3", "this is not TOML"),
        ("a.toml", b"a = " + b"9" * 5000, "a.toml", "cannot be read"),
        ("a.toml", b"a = " + b"[" * 100_000, "a.toml", "cannot be read"),
        ("a.toml", b"a = '\xff'", "{path}", "is not UTF-8 text (byte 5)"),
        ("a.json", b'{"a": 1,\n "b": }', "a.json, line 2, column 7", "this is not JSON"),
        ("a.json", b'{"a": {"b": 1, "b": 2}}', "a.json", "the key 'b' stands twice"),
        ("a.json", b"[]", "a.json", "must be a JSON object"),
        ("a.json", b'{"a": NaN}', "a.json", ""),
        ("a.json", b"[" * 100_000, "a.json", "nested too deeply"),
        ("a.yaml", b"", "{path}", "must be a .toml or a .json file"),
    ],
)
def test_a_broken_file_is_told_with_its_line(
    name: str, text: bytes, place: str, message: str, tmp_path: Path
) -> None:
    """What cannot be read says which file, where in it, and what to do."""
    path = tmp_path / name
    path.write_bytes(text)
    with pytest.raises(ConfigError) as caught:
        read_document(path)
    (fault,) = caught.value.faults
    assert fault.place == place.format(path=path)
    assert message in fault.message


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A wrong path is a fault of the configuration, not a traceback."""
    with pytest.raises(ConfigError, match="No such file"):
        read_document(tmp_path / "offramp.toml")


def test_null_in_json_leaves_a_key_out(
    written: dict[str, Any], tmp_path: Path, catalog: Catalog
) -> None:
    """Generators of JSON write null for what they do not set."""
    written["instances"]["billing"] |= {"requests_per_second": None, "enabled": None}
    written["host"] = None
    file = tmp_path / "offramp.json"
    file.write_text(json.dumps(written))
    made = parse_config(read_document(file), catalog).config.instances["billing"]
    assert (made.requests_per_second, made.enabled) == (None, True)
