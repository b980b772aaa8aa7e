from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom import config
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from dicom_files import dicom_file
from lungwise.audit.service import AuditFilter
from lungwise.errors import NotFound
from lungwise.orders.order import OrderRequest, OrderStatus, OrderWay
from lungwise.orders.progress import OrderProgress
from lungwise.orders.service import Order, Orders
from lungwise.patients.service import PatientFacts
from lungwise.studies.service import Study
from synthetic_films import chest_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services

ACCESSION_OR_UID = {"AccessionNumber": "accession", "StudyInstanceUID": "study_uid"}
BELA = PatientFacts(identifier="7", name="Bartók^Béla")
CLARA = PatientFacts(identifier="8", name="Schumann^Clara")


class Case:
    """A clinic whose X-ray machine takes films of orders."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.ada = services.person()
        self.orders = Orders(services.session, services.clock, services.patients, services.audit)

    def order(self, facts: PatientFacts = BELA, **asked: str) -> Order:
        return self.orders.place(self.ada, facts, OrderRequest(**asked), OrderWay.PAGE).order  # type: ignore[arg-type]

    def film(self, facts: PatientFacts = BELA, **header: Any) -> Study:
        """Take a film whose header says this."""
        words = np.full((400, 360), 900, np.uint16)
        stated = {"PatientID": facts.identifier, "PatientName": facts.name, "SpecificCharacterSet": "ISO_IR 192"}
        data = dicom_file(words, SOPInstanceUID=generate_uid(), **{**stated, **header})
        return self.services.studies.open(self.ada, PatientFacts(), [("film", data)])


@pytest.fixture
def case(services: Services) -> Case:
    """Give a clinic with an X-ray machine."""
    return Case(services)


def test_a_film_finds_its_order_by_accession_number_and_patient(case: Case) -> None:
    order = case.order()
    study = case.film(AccessionNumber=order.accession)
    assert (order.status, order.study_key) == (OrderStatus.IN_PROGRESS, study.key)
    assert case.orders.of_study(case.ada, study.key) == [order]


def test_a_film_finds_its_order_by_the_study_uid_that_it_was_given(case: Case) -> None:
    order = case.order()
    study = case.film(StudyInstanceUID=order.study_uid)
    assert order.study_key == study.key
    assert study.films[0].accession == order.accession


def test_a_film_of_another_patient_never_answers_an_order(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    order = case.order()
    case.film(CLARA, AccessionNumber=order.accession)
    case.film(CLARA, StudyInstanceUID=order.study_uid)
    assert (order.status, order.study_key) == (OrderStatus.REQUESTED, None)
    assert caplog.text.count("of another patient") == 2


@pytest.mark.parametrize("tag", ["AccessionNumber", "StudyInstanceUID"])
def test_a_study_and_the_trail_say_that_a_film_names_an_order_of_another_patient(tag: str, case: Case) -> None:
    order, own = case.order(), case.order(CLARA)
    header = {"AccessionNumber": own.accession} | {tag: getattr(order, ACCESSION_OR_UID[tag])}
    study = case.film(CLARA, **header)
    studies, audit = case.services.studies, case.services.audit
    assert studies.orders_of_others(study) == [order]
    assert studies.orders_of(study) == ([] if tag == "AccessionNumber" else [own])
    found = audit.page(case.ada, AuditFilter(action="named other order"))
    assert {(entry.subject, entry.subject_key) for entry in found} == {("study", study.key), ("order", order.key)}
    assert studies.orders_of_others(case.film(AccessionNumber=order.accession)) == []
    patients = {one.name: one for one in case.services.patients.by_ids(case.ada, [1, 2]).values()}
    clara, bela = patients["Schumann^Clara"], patients["Bartók^Béla"]
    case.services.patient_studies.merge(case.ada, bela.key, clara.key)
    case.services.session.expire_all()
    assert studies.orders_of_others(study) == []


def test_an_order_is_answered_once_somebody_says_that_the_film_is_of_its_patient(case: Case) -> None:
    order = case.order()
    header = {"PatientID": "7", "PatientName": "Bartok^Peter", "AccessionNumber": order.accession}
    scan = dicom_file(chest_words(), SOPInstanceUID="1.2.3", **header)
    study = case.services.studies.open(case.ada, PatientFacts(), [("film", scan)])
    case.services.read_all()
    decided, patients = case.services.patient_studies, case.services.patients
    (unclear,) = patients.decisions.unclear(case.ada)
    assert (study.patient_id, order.status) == (unclear.id, OrderStatus.REQUESTED)
    (bela,) = patients.rivals(case.ada, unclear)
    decided.merge(case.ada, bela.key, unclear.key)
    case.services.session.expire_all()
    assert (order.study_key, order.status) == (study.key, OrderStatus.DONE)
    decided.take_back(case.ada, unclear.key)
    case.services.session.expire_all()
    assert (order.study_key, order.status) == (None, OrderStatus.REQUESTED)
    assert case.services.studies.orders_of_others(study) == [order]


def test_an_order_of_another_patient_is_found_by_what_a_film_says_of_its_request(case: Case) -> None:
    order, item = case.order(), Dataset()
    item.AccessionNumber = order.accession
    study = case.film(CLARA, RequestAttributesSequence=[item])
    assert case.services.studies.orders_of_others(study) == [order]


def test_accession_numbers_that_are_too_long_are_not_one_for_beginning_alike(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    for mode in ("reading_validation_mode", "writing_validation_mode"):
        monkeypatch.setattr(config.settings, mode, config.IGNORE)
    item = Dataset()
    item.AccessionNumber = "1" * 70
    one, other, requested = (
        case.film(**header).films[0].accession
        for header in (
            {"AccessionNumber": "1" * 70},
            {"AccessionNumber": "1" * 69 + "2"},
            {"RequestAttributesSequence": [item]},
        )
    )
    assert len(one or "") == 64
    assert one == requested != other


def test_an_order_is_done_once_its_films_are_read(case: Case, film: Callable[..., bytes]) -> None:
    order = case.order()
    study = case.services.studies.open(case.ada, BELA, [("film", film(1))])
    OrderProgress(case.services.session).begin(order, study.key)
    case.services.session.commit()
    case.services.read_all()
    case.services.session.refresh(order)
    assert order.status == OrderStatus.DONE


def test_a_film_that_is_refused_leaves_its_order_open(case: Case) -> None:
    order = case.order()
    case.film(AccessionNumber=order.accession)
    case.services.session.commit()
    case.services.read_all()
    case.services.session.refresh(order)
    assert order.status == OrderStatus.IN_PROGRESS


@pytest.mark.parametrize("way", ["delete", "remove"])
def test_a_study_that_is_gone_asks_again_for_what_was_not_read_and_a_deleted_one_for_all(way: str, case: Case) -> None:
    read, unread = case.order(), case.order()
    first, second = (case.film(AccessionNumber=order.accession) for order in (read, unread))
    read.status = OrderStatus.DONE
    case.services.session.flush()
    for study in (first, second):
        getattr(case.services.studies, way)(case.ada, study.key)
    for order in (read, unread):
        case.services.session.refresh(order)
    becomes = OrderStatus.REQUESTED if way == "delete" else OrderStatus.DONE
    assert (read.status, unread.status) == (becomes, OrderStatus.REQUESTED)
    assert (read.study_key, unread.study_key) == (None, None)


def test_orders_move_with_a_merged_patient_and_back_again(case: Case) -> None:
    order, other = case.order(), case.order(CLARA)
    patients, studies, kept = case.services.patients, case.services.patient_studies, other.patient_id
    bela, clara = (patients.having(case.ada, facts.identifier)[0] for facts in (BELA, CLARA))
    studies.merge(case.ada, clara.key, bela.key)
    assert [one.id for one in case.orders.of_patient(case.ada, clara)] == [other.id, order.id]
    later = case.order()
    assert later.patient_id == kept
    studies.take_back(case.ada, bela.key)
    assert [one.id for one in case.orders.of_patient(case.ada, bela)] == [later.id, order.id]
    assert order.merged_from_id is None


def test_a_deleted_patient_leaves_no_order(case: Case) -> None:
    order = case.order()
    key = case.services.patients.having(case.ada, "7")[0].key
    case.services.patient_studies.delete_patient(case.ada, key)
    case.services.session.expunge_all()
    with pytest.raises(NotFound):
        case.orders.get(case.ada, order.key)
