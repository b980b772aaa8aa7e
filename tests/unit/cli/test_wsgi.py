from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lungwise.cli.wsgi import application

if TYPE_CHECKING:
    from pathlib import Path


def test_a_process_that_cannot_begin_says_why_and_is_not_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LUNGWISE_DATA_FOLDER", str(tmp_path / "data"))
    with pytest.raises(SystemExit) as ended:
        application()
    assert ended.value.code == 3
    assert "Run: lungwise db upgrade" in capsys.readouterr().err
