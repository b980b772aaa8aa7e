from __future__ import annotations

from lungwise.studies.identifiers import ACCESSIONS, UIDS, Identifier, IdentifierKind, identifiers_of_study
from lungwise.studies.models import FilmRecord, Study


def film(accession: str, study: str | None) -> FilmRecord:
    record = FilmRecord(
        key="f", sha256="0", kind="DICOM", size=1, study_uid=study, series_uid="1.9", instance_uid="1.8"
    )
    record.accession = accession
    return record


def test_a_study_has_each_identifier_of_its_films_once_the_orders_first() -> None:
    study = Study(films=[film("", "1.2"), film("A1", "1.2"), film("A1", "1.3"), film("A2", None)])
    assert identifiers_of_study(study) == [
        Identifier(kind=IdentifierKind.ACCESSION, system=ACCESSIONS, value="A1"),
        Identifier(kind=IdentifierKind.ACCESSION, system=ACCESSIONS, value="A2"),
        Identifier(kind=IdentifierKind.STUDY, system=UIDS, value="urn:oid:1.2"),
        Identifier(kind=IdentifierKind.STUDY, system=UIDS, value="urn:oid:1.3"),
    ]
