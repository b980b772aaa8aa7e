"""An archive of patients' earlier films that is asked by C-FIND, and hands them out by C-MOVE to the node, or C-GET."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from pydicom.dataset import Dataset
from pydicom.uid import ComputedRadiographyImageStorage, DigitalXRayImageStorageForPresentation
from pynetdicom import build_context, build_role, evt
from pynetdicom.association import Association
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made on import
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from lungwise.dicom.outgoing import Destination, Outgoing
from lungwise.dicom.prior_fetcher import WantedPriors
from lungwise.dicom.queries import SUCCESS, PeerError, associated, bounded, find
from lungwise.dicom.storage import CANNOT_STORE
from lungwise.films import Refusal
from lungwise.films.dicom.pixel_data import TRANSFER_SYNTAXES
from lungwise.films.dicom.radiograph import is_chest
from lungwise.receiving.priors import PriorReceiver
from lungwise.receiving.uploads import read_instance
from lungwise.settings import Settings

_FIND = StudyRootQueryRetrieveInformationModelFind
_GET = StudyRootQueryRetrieveInformationModelGet
_MOVE = StudyRootQueryRetrieveInformationModelMove
_MOST_FOUND = 200
"""Studies, and series of a study, that are looked at of what an archive finds."""
_SERIES_SECONDS = 1500.0
"""How long an archive has to hand out one series, over however slow a line: less than a fetch is leased for."""
_FILM_SECONDS = 600.0
"""How long it may be silent while it moves a film to the node: the time of a large film over a slow line."""
_OUT_OF_RESOURCES, _NOT_UNDERSTOOD = 0xA700, 0xC000
_SOME_FAILED = 0xB000
"""Some of its sub-operations failed: it is asked again where that was our fault, and what it refuses stays refused."""
_FETCHED = (ComputedRadiographyImageStorage, DigitalXRayImageStorageForPresentation)
_log = logging.getLogger("lungwise.node")


class DimseArchive:
    """The archive that `priors_from` names as AE@host:port."""

    def __init__(self, settings: Settings, receiver: PriorReceiver) -> None:
        self._by_get = settings.priors_by == "C-GET"
        self._receiver = receiver
        self._outgoing = Outgoing(settings)
        self._archive = Destination.parse(settings.priors_from)

    def fetch(self, wanted: WantedPriors) -> None:
        """Retrieve what it has, the newest first; what is kept of it the receiver decides film by film."""
        found = self._found(wanted)
        if found:
            with self._retrieving() as association:
                for study, series in found:
                    self._retrieve(association, study, series)

    def _found(self, wanted: WantedPriors) -> list[tuple[str, str]]:
        """Ask for the patient's studies, and for those of their series that may be chest films."""
        query = _query("STUDY", "StudyInstanceUID", "IssuerOfPatientID", "StudyTime", "ModalitiesInStudy")
        query.PatientID, query.StudyDate = wanted.identifier, wanted.days
        with associated(self._outgoing, self._archive, _FIND) as association:
            studies = [
                study
                for study in find(association, query, _FIND, _MOST_FOUND)
                if wanted.is_earlier(str(study.get("PatientID", "")), str(study.get("StudyInstanceUID", "")))
            ]
            studies.sort(key=lambda study: str(study.get("StudyDate", "")), reverse=True)
            found: list[tuple[str, str]] = []
            for study in studies:
                if len(found) < wanted.films:
                    found += self._chest_series(association, str(study.StudyInstanceUID))
        return found[: wanted.films]

    def _chest_series(self, association: Association, study: str) -> list[tuple[str, str]]:
        query = _query("SERIES", "SeriesInstanceUID", "Modality", "BodyPartExamined")
        query.StudyInstanceUID = study
        return [
            (study, str(series.SeriesInstanceUID))
            for series in find(association, query, _FIND, _MOST_FOUND)
            if is_chest(str(series.get("Modality", "")), str(series.get("BodyPartExamined") or ""))
        ]

    @contextmanager
    def _retrieving(self) -> Iterator[Association]:
        """Open an association in which it hands films out; for C-GET it stores them here."""
        if not self._by_get:
            with associated(self._outgoing, self._archive, _MOVE) as association:
                association.dimse_timeout = _FILM_SECONDS
                yield association
            return
        contexts = [build_context(storage, [syntax]) for storage in _FETCHED for syntax in sorted(TRANSFER_SYNTAXES)]
        roles = [build_role(storage, scp_role=True) for storage in _FETCHED]
        handlers = [(evt.EVT_C_STORE, self._store)]
        with associated(
            self._outgoing, self._archive, _GET, contexts=contexts, roles=roles, handlers=handlers
        ) as association:
            yield association

    def _retrieve(self, association: Association, study: str, series: str) -> None:
        query = _query("SERIES")
        query.StudyInstanceUID, query.SeriesInstanceUID = study, series
        arrived, failed = self._receiver.arrived, self._receiver.failed
        if self._by_get:
            answers = association.send_c_get(query, _GET)
        else:
            answers = association.send_c_move(query, self._outgoing.title, _MOVE)
        last = None
        for status, _identifier in bounded(association, answers, _SERIES_SECONDS):
            last = status.get("Status")
        if last is None:
            raise PeerError(f"{self._archive.title} does not answer")
        if last not in (SUCCESS, _SOME_FAILED):
            raise PeerError(f"{self._archive.title} answers {last:04X} to {'C-GET' if self._by_get else 'C-MOVE'}")
        if self._receiver.failed > failed:
            raise PeerError(f"an earlier film of {self._archive.title} cannot be kept")
        if last == _SOME_FAILED and self._receiver.arrived == arrived:
            raise PeerError(f"{self._archive.title} could hand out no film: perhaps the node had no place for it")

    def _store(self, event: evt.Event) -> int:
        """Keep what it stores because it was asked to by C-GET."""
        try:
            instance = read_instance(event.encoded_dataset(), self._archive.title)
            kept = self._receiver.accept(instance, self._archive.host[:45])
        except Refusal:
            return _NOT_UNDERSTOOD
        except CANNOT_STORE as error:
            _log.error("An earlier film cannot be kept: %s", type(error).__name__)
            return _OUT_OF_RESOURCES
        _log.info("%s: an earlier film is %s.", self._archive.title, kept)
        return SUCCESS


def _query(level: str, *returned: str) -> Dataset:
    query = Dataset()
    query.SpecificCharacterSet, query.QueryRetrieveLevel = "ISO_IR 192", level
    for name in returned:
        setattr(query, name, "")
    return query
