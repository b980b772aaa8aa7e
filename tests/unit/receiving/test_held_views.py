from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlalchemy import select

from dicom_files import dicom_bytes, film_dataset
from lungwise.access import Person, Role
from lungwise.store import FilmStore
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
