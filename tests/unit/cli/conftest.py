from __future__ import annotations

from pathlib import Path

import pytest

from commands import Run


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type[Run]:
    """Run commands over an installation of their own."""
    monkeypatch.setenv("LUNGWISE_DATA_FOLDER", str(tmp_path / "data"))
    monkeypatch.setenv("LUNGWISE_ARGON2_TIME", "1")
    monkeypatch.setenv("LUNGWISE_ARGON2_MEMORY", "64")
    return Run
