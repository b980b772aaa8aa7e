"""Asking the hospital's modality worklist for the accession numbers of films that arrived without one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from pynetdicom.sop_class import ModalityWorklistInformationFind  # type: ignore[attr-defined]  # made on import
from sqlalchemy.orm import Session

from lungwise.access import Person
from lungwise.dicom.outgoing import Destination, Outgoing
from lungwise.dicom.queries import PeerError, associated, find
from lungwise.dicom.worklist_query import query_of, steps_of
from lungwise.jobs.accession_lookups import AccessionLookups, ClaimedLookup
from lungwise.jobs.worker import SingleJobWorker
from lungwise.orders.scheduled_steps import LookupAnswer, StepMatch, is_exact, match_step
from lungwise.patients.service import IdentityRules
from lungwise.receiving.found_accessions import FoundAccessions
from lungwise.settings import Settings
from lungwise.store import Clock, Database

WORKLIST = ModalityWorklistInformationFind
MOST_STEPS = 200
"""Steps of one patient that are looked at; where there are more, none is chosen."""
_log = logging.getLogger("lungwise.node")


class AccessionFinder(SingleJobWorker[AccessionLookups, ClaimedLookup, str]):
    """Asks for what is queued; `work_all` yields for each study what was answered, or why it was not asked."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        settings: Settings,
        node: Person,
        found_over: Callable[[Session], FoundAccessions],
    ) -> None:
        super().__init__(database, "accessions")
        self._clock = clock
        self._node = node
        self._found_over = found_over
        self._outgoing = Outgoing(settings)
        self._rules = IdentityRules.of(settings.own_issuers_list, settings.nobody_list)
        self._worklist = Destination.parse(settings.worklist_from)

    def queue(self, session: Session) -> AccessionLookups:
        """Open the queue over a session."""
        return AccessionLookups(session, self._clock, self._node.clinic_id)

    def claim(self, queue: AccessionLookups) -> ClaimedLookup | None:
        """Claim the next study."""
        return queue.claim()

    def do(self, job: ClaimedLookup) -> str:
        """Ask for a study's accession number, and return what was answered, or the error."""
        is_sure = job.is_clear and is_exact(job.film.patient.identifier)
        if not is_sure or job.clinic_id != self._node.clinic_id:
            self._write(partial(AccessionLookups.finish, lookup=job, answer=None, source=""))
            return ""
        try:
            match = self._match(job)
            answer = self._database.transact(partial(self._settle, job, match))
        except PeerError as problem:
            return self._failed(job, str(problem))
        except Exception as fault:  # whatever one study does, the others are asked for
            _log.exception("The accession number of a study cannot be asked for.")
            return self._failed(job, f"a fault on our side ({type(fault).__name__})")
        return answer or ""

    def _match(self, job: ClaimedLookup) -> StepMatch:
        with associated(self._outgoing, self._worklist, WORKLIST) as association:
            answers = find(association, query_of(job.film.patient.identifier), WORKLIST, MOST_STEPS + 1)
        if len(answers) > MOST_STEPS:
            return StepMatch(answer=LookupAnswer.SEVERAL)
        return match_step(job.film, [step for one in answers for step in steps_of(one)], self._rules)

    def _settle(self, job: ClaimedLookup, match: StepMatch, session: Session) -> LookupAnswer | None:
        answer = self._found_over(session).settle(self._node, job, match, self._worklist.title)
        if answer not in (None, LookupAnswer.FOUND):
            _log.info("The worklist of %s gives no accession number: %s.", self._worklist.title, answer)
        return answer

    def _failed(self, job: ClaimedLookup, error: str) -> str:
        _log.warning("An accession number waits: %s.", error)
        self._write(partial(AccessionLookups.fail, lease=job, error=error))
        return error
