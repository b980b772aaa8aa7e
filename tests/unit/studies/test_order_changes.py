from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydicom.uid import generate_uid

from dicom_files import dicom_file
from lungwise.orders.order import OrderRequest, OrderStatus, OrderWay
from lungwise.orders.scheduled import ScheduledQuery
from lungwise.orders.service import Order
from lungwise.patients.service import PatientFacts
from lungwise.studies.dispatch_models import Dispatch, DispatchState
from lungwise.studies.service import Study
from lungwise.wiring import Wiring
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from conftest import Services

BELA = PatientFacts(identifier="7", name="Bartók^Béla")
CLARA = PatientFacts(identifier="8", name="Schumann^Clara")
UID = generate_uid()


class Clinic:
    """A clinic whose orders come after the films."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.ada = services.person()
        self.wired = Wiring(services.settings, services.store, services.clock).over(services.session)

    def take(self, study_uid: str = UID, **header: str) -> Study:
        """Take a film of Béla's whose results are sent as soon as it is read."""
        stated = {"PatientID": BELA.identifier, "PatientName": BELA.name, "SpecificCharacterSet": "ISO_IR 192"}
        uids = {"StudyInstanceUID": study_uid, "SOPInstanceUID": generate_uid()}
        film = dicom_file(chest_bytes(), **stated, **uids, **header)
        study = self.services.studies.open(self.ada, PatientFacts(), [("film", film)])
        sent = {"state": DispatchState.SENT, "created_at": self.services.clock(), "due_at": self.services.clock()}
        study.dispatches = [Dispatch(destination="A@a:1", **sent)]
        self.services.session.commit()
        return study

    def place(self, facts: PatientFacts = BELA, **asked: Any) -> Order:
        """Place an order as another system does."""
        order = self.wired.orders.place(self.ada, facts, OrderRequest(**asked), OrderWay.FHIR).order
        self.services.session.commit()
        self.services.session.expire_all()
        return order


@pytest.fixture
def clinic(either_services: Services) -> Clinic:
    """Give a clinic without orders."""
    return Clinic(either_services)


@pytest.mark.parametrize("is_read", [True, False])
def test_an_order_is_answered_by_films_that_name_it_and_were_taken_before(clinic: Clinic, is_read: bool) -> None:
    study = clinic.take(AccessionNumber="A1")
    if is_read:
        clinic.services.read_all()
    version = study.report_version

    order = clinic.place(accession="A1")

    assert (order.study_key, order.status) == (study.key, OrderStatus.DONE if is_read else OrderStatus.IN_PROGRESS)
    assert study.report_version == version + is_read
    assert study.dispatches[0].state == (DispatchState.QUEUED if is_read else DispatchState.SENT)
    if is_read:
        assert not clinic.wired.scheduled_orders.find(clinic.ada, ScheduledQuery(), "X-ray").scheduled


def test_a_film_that_names_a_late_order_by_its_studys_uid_gets_the_orders_number(clinic: Clinic) -> None:
    study = clinic.take()
    clinic.services.read_all()
    order = clinic.place(accession="A1", study_uid=UID)
    assert (order.study_key, order.status, study.films[0].accession) == (study.key, OrderStatus.DONE, "A1")


def test_a_late_order_stays_with_the_first_of_the_studies_that_name_it(clinic: Clinic) -> None:
    first, second = (clinic.take(generate_uid(), AccessionNumber="A1") for _ in range(2))
    clinic.services.read_all()
    versions = first.report_version, second.report_version
    assert clinic.place(accession="A1").study_key == first.key
    assert (first.report_version, second.report_version) == (versions[0] + 1, versions[1])


def test_whoever_has_a_report_is_told_that_its_film_names_anothers_order(clinic: Clinic) -> None:
    study = clinic.take(AccessionNumber="A1")
    clinic.services.read_all()
    version = study.report_version

    order = clinic.place(CLARA, accession="A1")

    assert (order.study_key, order.status) == (None, OrderStatus.REQUESTED)
    assert clinic.services.studies.ordered(study).of_others == (order,)
    assert (study.report_version, study.dispatches[0].state) == (version + 1, DispatchState.QUEUED)
    clinic.wired.patient_studies.delete_patient(clinic.ada, clinic.wired.patients.having(clinic.ada, "8")[0].key)
    assert clinic.services.studies.ordered(study).of_others == ()
    clinic.services.session.refresh(study)
    assert study.report_version == version + 2
