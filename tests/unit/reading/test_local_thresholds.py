from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from lungwise.reading.artefact import shipped_card
from lungwise.reading.local_thresholds import LocalThresholds, localised, read_local_thresholds
from lungwise.reading.own_thresholds import FindingThresholds, ThresholdsError
from lungwise.reading.pattern import COVID
from lungwise.reading.reading import Normal, Reading, Verdict

CARD = shipped_card()
OWN = LocalThresholds(
    id="2026-11-28-1",
    model_sha256=CARD.hashes["onnx"] or "",
    findings=(
        FindingThresholds(finding=COVID, lower=0.1, upper=0.6, offset=-1.0, slope=0.8),
        FindingThresholds(finding="tuberculosis", lower=0.2, upper=0.2),
    ),
    approved_by=("Ada Hill", "Ben Okafor"),
    approved_at=datetime(2026, 11, 28, 9, 30, tzinfo=UTC),
)


READING = Reading(
    probability=0.5,
    verdict=Verdict.UNCERTAIN,
    appearance={},
    findings={"normal": 0.3, COVID: 0.5, "other pneumonia": 0.1, "tuberculosis": 0.19},
    normal=Normal(probability=0.3, called=False),
    pattern="tuberculosis",
    raised=(COVID, "tuberculosis"),
    heat_map=np.zeros((17, 17), np.float32),
    quarter_turns=0,
    model=CARD.name,
    version=CARD.version,
)


def test_a_reading_is_given_by_the_clinics_thresholds_and_says_so() -> None:
    own = localised(READING, CARD, OWN)
    assert own.probability == own.findings[COVID] == pytest.approx(1 / (1 + 2.718281828), abs=1e-6)
    assert (own.verdict, own.thresholds, READING.thresholds) == (Verdict.UNCERTAIN, OWN.kept, None)
    assert (own.findings["tuberculosis"], own.findings["normal"]) == (0.19, 0.3)
    assert own.raised == (COVID,)  # from 0.2 on is tuberculosis raised here
    assert (own.model_findings, READING.model_findings) == (READING.findings, None)
    higher = replace(OWN, findings=(FindingThresholds(finding=COVID, lower=0.1, upper=0.45),))
    assert localised(READING, CARD, higher).verdict is Verdict.POSITIVE


def test_a_finding_without_thresholds_of_the_clinic_keeps_the_cards() -> None:
    limits = OWN.limits(CARD.finding_thresholds)
    assert (limits["tuberculosis"], limits["normal"]) == (0.2, CARD.finding_thresholds["normal"])
    tuberculosis = localised(READING, CARD, replace(OWN, findings=OWN.findings[1:]))
    assert (tuberculosis.probability, tuberculosis.verdict) == (0.5, Verdict.UNCERTAIN)


def test_with_another_model_a_set_is_void() -> None:
    assert localised(READING, CARD, replace(OWN, model_sha256="0" * 64)) is READING
    assert localised(READING, CARD, None) is READING
    other = replace(READING, version="0")
    assert localised(other, CARD, OWN) is other


def test_a_set_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "thresholds.json"
    path.write_text(OWN.as_json())
    assert read_local_thresholds(path) == OWN


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"lower": 0.7}, "the lower one first"),
        ({"upper": 1.0}, "between 0 and 1"),
        ({"slope": 0.0}, "a slope from 0.2 to 5"),
        ({"slope": float("nan")}, "a slope from 0.2 to 5"),
        ({"offset": -7.0}, "an offset from -6.0 to 6.0"),
        ({"lower": 0.0004, "offset": 0.0, "slope": 1.0}, "may not leave 0.002 to 0.998"),
        ({"finding": "gout"}, "no finding 'gout'"),
        ({"finding": "normal"}, "called normal cannot be changed"),
        ({"finding": "tuberculosis"}, "one threshold"),
        ({"speed": 3}, "can be used"),
        ({"lower": "low"}, "can be used"),
    ],
)
def test_a_set_that_cannot_be_used_says_why(tmp_path: Path, change: dict[str, object], said: str) -> None:
    fields = json.loads(OWN.as_json())
    fields["findings"] = [fields["findings"][0] | change]
    path = tmp_path / "thresholds.json"
    path.write_text(json.dumps(fields))
    with pytest.raises(ThresholdsError, match=said):
        read_local_thresholds(path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"id": "x"}', "\x00"])
def test_a_file_that_is_no_set_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "thresholds.json"
    path.write_text(text)
    with pytest.raises(ThresholdsError, match="lungwise thresholds export"):
        read_local_thresholds(path)


def test_a_file_that_is_missing_or_no_json_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ThresholdsError, match="cannot be read"):
        read_local_thresholds(tmp_path / "none.json")
    (tmp_path / "words").write_text("thresholds")
    with pytest.raises(ThresholdsError, match="is not JSON"):
        read_local_thresholds(tmp_path / "words")
