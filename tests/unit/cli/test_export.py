from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from lungwise.cli import main
from lungwise.cli.export import next_version
from lungwise.reading.artefact import WEIGHTS


def test_the_first_artefact_is_1_0_0(tmp_path: Path) -> None:
    assert next_version(tmp_path) == "1.0.0"


def test_the_next_artefact_is_the_next_minor_version(tmp_path: Path) -> None:
    card = json.loads((WEIGHTS / "card.json").read_text())
    (tmp_path / "card.json").write_text(json.dumps({**card, "version": "2.9.3"}))

    assert next_version(tmp_path) == "2.10.0"


@pytest.mark.training
def test_what_the_collection_holds_twice_is_told_before_anything_is_fitted(tmp_path: Path) -> None:
    coarse = np.random.default_rng(0).integers(30, 220, (24, 20), np.uint8)
    lines = ["film,split,source,group,patient,covid,label,finding,view,adult,boxes"]
    for split in ("train", "test"):
        Image.fromarray(coarse).resize((200, 240), Image.Resampling.BICUBIC).save(tmp_path / f"{split}.png")
        lines.append(f"{split}.png,{split},nih,,{split},0,normal,normal,,1,")
    (tmp_path / "films.csv").write_text("\n".join(lines))

    done = CliRunner().invoke(main, ["export", str(tmp_path), "--films", str(tmp_path / "films.csv")])

    assert done.exit_code == 1
    assert "left out, since they are there twice: 1 of train with a patient of test." in done.stderr
    assert "record.json" in done.stderr
