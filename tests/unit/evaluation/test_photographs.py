from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from lungwise.cli.synthetic_film import synthetic_film
from lungwise.evaluation.photographs import photographed
from lungwise.evaluation.results import EvaluatedFilm, FilmReader


def test_photographs_are_read_as_files_and_the_loss_is_paired(
    reader: FilmReader, result: Callable[..., EvaluatedFilm], tmp_path: Path, untracked: Callable[..., Any]
) -> None:
    results = []
    for number in range(4):
        path = tmp_path / f"{number}.png"
        synthetic_film(number, 0).convert("L").resize((256, 256)).save(path)
        ill = {"label": "typical appearance", "covid": True} if number % 2 else {}
        row = result(0.9 if number % 2 else 0.1, patient=str(number), path=path, **ill)
        results.append(replace(row))

    found = photographed(reader, results, untracked)

    assert found is not None
    assert found["found"]["of"] == 4 and found["found"]["value"] >= 0.5
    assert found["refused"]["value"] == 0
    assert found["auc"]["value"] == 1
    assert found["lost"]["value"] == round(1 - found["photographed_auc"]["value"], 6)
    assert photographed(reader, results[:1], untracked) is None
