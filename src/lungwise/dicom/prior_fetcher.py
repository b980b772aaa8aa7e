"""Fetching patients' earlier chest films from the archive that the settings name, by whatever it speaks."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, tzinfo
from functools import partial
from typing import Protocol

from sqlalchemy.orm import Session

from lungwise.access import Person
from lungwise.dicom.queries import PeerError
from lungwise.jobs.prior_fetches import ClaimedFetch, PriorFetches
from lungwise.jobs.worker import SingleJobWorker
from lungwise.orders.scheduled_steps import is_exact
from lungwise.receiving.priors import PriorLimits
from lungwise.settings import Settings
from lungwise.store import Clock, Database
from lungwise.time_zones import day_in

_log = logging.getLogger("lungwise.node")


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedPriors:
    """Whose earlier films are wanted, of which days, how many at most, and in which studies they are not."""

    identifier: str
    since: date
    today: date
    films: int
    known_studies: frozenset[str]

    @property
    def days(self) -> str:
        """The days as DICOM writes a range."""
        return f"{self.since:%Y%m%d}-{self.today:%Y%m%d}"

    def is_earlier(self, identifier: str, study_uid: str) -> bool:
        """Return whether a study that an archive found is one that was asked for."""
        return identifier.strip() == self.identifier and study_uid not in self.known_studies


class PriorArchive(Protocol):
    """An archive that has earlier films."""

    def fetch(self, wanted: WantedPriors) -> None:
        """Have it hand out a patient's earlier films, the newest first; what is kept of them is decided film by film.

        Raises
        ------
        PeerError
            If it does not.
        """


class PriorFetcher(SingleJobWorker[PriorFetches, ClaimedFetch, str]):
    """Fetches what is queued; `work_all` yields the error of each patient, empty where there is nothing more."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        settings: Settings,
        node: Person,
        archive: PriorArchive,
        zone_of: Callable[[Session], tzinfo],
    ) -> None:
        super().__init__(database, "priors")
        self._clock = clock
        self._limits = PriorLimits.of(settings)
        self._node = node
        self._archive = archive
        self._zone_of = zone_of

    def queue(self, session: Session) -> PriorFetches:
        """Open the queue over a session."""
        return PriorFetches(session, self._clock, self._node.clinic_id)

    def claim(self, queue: PriorFetches) -> ClaimedFetch | None:
        """Claim the next patient."""
        return queue.claim()

    def do(self, job: ClaimedFetch) -> str:
        """Fetch a patient's earlier films, unless of a clinic that has no node, and return the error."""
        error = ""
        try:
            if is_exact(job.facts.identifier) and job.clinic_id == self._node.clinic_id:
                self._archive.fetch(self._wanted(job))
        except PeerError as problem:
            error = str(problem)
        except Exception as fault:  # whatever one patient does, the others' films are fetched
            _log.exception("Earlier films of a patient cannot be fetched.")
            error = f"a fault on our side ({type(fault).__name__})"
        if error:
            _log.warning("Earlier films wait: %s.", error)
            self._write(partial(PriorFetches.fail, lease=job, error=error))
        else:
            self._write(partial(PriorFetches.finish, fetch=job))
        return error

    def _wanted(self, job: ClaimedFetch) -> WantedPriors:
        with self._database.reading() as session:
            today = day_in(self._zone_of(session), self._clock())
        return WantedPriors(
            identifier=job.facts.identifier,
            since=self._limits.since(today),
            today=today,
            films=self._limits.films,
            known_studies=job.known_studies,
        )
