"""What becomes of a study whose answer changes: a film is given up, or read again by another model."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING

from sqlalchemy import update

from lungwise.films import open_film
from lungwise.jobs.reading_queue import ATTEMPTS, Claim, Jobs, Model
from lungwise.patients.service import PatientFacts
from lungwise.reading.artefact import shipped_card
from lungwise.reading.prevalence import PredictiveValue
from lungwise.reading.reading import Normal, Verdict
from lungwise.store import database_time
from lungwise.studies.answers import Level
from lungwise.studies.clinical_details import ClinicalDetails
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.headlines import Headlines
from lungwise.studies.models import Job, Study
from lungwise.studies.outdated_opinions import covers, is_concluded, is_outdated
from lungwise.studies.service import Conclusion
from lungwise.studies.stored_answers import study_answer
from lungwise.studies.worklist import WorklistQuery

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services
    from lungwise.access import Person
    from lungwise.reading.reading import Reading
    from synthetic_reader import SyntheticReader

SYNTHETIC = Model(name="synthetic", version="1")
NORMAL_FINDINGS = {"normal": 0.999, "COVID-19": 0.01, "other pneumonia": 0.0, "tuberculosis": 0.0}


def queued(services: Services, person: Person, *films: bytes) -> tuple[Jobs, Study]:
    """Queue films, and give the queue and their study."""
    study = services.studies.open(person, PatientFacts(), [(str(n), data) for n, data in enumerate(films)])
    services.session.commit()
    return Jobs(services.session, services.clock, 30), study


def claimed(jobs: Jobs) -> Claim:
    (claim,) = jobs.claim(SYNTHETIC)
    return claim


def given_up(jobs: Jobs, services: Services, claim: Claim) -> None:
    """Let every attempt to read a film fail."""
    jobs.fail(claim, "Fault")
    for _attempt in range(ATTEMPTS - 1):
        services.session.execute(update(Job).where(Job.id == claim.job).values(due_at=database_time(services.session)))
        services.session.expire_all()
        jobs.fail(claimed(jobs), "Fault")


def normal_reading(data: bytes, reader: SyntheticReader) -> Reading:
    return replace(
        reader.read(open_film(data)),
        verdict=Verdict.NEGATIVE,
        probability=0.01,
        findings=NORMAL_FINDINGS,
        normal=Normal(probability=0.999, called=True),
        pattern=None,
        raised=(),
    )


def suspicious(reading: Reading, share: float) -> Reading:
    """The same with tuberculosis."""
    findings = {**NORMAL_FINDINGS, "normal": 0.02, "tuberculosis": share}
    normal = Normal(probability=0.02, called=False)
    return replace(reading, findings=findings, normal=normal, pattern="tuberculosis", raised=("tuberculosis",))


def test_a_study_of_which_a_fault_kept_a_film_from_being_read_is_neither_normal_nor_final(
    either_services: Services, film: Callable[..., bytes], synthetic_reader: type[SyntheticReader]
) -> None:
    services, person = either_services, either_services.person()
    jobs, study = queued(services, person, film(1), film(2))
    first, second = jobs.claim(SYNTHETIC, 2)
    jobs.finish({first: normal_reading(film(1), synthetic_reader())})
    given_up(jobs, services, second)
    (row,) = services.worklist.page(person, WorklistQuery()).rows
    for answer in (row.answer, study_answer(study, services.studies.patient(person, study), UTC, is_doubted=False)):
        headline = Headlines(str, PredictiveValue(shipped_card(), 0.1)).of(answer)
        assert (headline.level, headline.cautions) == (Level.GREY, ("One film could not be read.",))
    assert 1 < study.urgency < 2  # before what is normal
    services.studies.describe(person, study.key, ClinicalDetails(other="tired"))
    assert 1 < study.urgency < 2
    opinion = services.studies.conclude(person, study.key, Conclusion(agrees=True))
    assert opinion.conclusion == Diagnosis.UNCERTAIN
    assert [covers(opinion, one) for one in study.films] == [True, False]
    assert (is_concluded(study), is_outdated(study, opinion)) == (False, False)


def test_whoever_has_a_report_gets_one_that_says_that_a_film_could_not_be_read(
    services: Services, film: Callable[..., bytes], synthetic_reader: type[SyntheticReader]
) -> None:
    jobs, study = queued(services, services.person(), film(1), film(2))
    first, second = jobs.claim(SYNTHETIC, 2)
    jobs.finish({first: normal_reading(film(1), synthetic_reader())})
    assert study.report_version == 1
    given_up(jobs, services, second)
    assert study.report_version == 2
    services.queue.retry()
    given_up(jobs, services, claimed(jobs))
    assert study.report_version == 2  # which says it
    services.queue.retry()
    jobs.finish({claimed(jobs): normal_reading(film(2), synthetic_reader())})
    assert (study.report_version, study.unread) == (3, True)


def test_a_second_reading_that_says_something_else_is_told_to_everybody_once(
    services: Services, film: Callable[..., bytes], synthetic_reader: type[SyntheticReader]
) -> None:
    person = services.person()
    jobs, study = queued(services, person, film(1))
    jobs.finish({claimed(jobs): normal_reading(film(1), synthetic_reader())})
    services.studies.saw(person, study.key)
    services.studies.conclude(person, study.key, Conclusion(agrees=True))
    assert (study.conclusion, is_concluded(study)) == (Diagnosis.NORMAL, True)

    def read_again(version: str, reading: Reading) -> tuple[bool, int]:
        services.clock.forward(minutes=1)
        model = Model(name="synthetic", version=version)
        services.queue.reread(model)
        (claim,) = jobs.claim(model)
        before = study.report_version
        jobs.finish({claim: reading})
        services.session.refresh(study)
        return study.unread, study.report_version - before

    assert read_again("2", normal_reading(film(1), synthetic_reader())) == (False, 0)
    ill = suspicious(normal_reading(film(1), synthetic_reader()), 0.97)
    assert read_again("3", ill) == (True, 1)
    services.studies.saw(person, study.key)
    assert read_again("4", suspicious(ill, 0.9)) == (False, 0)
    positive = replace(ill, verdict=Verdict.POSITIVE, probability=0.9, pattern="COVID-19")
    assert read_again("5", positive) == (True, 1)
