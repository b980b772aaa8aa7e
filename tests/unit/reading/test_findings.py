from __future__ import annotations

from lungwise.reading.artefact import shipped_card
from lungwise.reading.findings import FINDING_NAMES, FINDINGS, finding_named


def test_the_shipped_model_gives_exactly_these_findings() -> None:
    assert shipped_card().labels["findings"] == list(FINDING_NAMES)


def test_each_finding_has_a_name_a_label_and_a_code_of_its_own() -> None:
    for part in ("name", "label", "code"):
        assert len({getattr(finding, part) for finding in FINDINGS}) == len(FINDINGS)


def test_a_finding_of_another_model_keeps_its_name_and_gets_a_private_code() -> None:
    assert finding_named("tuberculosis") in FINDINGS
    other = finding_named("interstitial lung disease")

    assert other.label == other.name == "interstitial lung disease"
    assert (other.code.scheme, len(other.code.value)) == ("99LUNGWISE", 16)
