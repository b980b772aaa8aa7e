"""Films as very small pictures, kept: a list of fifty films decodes none of them twice."""

from __future__ import annotations

from sqlalchemy import delete
from sqlalchemy.orm import Session

from lungwise.studies.film_models import Thumbnail
from lungwise.studies.models import FilmRecord


class Thumbnails:
    """The small pictures of films."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def kept(self, film: FilmRecord) -> bytes | None:
        """Return a film's small picture, where it was made before."""
        found = self._session.get(Thumbnail, film.id)
        return found.picture if found else None

    def keep(self, film_id: int, film_key: str, picture: bytes) -> None:
        """Keep a film's small picture, unless the film is deleted meanwhile."""
        if self._session.get(FilmRecord, film_id) is None or self._session.get(Thumbnail, film_id) is not None:
            return
        row = Thumbnail(film_id=film_id, film_key=film_key)
        row.picture = picture
        self._session.add(row)
        self._session.flush()

    def forget(self, film: FilmRecord) -> None:
        """Forget a film's small picture, because the film is cut out of its photograph in another way."""
        self._session.execute(delete(Thumbnail).where(Thumbnail.film_id == film.id))
