"""`lungwise read --thresholds`: films by a clinic's own thresholds, and sentences for files that are none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from lungwise.cli.batch_reader import BatchReader, by_thresholds, own_thresholds
from lungwise.films import Refusal, open_film
from lungwise.reading import ReadFile
from lungwise.reading.artefact import shipped_card
from lungwise.reading.local_thresholds import LocalThresholds
from lungwise.reading.own_thresholds import FindingThresholds
from synthetic_reader import NamedAsShipped

if TYPE_CHECKING:
    from collections.abc import Callable

CARD = shipped_card()
OWN = LocalThresholds(
    id="own",
    model_sha256=CARD.hashes["onnx"] or "",
    findings=(FindingThresholds(finding="COVID-19", lower=0.01, upper=0.02),),
    approved_by=("Ada", "Ben"),
    approved_at=datetime(2026, 3, 2, tzinfo=UTC),
)


def test_readings_are_given_by_them_and_refusals_stay(film: Callable[..., bytes]) -> None:
    read = ReadFile(path=Path("1.jpg"), outcome=NamedAsShipped().read(open_film(film(1, 2))), milliseconds=1)
    refused = ReadFile(path=Path("2.jpg"), outcome=Refusal("not a film"), milliseconds=1)
    reader = BatchReader(CARD, lambda _paths: iter((read, refused)))
    first, second = by_thresholds(reader, CARD, OWN).read_many([])
    assert first.reading and (first.reading.thresholds, first.reading.verdict) == (OWN.kept, "positive")
    assert second is refused
    assert by_thresholds(reader, CARD, None) is reader


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("own", "is not JSON"),
        (replace(OWN, model_sha256="0" * 64).as_json(), f"another model than {CARD.name} {CARD.version}, and are void"),
        (OWN.as_json().replace("COVID-19", "gout"), "There is no finding 'gout'"),
        (OWN.as_json().replace("0.01", "0.5"), "the lower one first"),
        ("{}", "holds no thresholds that can be used"),
    ],
)
def test_a_file_that_cannot_be_used_gets_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "own.json"
    path.write_text(text)
    with pytest.raises(click.ClickException) as raised:
        own_thresholds(path, CARD)
    assert said in raised.value.message
    assert str(path) in raised.value.message
