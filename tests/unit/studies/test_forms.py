from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from lungwise.reading.reading import Verdict
from lungwise.studies.forms import OpinionForm, WorklistForm
from lungwise.studies.models import StudyStatus
from lungwise.studies.service import Conclusion
from lungwise.studies.worklist import Order, WorklistQuery

if TYPE_CHECKING:
    from lungwise.web_app import Lungwise


def test_a_worklist_form_is_a_query_without_its_invalid_fields(app: Lungwise) -> None:
    fields = {"text": "clara", "standing": "positive", "since": "2026-03-02", "until": "soon", "order": "probable"}
    with app.test_request_context("/studies", method="POST", data=fields):
        assert WorklistForm().query() == WorklistQuery(
            text="clara", status=StudyStatus.POSITIVE, since=date(2026, 3, 2), order=Order.PROBABLE
        )


def test_an_opinion_form_is_a_conclusion(app: Lungwise) -> None:
    with app.test_request_context("/", method="POST", data={"agrees": "no", "pcr": "negative", "note": "a scar"}):
        assert OpinionForm().entered() == Conclusion(agrees=False, pcr=Verdict.NEGATIVE, note="a scar")
    with app.test_request_context("/", method="POST", data={}):
        assert OpinionForm().entered() == Conclusion()
