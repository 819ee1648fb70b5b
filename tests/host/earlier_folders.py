"""Data folders of earlier versions, made from their text; see `data_folders/README.md`."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

FOLDERS = Path(__file__).with_name("data_folders")
FILE = "offramp.sqlite3"


def restored(name: str, tmp_path: Path) -> Path:
    """A folder, from its text."""
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.executescript((FOLDERS / name / "offramp.sql").read_text())
    for secret in ("secret.key", "token"):
        if (FOLDERS / name / secret).exists():
            shutil.copyfile(FOLDERS / name / secret, tmp_path / secret)
            (tmp_path / secret).chmod(0o600)
    tmp_path.chmod(0o700)
    return tmp_path
