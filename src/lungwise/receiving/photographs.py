"""Photographs of films: a person says where the film lies in the picture, and it is read from there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditTrail
from lungwise.errors import NotFound, Rejected
from lungwise.films import Film, Photographed, open_film
from lungwise.films.film import Corner
from lungwise.films.photograph.detection import proposed_corners
from lungwise.jobs.reading_queue import sum_up
from lungwise.store import Clock, after_commit, database_time
from lungwise.studies.models import FilmRecord, JobState, Study
from lungwise.studies.service import Studies
from lungwise.studies.thumbnails import Thumbnails
from lungwise.studies.uids import own_uid

Corners = tuple[Corner, Corner, Corner, Corner]
WHOLE: Corners = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
_SMALLEST = 0.02
"""Smallest share of the picture that twice the area of a corner's triangle may have."""


class Photographs:
    """The photographs among a clinic's films."""

    def __init__(
        self,
        session: Session,
        clock: Clock,
        studies: Studies,
        thumbnails: Thumbnails,
        audit: AuditTrail,
        wake: Callable[[], None],
    ) -> None:
        self._session = session
        self._clock = clock
        self._thumbnails = thumbnails
        self._wake = wake
        self._studies = studies
        self._audit = audit

    def film(self, person: Person, key: str) -> FilmRecord:
        """Find a film that may be a photograph: any that came without DICOM."""
        person.need(Right.UPLOAD)
        found = self._studies.film(person, key)
        if found.kind == "DICOM":
            raise NotFound
        return found

    def whole(self, film: FilmRecord) -> Film:
        """Decode the whole picture.

        Raises
        ------
        Refusal
            If it cannot be decoded.
        """
        return open_film(self._studies.data(film), Photographed(corners=WHOLE))

    def corners(self, film: FilmRecord, whole: Film) -> Corners:
        """Return where the film lies: as a person marked it, otherwise as it is detected."""
        if film.corners:
            return _corners(film.corners)
        grey = Image.fromarray((np.clip(whole.pixels, 0, 1) * 255).astype(np.uint8))
        return _corners(proposed_corners(grey).tolist())

    def mark(self, person: Person, key: str, corners: Corners) -> FilmRecord:
        """Keep where the film lies in its picture, and have it read from there.

        What was read of it before goes, and so does its UID: other pixels are another object.

        Raises
        ------
        Rejected
            If the corners enclose no film.
        """
        if not _enclose(corners):
            raise Rejected("These corners do not enclose a film. Move each mark to its corner of the film.")
        film = self.film(person, key)
        self._session.execute(select(Study.id).where(Study.id == film.study_id).with_for_update())
        film.by_camera, film.corners = True, [list(corner) for corner in corners]
        film.instance_uid = own_uid("film", film.key, *(f"{x:.4f} {y:.4f}" for x, y in corners))
        self._thumbnails.forget(film)
        film.readings.clear()
        film.jobs[:] = [job for job in film.jobs if not job.model]
        for job in film.jobs:  # what is read of it in this moment is of another cut, and not kept
            job.state, job.claim, job.attempts, job.finished_at = JobState.QUEUED, "", 0, None
            job.due_at = database_time(self._session)
            job.created_at = database_time(self._session, self._clock)  # what was concluded before is of another cut
        self._session.flush()
        sum_up(self._session, [film.study])
        film.study.unread = True
        after_commit(self._session, self._wake)
        self._audit.record(person, Action.MARKED_CORNERS, Subject.FILM, key)
        return film


def _corners(kept: list[list[float]]) -> Corners:
    a, b, c, d = ((float(x), float(y)) for x, y in kept)
    return a, b, c, d


def _enclose(corners: Corners) -> bool:
    """Return whether they enclose a convex area that is large enough, clockwise from the upper left."""
    points = np.array(corners)
    sides = np.roll(points, -1, 0) - points
    following = np.roll(sides, -1, 0)
    turns = sides[:, 0] * following[:, 1] - sides[:, 1] * following[:, 0]
    inside = ((points >= 0) & (points <= 1)).all()
    return bool(inside and (turns > _SMALLEST).all())
