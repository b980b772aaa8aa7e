from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from dated_films import BRIGHT, DARK, dated_film
from lungwise.patients.service import PatientFacts
from lungwise.reading.extent import Difference, Direction
from lungwise.studies.dispatch_models import Dispatch, DispatchState
from lungwise.studies.extent_changes import ExtentChange, changes_of_patients

if TYPE_CHECKING:
    from conftest import Services
    from lungwise.patients.service import Patient
    from lungwise.studies.service import Study


class Clinic:
    """A person who opens studies, and asks what changed."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.person = services.person()

    def open(self, film: bytes, patient: str = "P-1") -> Study:
        study = self.services.studies.open(self.person, PatientFacts(identifier=patient), [("a film", film)])
        self.services.read_all()
        return study

    def patient(self, study: Study) -> Patient:
        return self.services.studies.patient(self.person, study)

    def change(self, study: Study) -> ExtentChange | None:
        changes = self.services.studies.extent_changes(self.person, study, self.patient(study))
        return changes.get(study.films[0].key)


@pytest.fixture
def clinic(services: Services) -> Clinic:
    return Clinic(services)


def test_a_film_is_compared_with_the_last_one_that_was_taken_before(clinic: Clinic) -> None:
    later = clinic.open(dated_film("20260310", BRIGHT))
    first = clinic.open(dated_film("20260301", DARK))
    last = clinic.open(dated_film("20260305", BRIGHT))

    found = clinic.change(later)

    assert found is not None
    assert (found.film, found.taken_on) == (last.films[0].key, date(2026, 3, 5))
    assert found.difference.direction is Direction.SAME
    since = clinic.change(last)
    assert since is not None and since.film == first.films[0].key
    assert since.difference.direction is Direction.MORE
    assert since.difference.points == pytest.approx(since.now - since.before)
    assert clinic.change(first) is None


def test_less_opacity_is_said_too(clinic: Clinic) -> None:
    clinic.open(dated_film("20260301", BRIGHT))
    found = clinic.change(clinic.open(dated_film("20260302", DARK)))

    assert found is not None and found.difference.direction is Direction.LESS
    assert found.difference.points < -found.difference.repeatability


@pytest.mark.parametrize(
    ("points", "rounded"),
    [(18.7, (18.7, 18.66)), (-18.7, (-18.7, 18.66)), (18.68, (18.68, 18.66)), (30.04, (30.0, 18.7))],
)
def test_a_difference_is_rounded_no_further_than_it_keeps_its_direction(
    points: float, rounded: tuple[float, float]
) -> None:
    difference = Difference(points=points, repeatability=18.6564)
    found = ExtentChange(film="f", taken_on=date(2026, 3, 1), before=20, now=20 + points, difference=difference).rounded
    assert (found.points, found.repeatability) == rounded
    assert found.direction is difference.direction


@pytest.mark.parametrize(
    "earlier",
    [{"view": "AP"}, {"view": "LL"}, {"day": "20260310"}, {"PatientAge": "010Y"}, {"PatientID": "P-2"}],
)
def test_films_that_are_unlike_are_not_compared(clinic: Clinic, earlier: dict[str, Any]) -> None:
    said = {"day": "20260301", **earlier}
    clinic.open(dated_film(**said), patient=earlier.get("PatientID", "P-1"))

    assert clinic.change(clinic.open(dated_film("20260310", BRIGHT))) is None


def test_readings_of_another_version_or_without_an_extent_are_not_compared(clinic: Clinic) -> None:
    earlier = clinic.open(dated_film("20260301"))
    later = clinic.open(dated_film("20260310", BRIGHT))
    reading = earlier.films[0].reading
    assert reading is not None and clinic.change(later) is not None

    reading.version = "0"
    assert clinic.change(later) is None
    reading.version, reading.extent_percent = "1", None
    assert clinic.change(later) is None


def test_a_patient_whose_identity_is_unclear_is_not_compared_nor_a_film_that_names_another(clinic: Clinic) -> None:
    earlier = clinic.open(dated_film("20260301", PatientName="Curie^Marie"))
    later = clinic.open(dated_film("20260310", BRIGHT, PatientName="Curie^Marie"))
    assert clinic.change(later) is not None
    clinic.services.patients.change(
        clinic.person, clinic.patient(earlier).key, PatientFacts(identifier="P-1", name="Clara Wieck")
    )

    assert clinic.change(later) is None


def test_whoever_has_a_report_is_told_that_its_film_is_compared_with_another_one(either_services: Services) -> None:
    clinic, studies = Clinic(either_services), either_services.studies
    later, at = clinic.open(dated_film("20260310", BRIGHT)), either_services.clock()
    version = later.report_version
    dispatch = Dispatch(destination="A@a:1", state=DispatchState.SENT, created_at=at, due_at=at)
    later.dispatches = [dispatch]
    either_services.session.flush()

    def told() -> bool:
        """Say whether a new version of the later film's report waits, and have it sent."""
        nonlocal version
        either_services.session.refresh(later)
        either_services.session.refresh(dispatch)
        before, version = version, later.report_version
        is_queued = dispatch.state == DispatchState.QUEUED
        dispatch.state = DispatchState.SENT
        either_services.session.flush()
        assert is_queued == (version > before)
        return is_queued

    assert not told()
    first, last = (clinic.open(dated_film(day, DARK)) for day in ("20260301", "20260305"))
    assert told()
    clinic.open(dated_film("20260312", DARK))
    studies.delete(clinic.person, first.key)  # it is not the last one before
    assert not told()
    studies.delete(clinic.person, last.key)
    assert told() and clinic.change(later) is None
    aged = clinic.open(dated_film("20260301", DARK))
    assert told()
    studies.remove(clinic.person, aged.key)
    assert not told()


def test_the_changes_of_many_patients_are_those_of_each(either_services: Services) -> None:
    clinic = Clinic(either_services)
    clinic.open(dated_film("20260301"))
    later = clinic.open(dated_film("20260310", BRIGHT))
    alone = clinic.open(dated_film("20260310", PatientID="P-2"), patient="P-2")
    patients = [clinic.patient(study) for study in (later, alone)]

    found = changes_of_patients(either_services.session, clinic.person, patients)

    assert found == {later.films[0].key: clinic.change(later)}
