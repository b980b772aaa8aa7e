from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from lungwise.access import Role
from lungwise.errors import NotFound, Rejected
from lungwise.patients.service import PatientFacts
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.reference_tests import SEEN, EnteredResult, Outcome, Reason, ReferenceTest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services

PCR = EnteredResult(kind=ReferenceTest.PCR, result=Outcome.POSITIVE, tested_on=date(2026, 3, 1), reason=Reason.SYMPTOMS)
BORN = PatientFacts(identifier="7", birth_date=date(1970, 3, 25))


def opened(services: Services, film: Callable[..., bytes]) -> str:
    return services.studies.open(services.person(), BORN, [("a.jpg", film(1))]).key


def test_a_result_is_kept_with_its_date_its_reason_and_who_entered_it_when(
    either_services: Services, film: Callable[..., bytes]
) -> None:
    services = either_services
    key, bob = opened(services, film), services.person("Bob", role=Role.DOCTOR)
    services.reference_results.add(bob, key, PCR)
    services.session.expire_all()
    study = services.studies.get(bob, key)
    (found,) = study.reference_results
    assert (found.kind, found.result, found.tested_on, found.reason) == (
        "pcr",
        "positive",
        date(2026, 3, 1),
        "symptoms",
    )
    assert (found.author_id, found.author_name, found.created_at) == (bob.id, "Bob", services.clock())
    assert study.pcr == "positive"


def test_the_studys_pcr_is_the_one_that_was_done_last(services: Services, film: Callable[..., bytes]) -> None:
    key, ada = opened(services, film), services.person("Eve")
    services.reference_results.add(ada, key, PCR)
    earlier = replace(PCR, result=Outcome.NEGATIVE, tested_on=date(2026, 2, 1))
    services.reference_results.add(ada, key, earlier)
    services.reference_results.add(ada, key, replace(earlier, kind=ReferenceTest.XPERT, reason=None))
    study = services.studies.get(ada, key)
    assert study.pcr == "positive"
    assert {kind: found.result for kind, found in study.newest_results.items()} == {
        "pcr": "positive",
        "xpert": "negative",
    }
    services.reference_results.take_back(ada, key, study.newest_results["pcr"].key)
    assert services.studies.get(ada, key).pcr == "negative"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"tested_on": date(2036, 3, 1)}, "in the future"),
        ({"tested_on": date(1970, 3, 24)}, "before the patient was born"),
        ({"reason": None}, "why the PCR test was done"),
    ],
)
def test_a_result_that_cannot_be_right_is_rejected(
    services: Services, film: Callable[..., bytes], change: dict[str, date | None], sentence: str
) -> None:
    key = opened(services, film)
    with pytest.raises(Rejected, match=sentence):
        services.reference_results.add(services.person("Eve"), key, replace(PCR, **change))  # type: ignore[arg-type]


def test_only_who_entered_a_result_or_an_administrator_takes_it_back(
    services: Services, film: Callable[..., bytes]
) -> None:
    key = opened(services, film)
    bob, eve = services.person("Bob", role=Role.DOCTOR), services.person("Eve", role=Role.DOCTOR)
    result = services.reference_results.add(bob, key, PCR).key
    with pytest.raises(NotFound):
        services.reference_results.take_back(eve, key, result)
    with pytest.raises(NotFound):
        services.reference_results.take_back(services.person("Zoe", "Valley"), key, result)
    services.reference_results.take_back(bob, key, result)
    services.session.expire_all()
    assert services.studies.get(bob, key).reference_results == []


@pytest.mark.parametrize("seen", SEEN)
def test_a_radiologists_reading_says_what_was_seen(
    either_services: Services, film: Callable[..., bytes], seen: Diagnosis
) -> None:
    key, ada = opened(either_services, film), either_services.person("Eve")
    entered = EnteredResult(
        kind=ReferenceTest.RADIOLOGIST, result=seen, tested_on=date(2026, 3, 1), reason=Reason.SAMPLE
    )
    either_services.reference_results.add(ada, key, entered)
    either_services.session.expire_all()
    (found,) = either_services.studies.get(ada, key).reference_results
    assert (found.kind, found.result, found.reason) == ("radiologist", seen.value, "sample")


@pytest.mark.parametrize(
    ("kind", "result", "sentence"),
    [
        (ReferenceTest.RADIOLOGIST, Outcome.POSITIVE, "what the radiologist saw"),
        (ReferenceTest.RADIOLOGIST, Diagnosis.UNCERTAIN, "what the radiologist saw"),
        (ReferenceTest.XPERT, Diagnosis.TUBERCULOSIS, "negative or positive"),
        (ReferenceTest.PCR, Diagnosis.COVID_19, "negative or positive"),
    ],
)
def test_a_test_and_a_radiologist_have_each_their_own_results(
    services: Services, film: Callable[..., bytes], kind: ReferenceTest, result: Outcome | Diagnosis, sentence: str
) -> None:
    key = opened(services, film)
    with pytest.raises(Rejected, match=sentence):
        services.reference_results.add(services.person("Eve"), key, replace(PCR, kind=kind, result=result))
