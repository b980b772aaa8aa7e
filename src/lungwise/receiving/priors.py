"""Earlier films that were asked for: kept under the patient whom they name, if that is who they were asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from lungwise.access import Person
from lungwise.audit.actions import Action, Subject
from lungwise.errors import Unavailable
from lungwise.films.dicom.header import DicomHeader
from lungwise.films.dicom.radiograph import is_chest
from lungwise.jobs.prior_fetches import PriorFetches
from lungwise.patients.service import Patient
from lungwise.receiving.film_files import FilmFiles
from lungwise.receiving.kept_objects import KeptObjects
from lungwise.receiving.receive import Receive
from lungwise.receiving.receiver import Kept
from lungwise.receiving.recording import Recording
from lungwise.receiving.uploads import ReceivedInstance, Upload
from lungwise.settings import Settings
from lungwise.store import CollisionError
from lungwise.studies.prior_models import PriorFilm


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorLimits:
    """How many earlier films of one patient are kept, how many bytes of them all, and of how many years."""

    films: int
    total_bytes: int
    film_bytes: int
    years: int

    @classmethod
    def of(cls, settings: Settings) -> PriorLimits:
        """Read them from the settings."""
        return cls(
            films=settings.priors_films,
            total_bytes=settings.priors_megabytes << 20,
            film_bytes=settings.film_megabytes << 20,
            years=settings.priors_years,
        )

    def since(self, today: date) -> date:
        """Return the first day whose films are kept."""
        return today - timedelta(days=round(365.25 * self.years))


class ReceivedPriors(KeptObjects[PriorFilm]):
    """Records earlier films."""

    table = PriorFilm

    def record(self, person: Person, key: str, upload: Upload, sender: str, patient: Patient) -> None:
        """Record an earlier film that lies in the store in the folder of this key.

        Raises
        ------
        IntegrityError
            If the same is being recorded at this moment.
        """
        header = upload.header or DicomHeader()
        self._add(person, key, upload, sender, patient_id=patient.id, taken_on=header.taken_on)
        self._audit.record(person, Action.FETCHED_PRIOR, Subject.PATIENT, patient.key)


class PriorReceiver:
    """Keeps earlier films in the name of a node, and nothing else that comes with them.

    `arrived` counts what came, and `failed` what of it could not be kept just then: an archive may not tell.
    """

    def __init__(self, receive: Receive, node: Person, limits: PriorLimits) -> None:
        self.arrived = self.failed = 0
        self._receive = receive
        self._node = node
        self._limits = limits

    def accept(self, instance: ReceivedInstance, address: str) -> Kept:
        """Keep a film if it was asked for and is the patient's.

        Raises
        ------
        Unavailable, SQLAlchemyError
            If store or database cannot keep it now.
        """
        self.arrived += 1
        try:
            receive = self._receive.at(address)
            receive.begin()
            return receive.run(lambda files: self._attempt(receive, files, instance))
        except (Unavailable, OSError, SQLAlchemyError):
            self.failed += 1
            raise

    def _attempt(self, receive: Receive, files: FilmFiles, instance: ReceivedInstance) -> Kept:
        with receive.reading() as recording:
            is_known = _priors(receive, recording).find(self._node, instance.film) is not None
            if not is_known and self._owner(recording, instance) is None:
                return Kept.NOT_ASKED_FOR

        def record(recording: Recording, key: str) -> None:
            patient = self._owner(recording, instance)
            if patient is None:
                raise CollisionError("An earlier film is not wanted any more.")
            _priors(receive, recording).record(self._node, key, instance.film, instance.sender, patient)

        is_new = receive.keep(files, self._node, instance.film, partial(_priors, receive), record)
        return Kept.PRIOR if is_new else Kept.NOT_ASKED_FOR

    def _owner(self, recording: Recording, instance: ReceivedInstance) -> Patient | None:
        """Return the record of the patient whom a film is kept under; None where it is not wanted."""
        header = instance.film.header
        if header is None or instance.film.is_object or not is_chest(header.modality, header.body_part):
            return None
        today = recording.today(self._node)
        taken = header.taken_on
        if taken is None or not self._limits.since(today) <= taken <= today:
            return None
        if recording.is_own_result(self._node, instance.film) or recording.duplicates.is_here(
            self._node, instance.film
        ):
            return None
        patient = self._named(recording, instance)
        return patient if patient is not None and self._has_room(recording, patient, instance.film) else None

    def _named(self, recording: Recording, instance: ReceivedInstance) -> Patient | None:
        """Return the patient whom a film names beyond doubt, if that patient's films were asked for."""
        rules = recording.patients.rules
        facts = rules.stated(instance.patient)
        match = recording.patients.match(self._node, facts) if facts.identifier else None
        if match is None or match.patient.is_unclear:
            return None
        record = recording.session.get_one(Patient, match.merged_from_id or match.patient.id)
        is_same = record.identifier == facts.identifier and rules.issuer(record.facts) == rules.issuer(facts)
        if not is_same or not PriorFetches(recording.session, recording.clock).is_wanted(record.id):
            return None
        return record

    def _has_room(self, recording: Recording, patient: Patient, film: Upload) -> bool:
        known = select(PriorFilm.id).where(
            PriorFilm.clinic_id == patient.clinic_id, PriorFilm.instance_uid == (film.uids.instance or "")
        )
        sums = select(func.count(), func.coalesce(func.sum(PriorFilm.size), 0)).where(
            PriorFilm.patient_id == patient.id
        )
        count, size = recording.session.execute(sums).one()
        return (
            recording.session.scalar(known) is None
            and len(film.data) <= self._limits.film_bytes
            and count < self._limits.films
            and size + len(film.data) <= self._limits.total_bytes
        )


def _priors(receive: Receive, recording: Recording) -> ReceivedPriors:
    return ReceivedPriors(recording.session, recording.clock, receive.store, recording.audit)
