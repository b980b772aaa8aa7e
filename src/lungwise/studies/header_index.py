"""What a search by header asks of the database instead of the files: each film's attributes, and indexes of some."""

from __future__ import annotations

import json
import logging
import zlib
from functools import partial

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lungwise.errors import Unavailable
from lungwise.films.dicom.header import kept_number, read_header
from lungwise.films.dicom.json_model import Attributes, header_attributes
from lungwise.store import Database, FilmStore, keys_of
from lungwise.store.start_up_task import StartUpTask
from lungwise.studies.film_data import fetched
from lungwise.studies.film_models import FilmAttributes
from lungwise.studies.models import FilmRecord, Study

ACCESSION_NUMBER = "00080050"
_AT_ONCE = 20
_INDEXED_AT_ONCE = 500
_PAUSE = 0.05
"""Seconds between two batches, for others to go first."""
_MOST_BYTES = 60_000
"""A column of a MariaDB table has 65,535."""
_END = b"."
"""The bytes of a column do not end in NUL, as packed ones may."""
# fmt: off
_ANSWERED = {
    "00080005", "00080016", "00080018", "00080020", "00080030", "00080050", "00080060", "00080090", "00081030",
    "0008103E", "00100010", "00100020", "00100021", "00100030", "00100040", "0020000D", "0020000E", "00200010",
    "00200011", "00200013", "00280010", "00280011", "00280100",
}
# fmt: on
_log = logging.getLogger("lungwise.studies")


def accession_context(clinic_id: int) -> str:
    """Return the context of accession numbers' blind indexes: one for each clinic."""
    return f"films.accession {clinic_id}"


def index_film(session: Session, film: FilmRecord, clinic_id: int, data: bytes) -> None:
    """Keep what a search asks of a film. The accession number is kept before, where it has one."""
    film.accession_index = _accession_index(session, film, clinic_id)
    if film.kind != "DICOM":
        return
    header = read_header(data)
    film.study_date = header.study_date.value if header else None
    film.attributes = FilmAttributes(film_key=film.key)
    film.attributes.packed = _packed(header_attributes(data))


def number_film(session: Session, film: FilmRecord, clinic_id: int, accession: str) -> None:
    """Keep the accession number of a film whose header has none."""
    film.accession = accession
    film.accession_index = _accession_index(session, film, clinic_id)


def attributes_of(film: FilmRecord) -> Attributes | None:
    """Return a film's attributes as they are kept; None of a film that is not indexed yet."""
    if film.attributes is None:
        return None
    kept: Attributes = json.loads(zlib.decompress(film.attributes.packed.removesuffix(_END)))
    return kept


def _packed(attributes: Attributes) -> bytes:
    """Write attributes in few bytes: of a header that is longer than any, those that every search is answered with."""
    packed = zlib.compress(json.dumps(attributes, separators=(",", ":")).encode())
    if len(packed) > _MOST_BYTES:
        return _packed({tag: found for tag, found in attributes.items() if tag in _ANSWERED})
    return packed + _END


def forget_accessions_of_other_keys(session: Session) -> None:
    """Forget the indexes of accession numbers that another key than the first made, to be made anew."""
    stale = FilmRecord.accession_index.not_like(f"{keys_of(session).names[0]}%"), FilmRecord.accession_index != ""
    session.execute(update(FilmRecord).where(*stale).values(accession_index=None))


def index_accessions_of_clinic(session: Session, clinic_id: int) -> None:
    """Index the accession numbers of a clinic that came from another installation."""
    query = select(FilmRecord).join(Study).where(Study.clinic_id == clinic_id, FilmRecord.accession_index != "")
    for film in session.scalars(query.execution_options(yield_per=_INDEXED_AT_ONCE)):
        film.accession_index = _accession_index(session, film, clinic_id)
    session.flush()


def _accession_index(session: Session, film: FilmRecord, clinic_id: int) -> str:
    return keys_of(session).index(accession_context(clinic_id), film.accession) if film.accession else ""


class HeaderIndexer(StartUpTask):
    """Indexes the films that an earlier release took, the newest first."""

    name = "header indexer"
    failure = "Films cannot be indexed now; that goes on after the next start."

    def __init__(self, database: Database, store: FilmStore) -> None:
        super().__init__(database)
        self._store = store

    def run(self) -> int:
        """Index every film that is not indexed, in the calling thread; return how many."""
        count = 0
        before: int | None = None
        while not self._stopping.is_set():
            done, before = self._database.transact(partial(self._index_some, before=before))
            if not done:
                break
            count += done
            self._stopping.wait(_PAUSE)
        return count

    def _index_some(self, session: Session, before: int | None) -> tuple[int, int | None]:
        query = select(FilmRecord, Study.clinic_id, Study.key).join(Study).where(FilmRecord.accession_index.is_(None))
        query = query if before is None else query.where(FilmRecord.id < before)
        rows = session.execute(query.order_by(FilmRecord.id.desc()).limit(_AT_ONCE)).all()
        for film, clinic_id, key in rows:
            try:
                self._index(session, film, clinic_id, key)
            except Unavailable as error:  # its file is missing or damaged, and is named elsewhere
                _log.warning("A film is not indexed: %s", error)
        return len(rows), rows[-1][0].id if rows else None

    def _index(self, session: Session, film: FilmRecord, clinic_id: int, study: str) -> None:
        if film.kind != "DICOM" or film.attributes is not None:
            film.accession_index = _accession_index(session, film, clinic_id)
            return
        data = fetched(self._store, study, film.sha256)
        header = read_header(data)
        if header and header.accession_number.strip() and not film.accession:
            film.accession = kept_number(header.accession_number)
        index_film(session, film, clinic_id, data)
