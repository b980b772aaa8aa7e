from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from flask_babel import get_timezone

from lungwise.studies.clinical_details import ClinicalDetails, Symptom
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.forms import ClinicalForm, OpinionForm, ResultForm, WorklistForm
from lungwise.studies.models import StudyStatus
from lungwise.studies.reference_tests import EnteredResult, Outcome, Reason, ReferenceTest
from lungwise.studies.service import Conclusion
from lungwise.studies.worklist import Order, WorklistQuery

if TYPE_CHECKING:
    from lungwise.web_app import Lungwise


def test_a_worklist_form_is_a_query_without_its_invalid_fields(app: Lungwise) -> None:
    fields = {"text": "clara", "standing": "positive", "since": "2026-03-02", "until": "soon", "order": "probable"}
    with app.test_request_context("/studies", method="POST", data=fields):
        assert WorklistForm().query() == WorklistQuery(
            text="clara", status=StudyStatus.POSITIVE, since=date(2026, 3, 2), zone=get_timezone(), order=Order.PROBABLE
        )


def test_an_opinion_form_is_a_conclusion(app: Lungwise) -> None:
    with app.test_request_context("/", method="POST", data={"agrees": "no", "conclusion": "other", "other": "a scar"}):
        assert OpinionForm().entered() == Conclusion(agrees=False, conclusion=Diagnosis.OTHER, other="a scar")
    with app.test_request_context("/", method="POST", data={}):
        assert OpinionForm().entered() == Conclusion()


def test_a_result_form_is_a_result_that_needs_its_date(app: Lungwise) -> None:
    fields = {"kind": "pcr", "result": "positive", "tested_on": "2026-03-01", "reason": "contact"}
    with app.test_request_context("/", method="POST", data=fields):
        assert ResultForm().entered() == EnteredResult(
            kind=ReferenceTest.PCR, result=Outcome.POSITIVE, tested_on=date(2026, 3, 1), reason=Reason.CONTACT
        )
    with app.test_request_context("/", method="POST", data={**fields, "tested_on": ""}):
        form = ResultForm(meta={"csrf": False})
        assert not form.validate()
        assert list(form.errors) == ["tested_on"]
    seen = {**fields, "kind": "radiologist", "result": "other pneumonia", "reason": "sample"}
    with app.test_request_context("/", method="POST", data=seen):
        form = ResultForm(meta={"csrf": False})
        assert form.validate()
        assert form.entered().result is Diagnosis.OTHER_PNEUMONIA
        assert str(form.result()).count("<optgroup") == 2


def test_a_clinical_form_is_what_is_known_beside_the_film(app: Lungwise) -> None:
    fields = {"symptoms": ["fever", "cough"], "other_symptoms": " for a week ", "spo2": "93"}
    known = ClinicalDetails(symptoms=(Symptom.FEVER, Symptom.COUGH), other="for a week", spo2=93)
    with app.test_request_context("/", method="POST", data=fields):
        assert ClinicalForm().details() == known
        empty = ClinicalForm(formdata=None)
        empty.put(known)
        assert empty.details() == known
    with app.test_request_context("/", method="POST", data={"spo2": "9"}):
        assert "spo2" in (form := ClinicalForm(meta={"csrf": False})).errors or not form.validate()
