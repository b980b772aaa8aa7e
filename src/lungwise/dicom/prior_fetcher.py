"""Fetching a patient's earlier chest films from an archive: C-FIND, then C-MOVE to the own node, or C-GET."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import tzinfo
from functools import partial

from pydicom.dataset import Dataset
from pydicom.uid import UID, ComputedRadiographyImageStorage, DigitalXRayImageStorageForPresentation
from pynetdicom import build_context, build_role, evt
from pynetdicom.association import Association
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made on import
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)
from sqlalchemy.orm import Session

from lungwise.access import Person
from lungwise.dicom.outgoing import Destination, Outgoing
from lungwise.dicom.storage import CANNOT_STORE
from lungwise.films import Refusal
from lungwise.films.dicom.pixel_data import TRANSFER_SYNTAXES
from lungwise.jobs.prior_fetches import ClaimedFetch, PriorFetches
from lungwise.jobs.worker import SingleJobWorker
from lungwise.receiving.priors import PriorLimits, PriorReceiver, is_chest
from lungwise.receiving.uploads import read_instance
from lungwise.settings import Settings
from lungwise.store import Clock, Database
from lungwise.time_zones import day_in

_FIND = StudyRootQueryRetrieveInformationModelFind
_GET = StudyRootQueryRetrieveInformationModelGet
_MOVE = StudyRootQueryRetrieveInformationModelMove
_MOST_FOUND = 200
"""Studies, and series of a study, that are looked at of what an archive finds."""
_SUCCESS, _OUT_OF_RESOURCES, _NOT_UNDERSTOOD = 0x0000, 0xA700, 0xC000
_SOME_FAILED = 0xB000
_FETCHED = (ComputedRadiographyImageStorage, DigitalXRayImageStorageForPresentation)
_PENDING = (0xFF00, 0xFF01)
_log = logging.getLogger("lungwise.node")


class PriorsError(Exception):
    """An archive does not give earlier films; says why."""


class PriorFetcher(SingleJobWorker[PriorFetches, ClaimedFetch, str]):
    """Fetches what is queued; `work_all` yields the error of each patient, empty where there is nothing more."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        settings: Settings,
        node: Person,
        receiver: PriorReceiver,
        zone_of: Callable[[Session], tzinfo],
    ) -> None:
        super().__init__(database, "priors")
        self._clock = clock
        self._settings = settings
        self._node = node
        self._receiver = receiver
        self._zone_of = zone_of
        self._outgoing = Outgoing(settings)
        self._archive = Destination.parse(settings.priors_from)

    def queue(self, session: Session) -> PriorFetches:
        """Open the queue over a session."""
        return PriorFetches(session, self._clock)

    def claim(self, queue: PriorFetches) -> ClaimedFetch | None:
        """Claim the next patient."""
        return queue.claim()

    def do(self, job: ClaimedFetch) -> str:
        """Fetch a patient's earlier films, and return the error."""
        try:
            error = self._fetched(job)
        except PriorsError as problem:
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

    def _fetched(self, job: ClaimedFetch) -> str:
        """Fetch what an archive has, the newest first; what is kept of it the receiver decides film by film."""
        identifier = job.facts.identifier
        if any(letter in identifier for letter in "*?\\") or job.clinic_id != self._node.clinic_id:
            return ""
        found = self._found(job)
        if found:
            with self._associated(_GET if self._settings.priors_by == "C-GET" else _MOVE) as association:
                for study, series in found:
                    self._retrieve(association, study, series)
        return ""

    def _found(self, job: ClaimedFetch) -> list[tuple[str, str]]:
        """Ask for the patient's studies, and for those of their series that may be chest films."""
        with self._database.reading() as session:
            today = day_in(self._zone_of(session), self._clock())
        since = PriorLimits.of(self._settings).since(today)
        wanted = _query("STUDY", "StudyInstanceUID", "IssuerOfPatientID", "StudyTime", "ModalitiesInStudy")
        wanted.PatientID, wanted.StudyDate = job.facts.identifier, f"{since:%Y%m%d}-{today:%Y%m%d}"
        with self._associated(_FIND) as association:
            studies = [
                study
                for study in _answers(association, wanted)
                if str(study.get("PatientID", "")).strip() == job.facts.identifier
                and str(study.get("StudyInstanceUID", "")) not in job.known_studies
            ]
            studies.sort(key=lambda study: str(study.get("StudyDate", "")), reverse=True)
            found: list[tuple[str, str]] = []
            for study in studies:
                if len(found) < self._settings.priors_films:
                    found += self._chest_series(association, str(study.StudyInstanceUID))
        return found[: self._settings.priors_films]

    def _chest_series(self, association: Association, study: str) -> list[tuple[str, str]]:
        wanted = _query("SERIES", "SeriesInstanceUID", "Modality", "BodyPartExamined")
        wanted.StudyInstanceUID = study
        return [
            (study, str(series.SeriesInstanceUID))
            for series in _answers(association, wanted)
            if is_chest(str(series.get("Modality", "")), str(series.get("BodyPartExamined") or ""))
        ]

    @contextmanager
    def _associated(self, model: UID) -> Iterator[Association]:
        """Open an association with the archive; for C-GET it stores here."""
        contexts, roles, handlers = [build_context(model)], [], []
        if model == _GET:
            contexts += [
                build_context(storage, [syntax]) for storage in _FETCHED for syntax in sorted(TRANSFER_SYNTAXES)
            ]
            roles = [build_role(storage, scp_role=True) for storage in _FETCHED]
            handlers = [(evt.EVT_C_STORE, self._store)]
        association = self._outgoing.associate(self._archive, contexts, roles, handlers)
        title = self._archive.title
        if not association.is_established:
            if association.is_rejected:
                raise PriorsError(f"{title} rejects this association")
            raise PriorsError(self._outgoing.why_away(self._archive))
        try:
            if all(one.abstract_syntax != model for one in association.accepted_contexts):
                raise PriorsError(f"{title} takes no {model.name}")
            yield association
        except (RuntimeError, ValueError) as error:  # the association is gone
            raise PriorsError(f"{title} ends the association ({type(error).__name__})") from error
        finally:
            association.release()

    def _retrieve(self, association: Association, study: str, series: str) -> None:
        wanted = _query("SERIES")
        wanted.StudyInstanceUID, wanted.SeriesInstanceUID = study, series
        if self._settings.priors_by == "C-GET":
            answers = association.send_c_get(wanted, _GET)
        else:
            answers = association.send_c_move(wanted, self._outgoing.title, _MOVE)
        last = None
        for status, _identifier in answers:
            last = status.get("Status")
        if last is None:
            raise PriorsError(f"{self._archive.title} does not answer")
        if last not in (_SUCCESS, _SOME_FAILED):
            raise PriorsError(f"{self._archive.title} answers {last:04X} to {self._settings.priors_by}")

    def _store(self, event: evt.Event) -> int:
        """Keep what an archive stores because it was asked to by C-GET."""
        try:
            instance = read_instance(event.encoded_dataset(), self._archive.title)
            kept = self._receiver.accept(instance, self._archive.host[:45])
        except Refusal:
            return _NOT_UNDERSTOOD
        except CANNOT_STORE as error:
            _log.error("An earlier film cannot be kept: %s", type(error).__name__)
            return _OUT_OF_RESOURCES
        _log.info("%s: an earlier film is %s.", self._archive.title, kept)
        return _SUCCESS


def _query(level: str, *returned: str) -> Dataset:
    query = Dataset()
    query.SpecificCharacterSet, query.QueryRetrieveLevel = "ISO_IR 192", level
    for name in returned:
        setattr(query, name, "")
    return query


def _answers(association: Association, query: Dataset) -> list[Dataset]:
    """Return what an archive finds, the first of it where it is very much.

    Raises
    ------
    PriorsError
        If it does not answer, or answers an error.
    """
    found: list[Dataset] = []
    last = None
    for status, answer in association.send_c_find(query, _FIND):
        last = status.get("Status")
        if last in _PENDING and answer is not None and len(found) < _MOST_FOUND:
            found.append(answer)
    if last != _SUCCESS:
        raise PriorsError(f"the archive {'does not answer' if last is None else f'answers {last:04X}'} to C-FIND")
    return found
