"""Who has what was sent of studies: it stays there when a study is deleted here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from lungwise.studies.models import Dispatch, DispatchState, Study


@dataclass(frozen=True, slots=True, kw_only=True)
class SentTo:
    """Where results of studies are, or may be: archives have DICOM objects, and other systems reports."""

    archives: tuple[str, ...]
    systems: tuple[str, ...]


def sent_to(session: Session, studies: Sequence[Study]) -> SentTo:
    """Return who has results of any of some studies."""
    query = select(Dispatch).where(Dispatch.study_id.in_([study.id for study in studies])).order_by(Dispatch.id)
    found = session.scalars(query).all()
    archives = (one.destination for one in found if one.is_for_archive and one.accepted)
    systems = (one.destination for one in found if not one.is_for_archive and _was_tried(one))
    return SentTo(archives=tuple(dict.fromkeys(archives)), systems=tuple(dict.fromkeys(systems)))


def _was_tried(dispatch: Dispatch) -> bool:
    return dispatch.attempts > 0 or dispatch.state in (DispatchState.SENT, DispatchState.SENDING)
