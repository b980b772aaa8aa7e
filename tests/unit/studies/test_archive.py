from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from dated_films import dated_film
from lungwise.patients.service import PatientFacts
from lungwise.studies.archive import Archive, ArchiveSearch
from lungwise.studies.models import FilmRecord

if TYPE_CHECKING:
    from conftest import Services
    from lungwise.access import Person


def opened(services: Services, person: Person, number: int, **header: Any) -> None:
    uids: dict[str, Any] = {"StudyInstanceUID": f"1.2.{number}", "SeriesInstanceUID": f"1.2.{number}.1"}
    data = dated_film(f"202603{number:02}", **uids, AccessionNumber=f"A-{number}", **header)
    services.studies.open(person, PatientFacts(), [("film", data)])


SEARCHES = [
    (ArchiveSearch(), ["1.2.3", "1.2.2", "1.2.1"]),
    (ArchiveSearch(studies=frozenset({"1.2.1", "1.2.3", "9"})), ["1.2.3", "1.2.1"]),
    (ArchiveSearch(series=frozenset({"1.2.2.1"})), ["1.2.2"]),
    (ArchiveSearch(series=frozenset({"9.9"})), ["1.2.3", "1.2.2", "1.2.1"]),  # it may be a result's
    (ArchiveSearch(accession="A-2"), ["1.2.2"]),
    (ArchiveSearch(accession="A-9"), []),
    (ArchiveSearch(days=(date(2026, 3, 2), date(2026, 3, 2))), ["1.2.2"]),
    (ArchiveSearch(days=(date(2026, 3, 2), None)), ["1.2.3", "1.2.2"]),
    (ArchiveSearch(days=(None, date(2026, 3, 1))), ["1.2.1"]),
    (ArchiveSearch(patient_id="P-3"), ["1.2.3"]),
    (ArchiveSearch(words="smi"), ["1.2.2", "1.2.1"]),
    (ArchiveSearch(words="smi", accession="A-1"), ["1.2.1"]),
]


def test_a_search_is_narrowed_by_indexes_and_films_that_are_not_indexed_yet_stay(either_services: Services) -> None:
    services, person = either_services, either_services.person()
    for number, name in ((1, "Smith^Jo"), (2, "Smithers^Al"), (3, "Rao^Asha")):
        opened(services, person, number, PatientName=name, PatientID=f"P-{number}")
    archive = Archive(services.session, services.patients)
    for search, uids in SEARCHES:
        assert [study.films[0].study_uid for study in archive.studies(person, search)] == uids, search
    stranger = services.person("Bo", "Valley")
    assert [list(archive.studies(stranger, search)) for search, _uids in SEARCHES] == [[]] * len(SEARCHES)
    services.session.execute(update(FilmRecord).where(FilmRecord.study_uid == "1.2.3").values(accession_index=None))
    found = [study.films[0].study_uid for study in archive.studies(person, ArchiveSearch(accession="A-1"))]
    assert found == ["1.2.3", "1.2.1"]


def test_a_study_is_found_once_whatever_many_films_it_has(services: Services) -> None:
    person = services.person()
    for level in (60, 90):
        data = dated_film("20260301", level, StudyInstanceUID="1.2", SeriesInstanceUID="1.2.1")
        services.studies.open(person, PatientFacts(), [("film", data)])
    (study,) = Archive(services.session, services.patients).studies(person)
    first, second = study.films
    assert first.study_uid == second.study_uid == "1.2"


@pytest.mark.parametrize("search", [ArchiveSearch(words="nobody"), ArchiveSearch(patient_id="nobody")])
def test_who_is_nobody_has_no_studies(services: Services, search: ArchiveSearch) -> None:
    person = services.person()
    opened(services, person, 1, PatientName="Smith^Jo")
    assert list(Archive(services.session, services.patients).studies(person, search)) == []
