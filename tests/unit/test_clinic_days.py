"""A day begins at midnight where the clinic stands, not in Greenwich and not where the server is."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from dated_films import dated_film
from lungwise.clinics.service import ClinicChoices
from lungwise.errors import Rejected
from lungwise.monitoring.aggregates import Aggregates
from lungwise.patients.forms import PatientFields
from lungwise.patients.service import PatientFacts
from lungwise.receiving.film_files import FilmFiles
from lungwise.receiving.uploads import Upload, unpack
from lungwise.reports.fhir import bundle
from lungwise.reports.patient_export import PatientExport
from lungwise.reports.service import Reports
from lungwise.settings import Settings
from lungwise.store import FilmStore, utc_now
from lungwise.studies.models import Study
from lungwise.studies.reference_tests import EnteredResult, Outcome, ReferenceTest
from lungwise.studies.result_import import ResultImport
from lungwise.studies.stored_answers import study_answer
from lungwise.studies.worklist import WorklistQuery
from lungwise.time_zones import day_in, zone_of
from lungwise.web_app import create_app
from lungwise.wiring import Wiring
from synthetic_reader import SyntheticReader

if TYPE_CHECKING:
    from conftest import Clock, Services

SUNDAY, MONDAY = date(2026, 3, 1), date(2026, 3, 2)


@pytest.fixture(
    params=[("XXX12", "Pacific/Tongatapu"), ("XXX-14", "Pacific/Honolulu"), ("XXX-14", "Asia/Kolkata")],
    ids=["Tonga", "Honolulu", "Kolkata"],
)
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Let the machine stand at the other end of the world, and name the zone of the clinic."""
    monkeypatch.setenv("TZ", request.param[0])
    time.tzset()
    yield request.param[1]
    monkeypatch.undo()
    time.tzset()


class Clinic:
    """A clinic in a zone, at an hour of a day there."""

    def __init__(self, services: Services, zone: str, day: date, hour: int, **changes: object) -> None:
        self.services, self.zone, self.ada = services, zone_of(zone), services.person()
        services.clock.now = self.at(day, hour)
        settings = services.settings.model_copy(update=changes)
        self.wired = Wiring(settings, FilmStore(settings), services.clock).over(services.session)
        self.wired.clinics.change(self.ada, ClinicChoices(name="Hill", time_zone=zone))

    def at(self, day: date, hour: int) -> datetime:
        """Return half past an hour, where the clinic stands."""
        return datetime(day.year, day.month, day.day, hour, 30, tzinfo=self.zone).astimezone(UTC)


@pytest.fixture(params=[(SUNDAY, 23), (MONDAY, 0)], ids=["23:30", "00:30"])
def clinic(request: pytest.FixtureRequest, services: Services, zone: str) -> Clinic:
    """Open a clinic half an hour before or after midnight."""
    return Clinic(services, zone, *request.param)


def record(clinic: Clinic, key: str, facts: PatientFacts, film: bytes) -> Study:
    """Record a study by the services that know the clinic's zone."""
    stored = FilmFiles(clinic.services.store).put(key, unpack([("a", film)], clinic.wired.recording.limits).films)
    return clinic.wired.recording.record(clinic.ada, key, facts, stored)


def today(clinic: Clinic) -> date:
    return day_in(clinic.zone, clinic.services.clock())


def test_nobody_is_born_tomorrow(clinic: Clinic) -> None:
    patients, day = clinic.wired.patients, today(clinic)
    assert patients.match_or_add(clinic.ada, PatientFacts(identifier="1", birth_date=day)).patient.birth_date == day
    with pytest.raises(Rejected, match="in the future"):
        patients.match_or_add(clinic.ada, PatientFacts(identifier="2", birth_date=day + timedelta(days=1)))


def test_no_test_is_done_tomorrow(clinic: Clinic, film: Callable[..., bytes]) -> None:
    study = clinic.services.studies.open(clinic.ada, PatientFacts(), [("a", film(1))])
    xpert = EnteredResult(kind=ReferenceTest.XPERT, result=Outcome.POSITIVE, tested_on=today(clinic))
    results = clinic.wired.reference_results
    assert results.add(clinic.ada, study.key, xpert).tested_on == today(clinic)
    with pytest.raises(Rejected, match="in the future"):
        results.add(clinic.ada, study.key, replace(xpert, tested_on=today(clinic) + timedelta(days=1)))


def test_a_days_uploads_begin_anew_at_midnight(services: Services, zone: str) -> None:
    clinic = Clinic(services, zone, SUNDAY, 0, account_films=1)
    quota = clinic.wired.recording.quota
    films = [Upload(data=b"x", kind="JPEG", header=None)]
    quota.count(clinic.ada, films)
    services.clock.now = clinic.at(SUNDAY, 23)
    with pytest.raises(Rejected, match="today"):
        quota.check(clinic.ada, films)
    services.clock.now = clinic.at(MONDAY, 0)
    quota.check(clinic.ada, films)


def test_a_study_is_of_its_clinics_week_and_day(clinic: Clinic) -> None:
    study, _unclear = clinic.wired.recording.new_study(clinic.ada, "0" * 20, PatientFacts())
    clinic.services.session.flush()
    day = today(clinic)
    assert study.week == (MONDAY - timedelta(weeks=1) if day == SUNDAY else MONDAY)
    other = SUNDAY if day == MONDAY else MONDAY
    counts = [
        clinic.services.worklist.count(clinic.ada, WorklistQuery(since=one, until=one, zone=clinic.zone))
        for one in (day, other)
    ]
    assert counts == [1, 0]
    last = Aggregates(clinic.services.session, clinic.services.clock, lambda _clinic: clinic.zone).of(clinic.ada, 1)[0]
    assert last.begins == (date(2026, 2, 16) if day == SUNDAY else date(2026, 2, 23))


