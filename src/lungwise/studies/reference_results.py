"""Reference results: what a test found that says more surely than a film what the patient has."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditTrail
from lungwise.errors import Contradiction, NotFound, Rejected
from lungwise.store import Clock, new_key
from lungwise.studies.models import ReferenceResult, Study
from lungwise.studies.reference_tests import SEEN, EnteredResult, ReferenceTest, results_of
from lungwise.studies.service import Studies
from lungwise.time_zones import ZoneOf, day_in, in_utc


class ReferenceResults:
    """The reference results of studies."""

    def __init__(
        self, session: Session, clock: Clock, studies: Studies, audit: AuditTrail, zone_of: ZoneOf = in_utc
    ) -> None:
        self._session = session
        self._clock = clock
        self._studies = studies
        self._audit = audit
        self._zone_of = zone_of

    def add(self, person: Person, key: str, entered: EnteredResult) -> ReferenceResult:
        """Keep a result with a study.

        Raises
        ------
        Rejected
            If it lies in the future, a PCR test has no reason, or the test cannot have this result.
        Contradiction
            If it was done before the patient was born, or the study has a result of this test on this day.
        """
        person.need(Right.CONCLUDE)
        study = self._studies.get(person, key)
        self._session.refresh(study, ["pcr", "reference_results"], with_for_update=True)
        self.check(person, study, entered)
        found = ReferenceResult(
            key=new_key(),
            kind=entered.kind,
            result=entered.result,
            tested_on=entered.tested_on,
            reason=entered.reason,
            author_id=person.id,
            author_name=person.name,
            created_at=self._clock(),
        )
        study.reference_results.append(found)
        self._changed(person, study, Action.ENTERED_RESULT)
        return found

    def take_back(self, person: Person, key: str, result_key: str) -> None:
        """Remove a result that was entered by mistake: who entered it may, and an administrator."""
        person.need(Right.CONCLUDE)
        study = self._studies.get(person, key)
        found = next((one for one in study.reference_results if one.key == result_key), None)
        if found is None or not self.may_take_back(person, found):
            raise NotFound
        study.reference_results.remove(found)
        self._changed(person, study, Action.TOOK_RESULT_BACK)

    def may_take_back(self, person: Person, result: ReferenceResult) -> bool:
        """Return whether a person may remove a result."""
        return person.may(Right.DELETE) or (person.may(Right.CONCLUDE) and person.id == result.author_id)

    def check(self, person: Person, study: Study, entered: EnteredResult) -> None:
        """Require that a result can be right; see `add`."""
        born = self._studies.patient(person, study).birth_date
        if entered.tested_on > day_in(self._zone_of(person.clinic_id), self._clock()):
            raise Rejected("This test's date is in the future. Check it.")
        if born and entered.tested_on < born:
            raise Contradiction("This test's date is before the patient was born. Check it.")
        if (entered.kind, entered.tested_on) in ((one.kind, one.tested_on) for one in study.reference_results):
            raise Contradiction("This study already has a result of this test on this day.")
        _check_result(entered)

    def _changed(self, person: Person, study: Study, action: Action) -> None:
        self._session.flush()
        study.pcr = self._newest_pcr(study)
        self._session.flush()
        self._studies.report_changes.of_study(study)
        self._audit.record(person, action, Subject.STUDY, study.key)

    def _newest_pcr(self, study: Study) -> str | None:
        newest = (
            select(ReferenceResult.result)
            .where(ReferenceResult.study_id == study.id, ReferenceResult.kind == ReferenceTest.PCR)
            .order_by(ReferenceResult.tested_on.desc(), ReferenceResult.id.desc())
        )
        return self._session.scalar(newest.limit(1))


def _check_result(entered: EnteredResult) -> None:
    if entered.kind is ReferenceTest.RADIOLOGIST and entered.result not in SEEN:
        raise Rejected("Choose what the radiologist saw: normal, or a disease.")
    if entered.result not in results_of(entered.kind):
        raise Rejected("This test's result must be negative or positive.")
    if entered.kind is ReferenceTest.PCR and entered.reason is None:
        raise Rejected("Say why the PCR test was done: it decides how its result is counted.")
