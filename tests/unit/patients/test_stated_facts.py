from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from lungwise.errors import Rejected
from lungwise.films.dicom.header import DicomHeader
from lungwise.films.dicom.text import PersonName
from lungwise.patients.identity import IdentityRules, PatientFacts
from lungwise.patients.stated_facts import agreed_facts, facts_of
from lungwise.settings import Settings

RULES = IdentityRules.of([], Settings().nobody_list)
ADA = DicomHeader(patient_id="P-1", name=PersonName(alphabetic="Lovelace Ada"), sex="F", born=date(1980, 5, 1))
BOB = DicomHeader(patient_id="P-1", name=PersonName(alphabetic="Two Bob"), sex="M")


def agreed(typed: PatientFacts, *headers: DicomHeader) -> PatientFacts:
    return agreed_facts(typed, headers, RULES)


def test_a_header_fills_in_what_was_not_typed() -> None:
    assert agreed(PatientFacts(), ADA) == PatientFacts(
        identifier="P-1", name="Lovelace Ada", sex="F", birth_date=date(1980, 5, 1)
    )
    assert agreed(PatientFacts(identifier="P-1", name="ada lovelace"), ADA).name == "ada lovelace"


def test_every_group_of_a_name_is_kept() -> None:
    header = DicomHeader(
        patient_id="7", name=PersonName(alphabetic="Yamada Tarou", ideographic="山田 太郎", phonetic="やまだ たろう")
    )
    facts = facts_of(header)
    assert facts.names == ["Yamada Tarou", "山田 太郎", "やまだ たろう"]
    assert PatientFacts.from_json(facts.as_json()) == facts


@pytest.mark.parametrize("pair", [(ADA, BOB), (BOB, ADA), (ADA, DicomHeader(patient_id="P-2"))])
def test_films_of_two_patients_are_not_mixed(pair: tuple[DicomHeader, DicomHeader]) -> None:
    with pytest.raises(Rejected, match="more than one patient") as refused:
        agreed(PatientFacts(), *pair)
    assert "Lovelace Ada" in str(refused.value) and ("Two Bob" in str(refused.value) or "P-2" in str(refused.value))


def test_an_arabic_name_is_isolated_from_the_numbers_beside_it() -> None:
    arabic = DicomHeader(patient_id="45-2031", name=PersonName(alphabetic="سعاد حسن"))
    with pytest.raises(Rejected, match="\u2068سعاد حسن\u2069, 45-2031"):  # noqa: RUF001 - the letters of a name
        agreed(PatientFacts(), arabic, ADA)


def test_one_number_of_two_issuers_is_two_patients() -> None:
    pair = (DicomHeader(patient_id="P-1", issuer=issuer) for issuer in ("HILL", "VALLEY"))
    with pytest.raises(Rejected, match="more than one patient"):
        agreed(PatientFacts(), *pair)


@pytest.mark.parametrize("name", ["patient_id", "issuer"])
def test_numbers_that_are_too_long_are_not_one_for_beginning_alike(name: str) -> None:
    stated: list[dict[str, Any]] = [{name: number} for number in ("1" * 70, "1" * 69 + "2", "1" * 64)]
    same, other, shorter = (replace(DicomHeader(patient_id="P-1"), **one) for one in stated)
    assert agreed(PatientFacts(), same, same) == facts_of(same)
    for one in (other, shorter):
        with pytest.raises(Rejected, match="more than one patient"):
            agreed(PatientFacts(), same, one)
    assert max(map(len, (facts_of(same).identifier, facts_of(same).issuer))) == 64


@pytest.mark.parametrize(
    "typed", [PatientFacts(identifier="P-2"), PatientFacts(name="Two Bob"), PatientFacts(identifier="P-1", sex="M")]
)
def test_what_is_typed_is_never_put_over_what_a_header_says(typed: PatientFacts) -> None:
    with pytest.raises(Rejected, match="header"):
        agreed(typed, ADA)


def test_a_header_that_identifies_nobody_leaves_the_typed_number_and_is_asked_for_the_name_all_the_same() -> None:
    nobody = DicomHeader(patient_id="0", name=PersonName(alphabetic="Two Bob"))
    assert agreed(PatientFacts(identifier="1"), nobody) == PatientFacts(identifier="1", name="Two Bob")
    with pytest.raises(Rejected, match="a different name"):
        agreed(PatientFacts(identifier="1", name="Lovelace Ada"), nobody)
