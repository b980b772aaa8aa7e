from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from commands import Run


def test_a_demonstration_is_drawn_read_backed_up_and_restored(
    run: type[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "demo@example.org" in run("demo", "--studies", "3").ok()
    assert "in use" in run("demo").no()
    assert "3 films" in run("db", "check").ok()
    assert "3 films" in run("db", "backup", str(tmp_path / "backup.tar")).ok()
    assert "not empty" in run("db", "restore", str(tmp_path / "backup.tar")).no()
    monkeypatch.setenv("LUNGWISE_DATA_FOLDER", str(tmp_path / "new"))
    assert "encryption.keys" in run("db", "restore", str(tmp_path / "backup.tar")).no()
    shutil.copy(tmp_path / "data" / "encryption.keys", tmp_path / "new" / "encryption.keys")
    without_secret = run("db", "restore", str(tmp_path / "backup.tar")).no()
    assert "3 films are restored" in without_secret and "secret.key is missing" in without_secret
    shutil.copy(tmp_path / "data" / "secret.key", tmp_path / "new" / "secret.key")
    assert "3 films" in run("db", "check").ok()
    run("audit", "verify").ok()
