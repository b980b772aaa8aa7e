"""Old studies go in two steps, and never what an archive, a backup or a reader still needs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from dicom_files import dicom_file, report_file
from lungwise.access import Person, Role
from lungwise.audit.models import AuditEntry
from lungwise.clinics.clinic_settings import ClinicChoices, ClinicSettings, RetentionMode
from lungwise.errors import NotFound, Rejected
from lungwise.films.dicom.header import read_header
from lungwise.orders.order import OrderRequest, OrderWay
from lungwise.orders.progress import OrderProgress
from lungwise.orders.service import Orders
from lungwise.patients.service import Patient, PatientFacts
from lungwise.receiving.uploads import Upload
from lungwise.store import new_key
from lungwise.store.backup import last_arrival, note_arrival, note_backup
from lungwise.studies.dispatch_models import Dispatch, DispatchState
from lungwise.studies.models import Study
from lungwise.studies.prior_models import PriorFilm
from lungwise.studies.priors import Priors
from lungwise.studies.retention import KeptBack, Retention
from prior_films import add_prior
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services


class Case:
    """A clinic with studies, and what keeps them."""

    def __init__(self, services: Services, film: Callable[..., bytes]) -> None:
        self.services = services
        self.film = film
        self.ada = services.person()
        self.archived: list[str] = []
        self.settings = ClinicSettings.of(ClinicChoices(name="Hill"), services.settings)
        self.films = 0

    def study(self, patient: str, *, read: bool = True) -> Study:
        """Open a study of a film of its own."""
        self.films += 1
        data = self.film(self.films)
        study = self.services.studies.open(self.ada, PatientFacts(identifier=patient), [(str(self.films), data)])
        if read:
            self.services.read_all()
        return study

    def retention(self, mode: RetentionMode | None = RetentionMode.DELETE, *, archives: bool = True) -> Retention:
        services, chosen = self.services, replace(self.settings, retention=mode, retention_days=365 if mode else None)

        def keep(_person: Person, key: str) -> None:
            self.archived.append(key)

        return Retention(
            services.session,
            services.clock,
            services.studies,
            services.patients,
            services.audit,
            lambda _clinic: chosen,
            keep if archives else None,
            Priors(services.session, services.store, services.patients.records),
        )

    def years_later(self) -> None:
        self.services.clock.forward(days=400)

    def back_up(self) -> None:
        note_backup(self.services.session, self.services.clock(), last_arrival(self.services.session))
        self.services.session.flush()


@pytest.fixture
def case(either_services: Services, film: Callable[..., bytes]) -> Case:
    return Case(either_services, film)


def test_a_clinic_that_says_nothing_keeps_everything(case: Case) -> None:
    case.study("1")
    case.years_later()
    case.back_up()
    assert case.retention(None).preview(case.ada) is None
    with pytest.raises(Rejected, match="Look at it again"):
        case.retention(None).remove(case.ada, "")


def test_what_is_due_goes_once_somebody_agrees_to_exactly_that(case: Case) -> None:
    old = [case.study("1"), case.study("1"), case.study("2")]
    case.years_later()
    young = case.study("2")
    case.back_up()
    retention = case.retention()
    preview = retention.preview(case.ada)
    assert preview is not None
    assert [one.key for one in preview.due] == [study.key for study in old]
    assert (preview.kept_back, preview.due[0].films, preview.backup_at) == ({}, 1, case.services.clock())
    keys = [study.key for study in old]
    with pytest.raises(Rejected, match="Look at it again"):
        retention.remove(case.ada, "0" * 20)
    assert retention.remove(case.ada, preview.agreement) == 3
    session = case.services.session
    assert [study.key for study in session.query(Study)] == [young.key]
    assert [patient.identifier for patient in session.query(Patient)] == ["2"]  # the other has no study any more
    done = [
        (one.action, one.subject_key, one.times) for one in session.query(AuditEntry).order_by(AuditEntry.id.desc())
    ]
    assert done[0] == ("removed by age", str(case.ada.clinic_id), 3)
    assert {("deleted", key, None) for key in keys} <= set(done)
    with pytest.raises(Rejected, match="Look at it again"):
        retention.remove(case.ada, preview.agreement)


def test_a_report_that_came_since_keeps_its_study(case: Case) -> None:
    services, uid = case.services, {"StudyInstanceUID": "1.2", "PatientID": "1"}
    film = dicom_file(chest_bytes(), **uid)
    services.studies.open(case.ada, PatientFacts(), [("film", film)])
    services.read_all()
    case.years_later()
    case.back_up()
    assert (counts(case), len(due(case))) == ({}, 1)
    services.clock.forward(hours=1)
    data = report_file("1.2.9", **uid)
    item, key = Upload(data=data, kind="DICOM", header=read_header(data)), new_key()
    services.store.put(key, data)
    services.studies.recording.objects.record(case.ada, key, item, "PACS")
    assert (counts(case), due(case)) == ({}, [])  # a study is as old as the newest of it
    case.years_later()
    assert (counts(case), due(case)) == ({KeptBack.NO_BACKUP: 1}, [])
    case.back_up()
    assert (counts(case), len(due(case))) == ({}, 1)


def test_a_backup_holds_no_clinic_that_came_after_it(case: Case) -> None:
    case.study("1")
    case.years_later()
    case.back_up()
    note_arrival(case.services.session)
    assert counts(case) == {KeptBack.NO_BACKUP: 1}
    case.back_up()
    assert counts(case) == {}


def test_a_backup_of_a_clock_that_ran_ahead_holds_nothing(case: Case) -> None:
    case.study("1")
    case.years_later()
    case.services.clock.forward(days=3650)
    case.back_up()
    case.services.clock.forward(days=-3650)
    assert counts(case) == {KeptBack.NO_BACKUP: 1}
    case.back_up()
    assert counts(case) == {}


def test_what_is_still_needed_stays(case: Case) -> None:
    unsent, unread, edited, lost = case.study("1"), case.study("2"), case.study("3"), case.study("4", read=False)
    now = case.services.clock()
    case.services.session.add(
        Dispatch(study_id=unsent.id, destination="A@a:1", state=DispatchState.FAILED, created_at=now, due_at=now)
    )
    case.years_later()
    assert counts(case) == {KeptBack.UNSENT: 1, KeptBack.NOT_READ: 1, KeptBack.NO_BACKUP: 2}
    case.back_up()
    assert counts(case) == {KeptBack.UNSENT: 1, KeptBack.NOT_READ: 1}
    assert due(case) == [unread.key, edited.key]
    case.services.clock.forward(seconds=1)
    case.services.studies.report_changes.of_study(edited)  # it is not old any more
    assert due(case) == [unread.key]
    case.services.clock.forward(days=400)
    assert counts(case)[KeptBack.NO_BACKUP] == 1
    agreement = case.retention().preview(case.ada).agreement  # type: ignore[union-attr]
    assert case.retention().remove(case.ada, agreement) == 1
    left = {study.key for study in case.services.session.query(Study)}
    assert left == {unsent.key, edited.key, lost.key}


def test_a_study_is_archived_before_it_goes(case: Case) -> None:
    key = case.study("1").key
    case.years_later()
    case.back_up()
    archiving = case.retention(RetentionMode.ARCHIVE)
    preview = archiving.preview(case.ada)
    assert preview is not None and preview.agreement != case.retention().preview(case.ada).agreement  # type: ignore[union-attr]
    with pytest.raises(Rejected, match="Set archive_folder"):
        case.retention(RetentionMode.ARCHIVE, archives=False).remove(case.ada, preview.agreement)
    assert archiving.remove(case.ada, preview.agreement) == 1
    assert case.archived == [key]


def test_only_an_administrator_of_the_clinic_removes(case: Case) -> None:
    case.study("1")
    case.years_later()
    case.back_up()
    with pytest.raises(NotFound):
        case.retention().preview(replace(case.ada, role=Role.DOCTOR))
    stranger = replace(case.ada, clinic_id=case.ada.clinic_id + 1)
    assert case.retention().preview(stranger).due == ()  # type: ignore[union-attr]


def test_the_day_begins_where_the_clinic_stands(case: Case) -> None:
    preview = case.retention().preview(case.ada)
    assert preview is not None
    local = preview.before.astimezone(case.settings.zone)
    assert (local.hour, local.minute) == (0, 0)
    assert case.services.clock() - preview.before < timedelta(days=366)


def counts(case: Case) -> dict[KeptBack, int]:
    preview = case.retention().preview(case.ada)
    assert preview is not None
    return preview.kept_back


def due(case: Case) -> list[str]:
    preview = case.retention().preview(case.ada)
    assert preview is not None
    return [one.key for one in preview.due]


def remove(case: Case) -> None:
    """Remove what is due."""
    retention = case.retention()
    preview = retention.preview(case.ada)
    assert preview is not None
    assert retention.remove(case.ada, preview.agreement) == 1


def test_a_patient_whose_films_are_ordered_stays(case: Case) -> None:
    services = case.services
    old = case.study("1")
    case.years_later()
    case.back_up()
    (patient,) = services.patients.known_by(case.ada, "1")
    orders = Orders(services.session, services.clock, services.patients, services.audit)
    orders.place(case.ada, patient, OrderRequest(), OrderWay.PAGE)
    remove(case)
    assert services.session.get(Study, old.id) is None
    assert services.patients.known_by(case.ada, "1") == [patient]
    assert len(OrderProgress(services.session).of_patient(patient.id)) == 1


def test_earlier_films_go_once_they_are_as_old_as_the_study(case: Case) -> None:
    services = case.services
    case.study("1")
    (patient,) = services.patients.known_by(case.ada, "1")
    add_prior(services.session, services.store, services.clock, patient, 1)
    case.years_later()
    case.study("1")
    case.back_up()
    young = add_prior(services.session, services.store, services.clock, patient, 2)
    remove(case)
    assert services.session.query(PriorFilm).all() == [young]


def test_a_report_of_another_clinic_keeps_no_study(case: Case) -> None:
    services, uid = case.services, {"StudyInstanceUID": "1.2", "PatientID": "1"}
    services.studies.open(case.ada, PatientFacts(), [("film", dicom_file(chest_bytes(), **uid))])
    services.read_all()
    case.years_later()
    case.back_up()
    services.clock.forward(hours=1)
    data = report_file("1.2.9", **uid)
    item, key = Upload(data=data, kind="DICOM", header=read_header(data)), new_key()
    services.store.put(key, data)
    services.studies.recording.objects.record(services.person("Bea", "Valley"), key, item, "PACS")
    assert (counts(case), len(due(case))) == ({}, 1)
