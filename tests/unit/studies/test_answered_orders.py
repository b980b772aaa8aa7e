from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom.uid import generate_uid

from dicom_files import dicom_file
from lungwise.orders.order import OrderRequest, OrderStatus, OrderWay
from lungwise.orders.service import Order, Orders
from lungwise.patients.service import PatientFacts
from lungwise.reading.reading import Verdict
from lungwise.studies.answered_orders import AnsweredOrders
from lungwise.studies.models import JobState
from lungwise.studies.service import Study
from synthetic_films import chest_words

if TYPE_CHECKING:
    from conftest import Services

BELA = PatientFacts(identifier="7", name="Bartók^Béla")
BLANK = np.full((400, 360), 900, np.uint16)


class Case:
    """A clinic that takes two studies of one order."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.ada = services.person()
        self._orders = Orders(services.session, services.clock, services.patients, services.audit)
        self.order: Order = self._orders.place(self.ada, BELA, OrderRequest(), OrderWay.PAGE).order

    def take(self, *, refused: bool = False, facts: PatientFacts = BELA) -> Study:
        """Take a film of the order: each is of another study."""
        stated: dict[str, Any] = {"PatientID": facts.identifier, "PatientName": facts.name}
        stated |= {"SpecificCharacterSet": "ISO_IR 192", "AccessionNumber": self.order.accession}
        words = BLANK if refused else chest_words()
        data = dicom_file(words, SOPInstanceUID=generate_uid(), StudyInstanceUID=generate_uid(), **stated)
        study = self.services.studies.open(self.ada, PatientFacts(), [("film", data)])
        self.services.session.commit()
        return study

    def read(self) -> None:
        """Read every film that waits."""
        self.services.session.commit()
        self.services.read_all()
        self.services.session.expire_all()

    @property
    def stands(self) -> tuple[str | None, str]:
        """Return which study answers the order, and what became of it."""
        self.services.session.refresh(self.order)
        return self.order.study_key, self.order.status


@pytest.fixture
def case(either_services: Services) -> Case:
    """Give a clinic with an order."""
    return Case(either_services)


@pytest.mark.parametrize("refused", [False, True])
def test_a_second_study_leaves_an_order_with_the_one_that_answered_it(case: Case, refused: bool) -> None:
    first = case.take()
    case.read()
    second = case.take(refused=refused)
    assert case.stands == (first.key, OrderStatus.DONE)
    case.read()
    assert second.films[0].accession == case.order.accession
    case.services.studies.delete(case.ada, second.key)
    assert case.stands == (first.key, OrderStatus.DONE)


def test_a_second_study_leaves_an_order_with_one_that_is_not_read_yet(case: Case) -> None:
    first = case.take()
    case.take(refused=True)
    assert case.stands == (first.key, OrderStatus.IN_PROGRESS)
    case.read()
    assert case.stands == (first.key, OrderStatus.DONE)


def test_a_film_that_is_taken_again_answers_the_order_of_one_that_was_refused(case: Case) -> None:
    case.take(refused=True)
    case.read()
    again = case.take()
    assert case.stands == (again.key, OrderStatus.IN_PROGRESS)
    case.read()
    assert case.stands == (again.key, OrderStatus.DONE)


def test_an_order_goes_on_to_a_study_that_came_before_the_first_was_refused(case: Case) -> None:
    case.take(refused=True)
    second = case.take()
    case.read()
    assert case.stands == (second.key, OrderStatus.DONE)


def test_an_order_stays_with_a_study_that_was_refused_where_no_other_can_be_read(case: Case) -> None:
    case.take(refused=True)
    second = case.take(refused=True)
    case.read()
    assert case.stands == (second.key, OrderStatus.IN_PROGRESS)


def test_the_order_of_a_deleted_study_goes_on_to_the_other_one(case: Case) -> None:
    first, second = case.take(), case.take()
    case.services.studies.delete(case.ada, first.key)
    assert case.stands == (second.key, OrderStatus.IN_PROGRESS)
    case.read()
    third = case.take()
    case.read()
    version = third.report_version
    case.services.studies.delete(case.ada, second.key)
    assert case.stands == (third.key, OrderStatus.DONE)
    case.services.session.refresh(third)
    assert third.report_version == version + 1  # it names the order now


def test_the_order_of_a_deleted_study_is_asked_for_again_where_no_other_can_answer_it(case: Case) -> None:
    case.take(refused=True)
    case.read()
    second = case.take()
    case.read()
    case.services.studies.delete(case.ada, second.key)
    assert case.stands == (None, OrderStatus.REQUESTED)


def test_an_order_goes_on_to_its_own_patients_study_where_a_merging_is_undone(case: Case) -> None:
    gone = PatientFacts(identifier="8", name="Schumann^Clara")
    other = case.take(facts=gone)
    patients, merging = case.services.patients, case.services.patient_studies
    bela, clara = (patients.having(case.ada, facts.identifier)[0] for facts in (BELA, gone))
    merging.merge(case.ada, bela.key, clara.key)
    assert case.stands == (other.key, OrderStatus.IN_PROGRESS)
    own = case.take()
    merging.take_back(case.ada, clara.key)
    assert case.stands == (own.key, OrderStatus.IN_PROGRESS)


def test_an_order_is_not_done_while_a_fault_keeps_a_film_of_its_study_from_being_read(case: Case) -> None:
    study = case.take()
    services = case.services
    named = {"PatientID": BELA.identifier, "PatientName": BELA.name, "SpecificCharacterSet": "ISO_IR 192"}
    uid = study.films[0].study_uid
    other = dicom_file(chest_words(), SOPInstanceUID=generate_uid(), StudyInstanceUID=uid, **named)
    services.studies.add_films(case.ada, study.key, [("other", other)])
    failed = study.films[1].jobs[0]
    failed.state = JobState.FAILED
    case.read()
    assert study.status in set(Verdict)
    assert case.stands == (study.key, OrderStatus.IN_PROGRESS)
    AnsweredOrders(services.session).settle(case.order, study)
    assert case.stands == (study.key, OrderStatus.IN_PROGRESS)
    services.queue.retry()
    case.read()
    assert case.stands == (study.key, OrderStatus.DONE)
