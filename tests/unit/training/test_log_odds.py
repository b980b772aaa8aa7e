from __future__ import annotations

import math

import pytest
import torch

from lungwise.reading.artefact import APPEARANCES
from lungwise.reading.findings import FINDING_NAMES
from lungwise.training.log_odds import finding_log_odds

pytestmark = pytest.mark.training

UNLIKELY = -4.0


def log_odds(finding: str, appearance: dict[str, float], findings: dict[str, float]) -> float:
    """Of one film; what is not named is unlikely."""
    logits = (
        torch.tensor([[given.get(name, UNLIKELY) for name in names]])
        for given, names in ((appearance, APPEARANCES), (findings, FINDING_NAMES))
    )
    return float(finding_log_odds(*logits)[0, FINDING_NAMES.index(finding)])


def test_a_typical_film_is_covid_and_less_so_where_another_disease_is_seen() -> None:
    typical = {"typical": 3.0}

    alone = log_odds("COVID-19", typical, {"COVID-19": 2.0})

    assert alone == pytest.approx(8.0 - math.log(2))  # as unlikely to be negative as to be atypical
    assert log_odds("COVID-19", typical, {"COVID-19": 2.0, "tuberculosis": 4.0}) == pytest.approx(alone - 3)
    assert log_odds("COVID-19", typical, {"COVID-19": 2.0, "other pneumonia": 4.0}) == pytest.approx(alone - 1.5)
    assert log_odds("COVID-19", typical, {"COVID-19": -2.0}) == pytest.approx(alone - 2)


def test_a_film_of_atypical_opacities_is_less_like_covid() -> None:
    """Only "negative" was held against "typical", and half of the atypical films were called positive."""
    atypical = log_odds("COVID-19", {"typical": 1.0, "atypical": 1.0}, {"COVID-19": 0.0})

    assert atypical < log_odds("COVID-19", {"typical": 1.0}, {"COVID-19": 0.0}) - 4


@pytest.mark.parametrize("disease", ["tuberculosis", "other pneumonia"])
def test_a_normal_film_that_looks_like_those_of_a_disease_does_not_have_it(disease: str) -> None:
    seen = {disease: 3.0}

    assert log_odds(disease, {"atypical": 3.0}, seen) == 3.0
    assert log_odds(disease, {"negative": 3.0}, seen | {"normal": 1.0}) < -3


def test_a_film_with_tuberculosis_is_less_normal() -> None:
    negative = {"negative": 3.0}

    clear, ill = (log_odds("normal", negative, {"tuberculosis": logit}) for logit in (-3.0, 3.0))

    assert clear - ill == 5.0


def test_each_film_is_asked_on_its_own() -> None:
    torch.manual_seed(0)
    appearance, findings = torch.randn(5, 4), torch.randn(5, 4)

    together = finding_log_odds(appearance, findings)

    assert together.shape == (5, len(FINDING_NAMES))
    torch.testing.assert_close(finding_log_odds(appearance[2:3], findings[2:3])[0], together[2])