def test_a_table_of_results_finds_the_study_of_the_day(clinic: Clinic, film: Callable[..., bytes]) -> None:
    ada, services = clinic.ada, clinic.services
    study = services.studies.open(ada, PatientFacts(identifier="H-1"), [("a", film(1))])
    known_by = services.patients.known_by
    taking = ResultImport(services.session, services.studies, clinic.wired.reference_results, known_by, 0, clinic.zone)
    table = f"patient,test,result,date,reason\nH-1,pcr,positive,{today(clinic)},symptoms\n"
    (row,) = taking.preview(ada, table.encode())
    assert row.study is not None, row.rejected
    assert row.study.key == study.key


def test_a_film_of_today_dates_what_was_seen_and_one_of_tomorrow_does_not(clinic: Clinic) -> None:
    for ahead in (0, 1):
        day = today(clinic) + timedelta(days=ahead)
        data = dated_film(f"{day:%Y%m%d}", PatientID=f"H-{ahead}")
        study = clinic.services.studies.open(clinic.ada, PatientFacts(), [("a", data)])
        chosen = clinic.wired.clinics.settings_of(clinic.ada.clinic_id)
        report = Reports(clinic.services.studies, str, clinic.services.settings, chosen).of(
            clinic.ada, study.key, "Hill"
        )
        entries = [entry["resource"] for entry in json.loads(bundle(report))["entry"]]
        (said,) = (one for one in entries if one["resourceType"] == "DiagnosticReport")
        assert (said["effectiveDateTime"] == day.isoformat()) is (ahead == 0)


def test_somebody_is_an_adult_from_their_birthday_on(clinic: Clinic, film: Callable[..., bytes]) -> None:
    """Eighteen on Monday: the film of Sunday, 23:30, is a child's, and that of half past midnight an adult's."""
    services, ada = clinic.services, clinic.ada
    born = MONDAY.replace(year=MONDAY.year - 18)
    facts = PatientFacts(identifier="H-1", birth_date=born)
    undated = record(clinic, "1" * 20, facts, film(1))
    dated = dated_film(f"{SUNDAY:%Y%m%d}", PatientID="H-1")
    earlier = record(clinic, "2" * 20, facts, dated)
    services.session.flush()
    patient = services.studies.patient(ada, undated)
    is_sunday = today(clinic) == SUNDAY
    assert study_answer(undated, patient, clinic.zone, is_doubted=False).is_child is is_sunday
    assert study_answer(
        earlier, patient, clinic.zone, is_doubted=False
    ).is_child  # by the film's own day, not by that of the upload


def test_a_film_without_a_date_is_of_the_day_on_which_it_came(clinic: Clinic, film: Callable[..., bytes]) -> None:
    services, ada = clinic.services, clinic.ada
    services.studies.open(ada, PatientFacts(identifier="H-1"), [("a", film(1))])
    services.read_all()
    model = services.worker.model
    table = clinic.wired.clinic_films.table(ada, model)
    assert [date.fromordinal(int(day)) for day in table.day] == [today(clinic)]
    clinic.wired.clinics.change(ada, ClinicChoices(name="Hill", time_zone="UTC"))
    moved = clinic.wired.clinic_films.table(ada, model)
    assert [date.fromordinal(int(day)) for day in moved.day] == [services.clock().date()]


def test_the_watch_looks_back_from_the_day_of_the_clinic(clinic: Clinic) -> None:
    assert clinic.wired.clinic_films.day_of(clinic.ada, clinic.services.clock()) == today(clinic)


def test_earlier_films_are_wanted_up_to_today(clinic: Clinic) -> None:
    assert clinic.wired.recording.today(clinic.ada) == today(clinic)


def test_a_patients_export_names_a_study_by_its_day(clinic: Clinic, film: Callable[..., bytes]) -> None:
    services, ada = clinic.services, clinic.ada
    study = services.studies.open(ada, PatientFacts(identifier="H-1"), [("a", film(1))])
    reports = Reports(services.studies, str, services.settings, clinic.wired.clinics.settings_of(ada.clinic_id))
    export = PatientExport(services.studies, services.patients, clinic.wired.priors, reports, services.clock, str)
    out = io.BytesIO()
    export.write(ada, services.studies.patient(ada, study).key, "Hill", out)
    with zipfile.ZipFile(out) as archive:
        assert any(name.startswith(f"studies/{today(clinic)}-{study.key}/") for name in archive.namelist())


@pytest.mark.parametrize("name", ["Pacific/Pago_Pago", "Pacific/Kiritimati"])
def test_a_form_knows_the_day_where_the_clinic_stands(
    name: str, settings: Settings, clock: Clock, migrate: Callable[[Settings], None]
) -> None:
    """Of these two zones, one has another day than Greenwich at any hour."""
    migrate(settings)
    app = create_app(settings.model_copy(update={"time_zone": name}), SyntheticReader, clock)
    day = day_in(zone_of(name), utc_now())
    for ahead in (0, 1):
        born = str(day + timedelta(days=ahead))
        with app.test_request_context("/", method="POST", data={"birth_date": born}):
            form = PatientFields()
            assert form.birth_date.validate(form) is (ahead == 0)
    app.database.close()
