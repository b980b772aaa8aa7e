"""Orders of other patients that films name: it is unclear whose films these are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, load_only

from lungwise.orders.progress import OrderProgress
from lungwise.orders.service import Order
from lungwise.store import keys_of
from lungwise.studies.header_index import accession_context
from lungwise.studies.models import FilmRecord, Study


def studies_naming_others(session: Session, studies: Sequence[Study]) -> set[int]:
    """Return the ids of those among studies of one clinic that name an order of another patient."""
    if not studies or not OrderProgress(session).has_any(studies[0].clinic_id):
        return set()
    numbered = or_(FilmRecord.accession_encrypted.is_not(None), FilmRecord.study_uid.is_not(None))
    query = select(FilmRecord).where(FilmRecord.study_id.in_([study.id for study in studies]), numbered)
    columns = load_only(FilmRecord.key, FilmRecord.study_id, FilmRecord.study_uid, FilmRecord.accession_encrypted)
    return _naming_others(session, studies, session.scalars(query.options(columns)))


def others_naming(session: Session, order: Order) -> list[Study]:
    """List the studies of other patients than an order's whose films name it."""
    numbers = keys_of(session).indexes(accession_context(order.clinic_id), order.accession)
    names_it = or_(FilmRecord.accession_index.in_(numbers), FilmRecord.study_uid == order.study_uid)
    films = select(FilmRecord.study_id).where(names_it)
    of_others = (Study.clinic_id == order.clinic_id, Study.patient_id != order.patient_id)
    return list(session.scalars(select(Study).where(Study.id.in_(films), *of_others).order_by(Study.id)))


def _naming_others(session: Session, studies: Sequence[Study], films: Iterable[FilmRecord]) -> set[int]:
    patients = {study.id: study.patient_id for study in studies}
    named = [(film.study_id, film.accession or "", film.study_uid or "") for film in films]
    numbers = {number for _study, number, _uid in named if number}
    uids = {uid for _study, _number, uid in named if uid}
    if not (numbers or uids):
        return set()
    owners = defaultdict[str, set[int]](set)
    for order in OrderProgress(session).named(studies[0].clinic_id, numbers, uids):
        owners[order.accession].add(order.patient_id)
        owners[order.study_uid].add(order.patient_id)
    return {
        study for study, *names in named if any(owners.get(name.strip(), set()) - {patients[study]} for name in names)
    }
