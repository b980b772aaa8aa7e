"""Which studies a person sees: all of their clinic, or, without that right, those that they uploaded themselves."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_

from lungwise.access import Person, Right
from lungwise.studies.models import Study

_NOBODY = 0


def uploaded_by(person: Person) -> ColumnElement[bool]:
    """Select the studies that a person uploaded."""
    return Study.author_id == (person.id or _NOBODY)


def visible_to(person: Person) -> ColumnElement[bool]:
    """Select the studies that a person sees."""
    of_clinic = Study.clinic_id == person.clinic_id
    return of_clinic if person.may(Right.SEE_ALL) else and_(of_clinic, uploaded_by(person))


def is_visible_to(person: Person, study: Study) -> bool:
    """Return whether a person sees a study."""
    is_own = person.id is not None and study.author_id == person.id
    return study.clinic_id == person.clinic_id and (is_own or person.may(Right.SEE_ALL))
