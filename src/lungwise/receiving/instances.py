"""Recording what comes over the network: an instance goes into the study of its Study Instance UID and its patient."""

from __future__ import annotations

from sqlalchemy import select

from lungwise.access import Person, Right
from lungwise.audit.actions import Action, Subject
from lungwise.receiving.recording import Recording
from lungwise.receiving.uploads import ReceivedInstance, too_many
from lungwise.store import CollisionError
from lungwise.studies.film_models import Acceptance
from lungwise.studies.models import FilmRecord, Study

_MAX_STUDIES = 20
"""Studies of one Study Instance UID that are looked at beside the collecting one: patients whose films share it."""


class InstanceRecording:
    """Records instances over the session of a recording."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._session = recording.session

    def choose_study(self, node: Person, instance: ReceivedInstance) -> str | None:
        """Return the key of the study that a new instance goes into; None where that has yet to be made.

        Raises
        ------
        Rejected
            If the study has its most films already.
        """
        node.need(Right.UPLOAD)
        study = self._study_for(node, instance, self._collector(node, instance))
        limit = self._recording.limits.films
        if study is not None and len(study.films) >= limit:
            raise too_many(limit, len(study.films) + 1)
        return study.key if study else None

    def record(self, node: Person, key: str, name: str, instance: ReceivedInstance, *, is_new: bool) -> FilmRecord:
        """Record a new instance that lies in the store by that name, in the folder of the study that was chosen.

        If the study `is_new`, it is made; one that was there and is deleted is not: its folder goes with it.

        Raises
        ------
        Rejected
            If the study has its most films already.
        CollisionError
            If the choice is outdated, since another film of the study, or this film itself, arrived in between, or the
            study was deleted.
        IntegrityError
            If another film of the study, or this film itself, is being recorded at this moment.
        """
        recording, film = self._recording, instance.film
        if recording.duplicates.is_here(node, film):
            raise CollisionError(f"A film of SOP Instance UID {film.uids.instance} is here now.")
        self.choose_study(node, instance)
        facts = recording.patients.rules.stated(instance.patient)
        collector = self._collector(node, instance)  # asked once: what comes to be after this breaks the constraint
        study = self._study_for(node, instance, collector)
        if study is None:
            if not is_new:
                raise CollisionError(f"Study {key} is deleted.")
            study, _ = recording.new_study(node, key, facts, study_uid=None if collector else film.uids.study)
        elif study.key != key:
            raise CollisionError(f"The films of study {key} go into another one now.")
        else:
            recording.lock(study, [name])
            recording.fill_in(node, study, facts)
        recording.add_to(node, study, {name: film})
        recorded = next(one for one in study.films if one.sha256 == name)
        self._accept(node, recorded, instance)
        recording.audit.record(node, Action.RECEIVED, Subject.STUDY, study.key)
        return recorded

    def _accept(self, node: Person, film: FilmRecord, instance: ReceivedInstance) -> None:
        uid = instance.film.uids.instance
        self._session.add(
            Acceptance(clinic_id=node.clinic_id, instance_uid=uid, film_id=film.id, sender=instance.sender)
        )

    def _collector(self, node: Person, instance: ReceivedInstance) -> Study | None:
        """Find the study that collects the films of the instance's Study Instance UID."""
        same = (Study.clinic_id == node.clinic_id, Study.study_uid == instance.film.uids.study)
        return self._session.scalar(select(Study).where(*same))

    def _study_for(self, node: Person, instance: ReceivedInstance, collector: Study | None) -> Study | None:
        """Return the study of the instance's Study Instance UID that is of the patient whom it names."""
        if collector is None:
            return None
        facts = self._recording.patients.rules.stated(instance.patient)
        same_uid = select(FilmRecord.study_id).where(FilmRecord.study_uid == instance.film.uids.study)
        query = select(Study).where(
            Study.clinic_id == node.clinic_id,
            Study.id.in_(same_uid),
            Study.study_uid.is_(None),
            Study.author_id == node.id if node.id else Study.node == node.name,
        )
        studies = (collector, *self._session.scalars(query.order_by(Study.id).limit(_MAX_STUDIES)))
        return next((study for study in studies if self._recording.studies.is_of(node, study, facts)), None)
