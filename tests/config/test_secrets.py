from __future__ import annotations

import base64
import stat
from pathlib import Path
from typing import Any

import attrs
import pytest

from offramp import Destination
from offramp.config import (
    Config,
    Instance,
    KeyRing,
    Source,
    follow_all,
    is_reference,
    load_key_ring,
    mask,
    mask_settings,
    resolve_settings,
    resolve_write_keys,
    rotate_key_file,
)
from offramp.config.keyring import is_sealed, new_key
from offramp.errors import ConfigError
from offramp.plugins import Catalog


def instance(**settings: Any) -> Instance:
    return Instance(name="billing", source="web", destination="meter", settings=settings)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("short", "***"),
        ("fifteen letters", "***"),
        ("sixteen letters!", "***ers!"),
        ("abc", "***"),
        ("a", "***"),
        ("", "***"),
        ({"a": "secret enough to be cut"}, "***"),
        ("env:TOKEN", "env:TOKEN"),
        ("file:/run/secrets/token", "file:/run/secrets/token"),
        ("env:not a name", "***"),
        ("file:relative", "***"),
        (None, None),
    ],
)
def test_a_person_sees_no_secret(value: Any, shown: Any) -> None:
    """Only of a long secret the last four characters show; a reference is none."""
    assert mask(value) == shown
    assert is_reference(value) is (value == shown and value is not None)


def test_secrets_inside_settings_are_masked_too(catalog: Catalog) -> None:
    """Passwords are masked wherever they stand, and so is what no plugin declares any more."""
    settings = {
        "apiToken": "t",
        "region": "eu",
        "login": {"user": "u", "password": "p"},
        "gone": {"was": "secret?"},
    }
    assert mask_settings(catalog["meter"].settings, settings) == {
        "apiToken": "***",
        "region": "eu",
        "login": {"user": "u", "password": "***"},
        "gone": "***",
    }


def test_references_are_followed(tmp_path: Path, catalog: Catalog) -> None:
    """A variable and a file give their values; the line's end of a file is not part of it."""
    file = tmp_path / "token"
    file.write_text("from file\n")
    made = instance(apiToken=f"file:{file}", region="env:REGION", retries=2)
    assert resolve_settings(made, catalog["meter"].settings, follow_all({"REGION": "eu"})) == {
        "apiToken": "from file",
        "region": "eu",
        "retries": 2,
    }


def test_the_environment_is_where_variables_are(
    monkeypatch: pytest.MonkeyPatch, catalog: Catalog
) -> None:
    """Unless told otherwise, variables are those of the process."""
    monkeypatch.setenv("METER_TOKEN", "from env")
    found = resolve_settings(
        instance(apiToken="env:METER_TOKEN"), catalog["meter"].settings, follow_all()
    )
    assert found == {"apiToken": "from env"}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("env:METER_TOKEN", "the variable METER_TOKEN is not set"),
        ("env:EMPTY", "the variable EMPTY is empty"),
        ("file:/nowhere/token", "the file /nowhere/token cannot be read: No such file"),
    ],
)
def test_a_reference_that_leads_nowhere_is_told(value: str, message: str, catalog: Catalog) -> None:
    """The message names the setting, the reference and what is the matter."""
    with pytest.raises(ConfigError) as caught:
        resolve_settings(
            instance(apiToken=value), catalog["meter"].settings, follow_all({"EMPTY": ""})
        )
    assert str(caught.value).startswith(f"config @ instances.billing.settings.apiToken: {message}")


def test_what_a_reference_leads_to_is_checked(catalog: Catalog) -> None:
    """A value from outside has to fit as one in the file has."""
    made = instance(apiToken="t", region="env:REGION")
    with pytest.raises(ConfigError, match=r"instances\.billing\.settings\.region: .*does not fit"):
        resolve_settings(made, catalog["meter"].settings, follow_all({"REGION": "mars"}))


def test_write_keys_are_followed_and_stay_apart() -> None:
    """Two sources may not turn out to have one key, and the message does not tell it."""
    config = Config(
        sources={
            "web": Source(name="web", write_key="env:A"),
            "app": Source(name="app", write_key="env:B"),
        }
    )
    found = resolve_write_keys(config, follow_all({"A": "key-1", "B": "key-2"}))
    assert [source.write_key for source in found.sources.values()] == ["key-1", "key-2"]
    with pytest.raises(ConfigError, match="write key of the source 'web' too") as caught:
        resolve_write_keys(config, follow_all({"A": "key-1", "B": "key-1"}))
    assert "key-1" not in str(caught.value)
    with pytest.raises(ConfigError, match=r"sources\.web\.write_key: must be printable ASCII"):
        resolve_write_keys(config, follow_all({"A": "key\r\nX-Other: 1", "B": "key-2"}))
    with pytest.raises(ConfigError, match=r"the variable A is not set.*\n.*B is not set"):
        resolve_write_keys(config, follow_all({}))


def test_no_repr_shows_a_secret(config: Config) -> None:
    """What lands in a log or a traceback holds neither token nor write key."""
    for thing in (config, *config.sources.values(), *config.instances.values()):
        assert "tok_" not in repr(thing)
        assert "wk_" not in repr(thing)
    ring = KeyRing.of(new_key())
    assert repr(next(iter(ring.keys.values()))) not in repr(ring)


@pytest.mark.parametrize("value", ["token", "", 5, {"a": [1, "x"]}, "ü\x00" * 1000])
def test_what_is_sealed_opens_as_the_same(value: Any) -> None:
    """Any JSON value comes back; sealed twice it looks different."""
    ring = KeyRing.of(new_key())
    sealed = ring.seal(value, owner="instances.a", field="settings.token")
    assert is_sealed(sealed)
    assert ring.open(sealed, owner="instances.a", field="settings.token") == value
    assert sealed != ring.seal(value, owner="instances.a", field="settings.token")


