from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlalchemy import select

from dicom_files import dicom_bytes, film_dataset
from lungwise.access import Person, Role
from lungwise.store import FilmStore
from lungwise.studies.models import FilmRecord
from lungwise.studies.object_models import HeldFilm
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from conftest import Visitor
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise


def test_a_held_film_is_listed_shown_and_taken(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada", role=Role.ADMINISTRATOR)
    ada = visit(app)
    ada.sign_in("ada@example.org")
    for seed in range(2):
        data = dicom_bytes(film_dataset(chest_bytes(seed=seed), StudyInstanceUID="1.2.3", SOPInstanceUID="1.2.3.1"))
        ada.post("/studies/new", films=[(io.BytesIO(data), "film.dcm")])
    (key,) = {*re.findall(r"/held/(\w{20})/", ada.get("/held").text)}
    assert ada.get(f"/held/{key}/thumbnail.jpg").content_type == "image/jpeg"
    assert "/studies/" in ada.post(f"/held/{key}/take", page="/held").headers["Location"]
    assert key not in ada.get("/held").text


def test_a_held_film_whose_file_is_missing_is_listed_with_the_others_and_can_be_discarded(
    app: Lungwise, settings: Settings, ada: Visitor
) -> None:
    for seed in range(3):
        data = dicom_bytes(film_dataset(chest_bytes(seed=seed), SOPInstanceUID="1.2.3.1", PatientName="Rao^Asha"))
        ada.post("/studies/new", page="/studies/new", films=[(io.BytesIO(data), "film.dcm")])
    with app.database.reading() as session:
        lost, other = session.scalars(select(HeldFilm.key).order_by(HeldFilm.id))
    FilmStore(settings).delete(lost)
    page = ada.get("/held").text
    assert (page.count(f"/held/{lost}/discard"), page.count(f"/held/{other}/discard")) == (1, 1)
    assert page.count("cannot be fetched") == 1
    ada.post(f"/held/{lost}/discard", page="/held")
    page = ada.get("/held").text
    assert lost not in page and other in page and "cannot be fetched" not in page


UID = "1.2.3.1"


def film(seed: int, **more: str) -> bytes:
    fields = {"StudyInstanceUID": "1.2.3", "SOPInstanceUID": UID, **more}
    return dicom_bytes(film_dataset(chest_bytes(seed=seed), **fields))


def send(ada: Visitor, data: bytes) -> None:
    ada.post("/studies/new", page="/studies/new", films=[(io.BytesIO(data), "film.dcm")])


def delete(ada: Visitor, study: str) -> None:
    ada.post(f"{study}/delete", page=study, sure="y", confirm="y")


def accept(ada: Visitor) -> str:
    (key,) = {*re.findall(r"/held/(\w{20})/", ada.get("/held").text)}
    return ada.post(f"/held/{key}/take", page="/held").headers["Location"]


def uids(app: Lungwise) -> list[str | None]:
    with app.database.reading() as session:
        return list(session.scalars(select(FilmRecord.instance_uid).order_by(FilmRecord.id)))


def count_held(app: Lungwise) -> int:
    with app.database.reading() as session:
        return len(list(session.scalars(select(HeldFilm))))


def test_an_accepted_film_keeps_its_uid_where_the_film_that_had_it_is_deleted(app: Lungwise, ada: Visitor) -> None:
    first = ada.upload(film(0))
    send(ada, film(1))
    delete(ada, first)
    accept(ada)
    assert uids(app) == [UID]
    send(ada, film(1, InstitutionName="Hill"))
    assert (uids(app), count_held(app)) == ([UID], 0)


def test_a_film_that_got_another_uid_is_known_by_its_own_where_the_film_that_had_it_is_deleted(
    app: Lungwise, ada: Visitor
) -> None:
    first = ada.upload(film(0))
    send(ada, film(1))
    accept(ada)
    delete(ada, first)
    (renamed,) = uids(app)
    assert renamed != UID
    send(ada, film(1, InstitutionName="Hill"))
    assert uids(app) == [renamed]
    send(ada, film(2, SOPInstanceUID="1.2.3.2"))
    assert (uids(app), count_held(app)) == ([renamed, "1.2.3.2"], 0)


def test_a_held_film_that_is_here_by_now_is_accepted_once(app: Lungwise, ada: Visitor) -> None:
    first = ada.upload(film(0))
    send(ada, film(1))
    delete(ada, first)
    study = ada.upload(film(1))
    assert accept(ada).endswith(study)
    assert (uids(app), count_held(app)) == ([UID], 0)
