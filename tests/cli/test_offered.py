"""`catalog`, `manifest` and `docs` show what plugins offer with the options of a configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from offramp.cli.program import run

TABLE = '[plugins.segment]\ndestinations = ["actions-slack"]\n'


@pytest.mark.parametrize("command", ["catalog", "manifest", "docs"])
def test_a_destination_that_a_plugin_offers_by_its_options(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The file of the current folder counts, or the one that is named, and no other."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.toml").write_text(TABLE)
    assert run([command, "actions-slack"]) == 2
    assert "no destination" in capsys.readouterr().err
    assert run([command, "actions-slack", "--config", "other.toml"]) == 0
    assert "postToChannel" in capsys.readouterr().out
    (tmp_path / "offramp.toml").write_text(TABLE)
    assert run([command, "actions-slack"]) == 0
    assert "postToChannel" in capsys.readouterr().out


def test_a_faulty_file_of_the_folder_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The catalog, by which one mends a file, is shown all the same; a named file must be right."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "offramp.toml").write_text("[plugins.segment\n")
    assert run(["catalog"]) == 0
    shown = capsys.readouterr()
    assert "metronome-actions" in shown.out
    assert "offramp.toml is left out of account" in " ".join(shown.err.split())
    assert run(["catalog", "--config", "offramp.toml"]) == 2