@pytest.mark.parametrize(
    ("owner", "field"), [("instances.b", "settings.token"), ("instances.a", "settings.other")]
)
def test_a_sealed_value_opens_in_its_place_only(owner: str, field: str) -> None:
    """Moved to another instance or field, where somebody else could read it, it does not open."""
    ring = KeyRing.of(new_key())
    sealed = ring.seal("token", owner="instances.a", field="settings.token")
    with pytest.raises(ConfigError, match="was sealed for another place"):
        ring.open(sealed, owner=owner, field=field)


def test_a_changed_value_does_not_open() -> None:
    """One flipped bit, a cut end, another version or an unknown key: each is told."""
    ring = KeyRing.of(new_key())
    place = {"owner": "instances.a", "field": "settings.token"}
    version, key_id, text = ring.seal("token", **place)["$secret"].split(":")
    data = bytearray(base64.b64decode(text))
    data[-1] ^= 1
    flipped = base64.b64encode(bytes(data)).decode()
    for broken, message in [
        (f"{version}:{key_id}:{flipped}", "was changed"),
        (f"{version}:{key_id}:{text[:8]}", "was changed"),
        (f"v9:{key_id}:{text}", "update Offramp"),
        (f"{version}:00000000:{text}", f"00000000, but the key ring has {key_id}"),
    ]:
        with pytest.raises(ConfigError, match=message) as caught:
            ring.open({"$secret": broken}, **place)
        assert "instances.a.settings.token" in str(caught.value)


def test_old_keys_open_and_the_first_seals() -> None:
    """Keys can be rotated one at a time, with nothing unreadable in between."""
    old, new = new_key(), new_key()
    place = {"owner": "instances.a", "field": "f"}
    sealed = KeyRing.of(old).seal("token", **place)
    ring = KeyRing.of(new, old)
    assert ring.open(sealed, **place) == "token"
    assert ring.seal("token", **place)["$secret"].split(":")[1] == KeyRing.of(new).ids[0]


def test_a_key_is_made_on_first_start_for_the_owner_alone(tmp_path: Path) -> None:
    """The data folder gets a key file that nobody else can read, and keeps it."""
    folder = tmp_path / "data"
    ring = load_key_ring(folder, environ={})
    file = folder / "secret.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert load_key_ring(folder, environ={}) == ring
    assert [path.name for path in folder.iterdir()] == ["secret.key"]


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """A key in the open protects nothing, so the host says so instead of going on."""
    load_key_ring(tmp_path, environ={})
    tmp_path.joinpath("secret.key").chmod(0o644)
    with pytest.raises(ConfigError, match=r"can be read by others \(mode 644\)"):
        load_key_ring(tmp_path, environ={})


def test_keys_come_from_the_environment_first(tmp_path: Path) -> None:
    """`OFFRAMP_SECRET_KEY` holds keys, `OFFRAMP_SECRET_KEY_FILE` names a file of them."""
    one, two = new_key(), new_key()
    text = f"{base64.b64encode(one).decode()},\n{base64.urlsafe_b64encode(two).decode()}\n"
    file = tmp_path / "keys"
    file.write_text(text)
    ring = KeyRing.of(one, two)
    assert load_key_ring(tmp_path, environ={"OFFRAMP_SECRET_KEY": text}) == ring
    assert load_key_ring(tmp_path, environ={"OFFRAMP_SECRET_KEY_FILE": str(file)}) == ring
    assert not tmp_path.joinpath("secret.key").exists()


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"OFFRAMP_SECRET_KEY": "c2hvcnQ="}, "OFFRAMP_SECRET_KEY: key 1 is not 32 bytes in base64"),
        ({"OFFRAMP_SECRET_KEY": "no base64!"}, "key 2 is not 32 bytes"),
        ({"OFFRAMP_SECRET_KEY": ","}, "holds no key: make one with: openssl rand -base64 32"),
        ({"OFFRAMP_SECRET_KEY_FILE": "/nowhere/keys"}, "the file /nowhere/keys cannot be read"),
    ],
)
def test_a_bad_key_is_told_without_the_key(
    environ: dict[str, str], message: str, tmp_path: Path
) -> None:
    """The message says where the key came from and how to make a good one."""
    with pytest.raises(ConfigError, match=message.replace("(", "\\(")) as caught:
        load_key_ring(tmp_path, environ=environ)
    assert "c2hvcnQ" not in str(caught.value)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A file where the data folder should be is told with its path."""
    folder = tmp_path / "data"
    folder.write_text("")
    with pytest.raises(ConfigError, match=r"secret\.key: cannot be written"):
        load_key_ring(folder, environ={})


def test_rotating_puts_a_new_key_before_the_old(tmp_path: Path) -> None:
    """The file then holds both, so that backups can still be read."""
    old = load_key_ring(tmp_path, environ={})
    new = rotate_key_file(tmp_path)
    assert new.ids[1:] == old.ids
    assert load_key_ring(tmp_path, environ={}) == new
    assert stat.S_IMODE(tmp_path.joinpath("secret.key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]


def test_settings_of_a_missing_destination_count_as_secret(catalog: Catalog) -> None:
    """Without the plugin nobody knows which settings are passwords: all are masked."""
    assert isinstance(catalog["meter"].destination, Destination)
    masked = mask_settings({}, attrs.asdict(instance(apiToken="t", region="eu"))["settings"])
    assert masked == {"apiToken": "***", "region": "***"}
