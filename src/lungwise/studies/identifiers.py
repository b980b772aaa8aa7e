"""What the hospital calls a study and its films: the numbers of orders, and the UIDs of DICOM, each with its system."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from lungwise.studies.models import FilmRecord, Study

ACCESSIONS: Final = "urn:lungwise:accession"
UIDS: Final = "urn:dicom:uid"
"""Systems of identifiers; with the second one a value is written as FHIR does, `urn:oid:` before the UID."""


class IdentifierKind(StrEnum):
    """What an identifier names."""

    ACCESSION = "accession"
    STUDY = "study"
    SERIES = "series"
    INSTANCE = "instance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier:
    """What an order, a study, a series or an instance is called, within a system."""

    kind: IdentifierKind
    system: str
    value: str


def identifiers_of_film(film: FilmRecord) -> list[Identifier]:
    """Return the number of a film's order, and its UIDs, where it has them."""
    uids = {
        IdentifierKind.STUDY: film.study_uid,
        IdentifierKind.SERIES: film.series_uid,
        IdentifierKind.INSTANCE: film.instance_uid,
    }
    return [*_accession(film), *(_uid(kind, uid) for kind, uid in uids.items() if uid)]


def identifiers_of_study(study: Study) -> list[Identifier]:
    """Return the numbers of the orders that a study answers, and the UIDs of its films' studies, each once."""
    of_films = [one for film in study.films for one in identifiers_of_film(film)]
    shared = (IdentifierKind.ACCESSION, IdentifierKind.STUDY)
    return sorted(dict.fromkeys(one for one in of_films if one.kind in shared), key=lambda one: shared.index(one.kind))


def _accession(film: FilmRecord) -> list[Identifier]:
    number = film.accession
    return [Identifier(kind=IdentifierKind.ACCESSION, system=ACCESSIONS, value=number)] if number else []


def _uid(kind: IdentifierKind, uid: str) -> Identifier:
    return Identifier(kind=kind, system=UIDS, value=f"urn:oid:{uid}")
