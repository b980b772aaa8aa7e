from __future__ import annotations

import json
from pathlib import Path

from lungwise.cli.export import next_version
from lungwise.reading.artefact import WEIGHTS


def test_the_first_artefact_is_1_0_0(tmp_path: Path) -> None:
    assert next_version(tmp_path) == "1.0.0"


def test_the_next_artefact_is_the_next_minor_version(tmp_path: Path) -> None:
    card = json.loads((WEIGHTS / "card.json").read_text())
    (tmp_path / "card.json").write_text(json.dumps({**card, "version": "2.9.3"}))

    assert next_version(tmp_path) == "2.10.0"
