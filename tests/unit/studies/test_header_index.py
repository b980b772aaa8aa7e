from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update

from dated_films import dated_film
from lungwise.films.dicom.json_model import value
from lungwise.patients.service import PatientFacts
from lungwise.store import Database, keys_of
from lungwise.studies.film_models import FilmAttributes
from lungwise.studies.header_index import HeaderIndexer, attributes_of, forget_accessions_of_other_keys
from lungwise.studies.models import FilmRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services


def test_a_film_is_indexed_as_it_comes_and_one_of_an_earlier_release_later(
    either_services: Services, film: Callable[..., bytes]
) -> None:
    services, person = either_services, either_services.person()
    data = dated_film("20260301", AccessionNumber="A-17", StudyInstanceUID="1.2.3")
    first = services.studies.open(person, PatientFacts(), [("film", data)]).films[0]
    picture = services.studies.open(person, PatientFacts(), [("film", film(1))]).films[0]
    index = first.accession_index
    assert index and first.study_date == date(2026, 3, 1) and picture.accession_index == ""
    assert value(attributes_of(first) or {}, "00080050") == "A-17" and attributes_of(picture) is None

    services.session.execute(delete(FilmAttributes))
    services.session.execute(update(FilmRecord).values(accession_index=None, study_date=None, accession_encrypted=None))
    services.session.commit()
    database = Database(services.settings)
    assert HeaderIndexer(database, services.store).run() == 2
    assert HeaderIndexer(database, services.store).run() == 0
    database.close()
    services.session.expire_all()
    assert (first.accession_index, first.study_date, first.accession) == (index, date(2026, 3, 1), "A-17")
    assert value(attributes_of(first) or {}, "0020000D") == "1.2.3"


def test_an_index_of_another_key_is_forgotten_and_made_anew(services: Services) -> None:
    person = services.person()
    data = dated_film("20260301", AccessionNumber="A-17", StudyInstanceUID="1.2.3")
    services.studies.open(person, PatientFacts(), [("film", data)])
    forget_accessions_of_other_keys(services.session)
    kept = services.session.scalars(select(FilmRecord.accession_index)).one()
    assert (kept or "").startswith(keys_of(services.session).names[0])
    services.session.execute(update(FilmRecord).values(accession_index="another key"))
    forget_accessions_of_other_keys(services.session)
    assert services.session.scalars(select(FilmRecord.accession_index)).one() is None
