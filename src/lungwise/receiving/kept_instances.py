"""What is safe here, of objects that a sender asks about before it deletes its own copies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from lungwise.store import FilmStore
from lungwise.studies.commitment_models import Reference
from lungwise.studies.header_index import attributes_of
from lungwise.studies.models import FilmRecord, Study
from lungwise.studies.object_models import HeldFilm, OtherObject
from lungwise.studies.other_objects import OtherObjects

_AT_ONCE = 500


class NotKept(IntEnum):
    """Why an object is not safe here, by the codes of PS3.3, C.14.1."""

    PROCESSING_FAILURE = 0x0110
    NO_SUCH_OBJECT = 0x0112
    CLASS_CONFLICT = 0x0119


class KeptInstances:
    """Says of each object whether a clinic has it for good: in the database, and its file whole in the store."""

    def __init__(self, session: Session, store: FilmStore) -> None:
        self._session = session
        self._store = store

    def sort(self, clinic_id: int, references: Sequence[Reference]) -> tuple[list[Reference], dict[Reference, NotKept]]:
        """Return the objects that are safe, and of the others why they are not.

        Raises
        ------
        OSError
            If the store does not say: it may give one later.
        """
        classes = self._classes(clinic_id, [one.instance for one in references])
        held = self._held(clinic_id, [one.instance for one in references])
        failed = {
            one: reason for one in references if (reason := _reason(one, classes.get(one.instance), held)) is not None
        }
        return [one for one in references if one not in failed], failed

    def _classes(self, clinic_id: int, instances: Sequence[str]) -> dict[str, set[str]]:
        """Return the SOP classes of what the clinic has under each UID; an empty one if it is not known."""
        found: dict[str, set[str]] = {}
        for some in _in_parts(instances):
            films = select(FilmRecord, Study.key).join(Study).where(Study.clinic_id == clinic_id)
            for film, key in self._session.execute(films.where(FilmRecord.instance_uid.in_(some))):
                if not self._store.is_lost(key, film.sha256):
                    found.setdefault(film.instance_uid or "", set()).add(_class_of(film))
            objects = select(OtherObject).where(OtherObject.clinic_id == clinic_id, OtherObject.instance_uid.in_(some))
            for item in self._session.scalars(objects):
                if not self._store.is_lost(item.key, item.sha256):
                    found.setdefault(item.instance_uid, set()).add(item.sop_class)
        return found

    def _held(self, clinic_id: int, instances: Sequence[str]) -> set[str]:
        """Return the UIDs under which something is kept aside: a film, which may be discarded, or another object."""
        held = select(HeldFilm.instance_uid).where(HeldFilm.clinic_id == clinic_id)
        objects, found = OtherObjects(self._session, self._store), set[str]()
        for some in _in_parts(instances):
            found |= set(self._session.scalars(held.where(HeldFilm.instance_uid.in_(some))))
            found |= {item.instance_uid for item in objects.aside(clinic_id, some)}
        return found


def _class_of(film: FilmRecord) -> str:
    values = (attributes_of(film) or {}).get("00080016", {}).get("Value") or [""]
    return str(values[0])


def _reason(reference: Reference, classes: set[str] | None, held: set[str]) -> NotKept | None:
    if reference.instance in held:
        return NotKept.PROCESSING_FAILURE
    if classes is None:
        return NotKept.NO_SUCH_OBJECT
    return None if reference.sop_class in classes or "" in classes else NotKept.CLASS_CONFLICT


def _in_parts(uids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (uids[start : start + _AT_ONCE] for start in range(0, len(uids), _AT_ONCE))
