from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from lungwise.films import Photographed, Refusal, open_film
from lungwise.films.film import photographed_from
from lungwise.films.photograph.perspective import Corners
from lungwise.jobs.reading_queue import Jobs, Model
from lungwise.studies.models import FilmRecord, Job, JobState
from photographs import SCENES, overlap, photograph

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Clock, Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise


@pytest.fixture
def ada(app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]) -> Visitor:
    enrol(app, "Ada")
    visitor = visit(app)
    visitor.sign_in("ada@example.org")
    return visitor


def take(visitor: Visitor, jpeg: bytes, field: str = "camera") -> str:
    files: dict[str, Any] = {field: [(io.BytesIO(jpeg), "IMG_1.jpg")]}
    answer = visitor.post("/studies/new", **files)
    assert answer.status_code == 302, answer.text
    return str(answer.headers["Location"])


def offered(page: str) -> Corners:
    """The corners that a page shows, as fractions of the picture."""
    inputs = re.findall(r"<input[^>]*>", page)
    said = {
        name[1]: float(value[1]) / 100
        for one in inputs
        if (name := re.search(r'name="([xy]\d)"', one)) and (value := re.search(r'value="([\d.]+)"', one))
    }
    return np.array([(said[f"x{n}"], said[f"y{n}"]) for n in range(4)])


def numbers(corners: Corners) -> dict[str, Any]:
    rows = np.clip(corners, 0, 1) * 100
    return {f"{axis}{n}": f"{rows[n][at]:.1f}" for n in range(4) for at, axis in enumerate("xy")}


def mark(visitor: Visitor, page: str, corners: Corners) -> str:
    answer = visitor.post(page, **numbers(corners))
    assert answer.status_code == 302, answer.text
    return str(answer.headers["Location"])


def film_of(app: Lungwise) -> FilmRecord:
    with app.database.reading() as session:
        film = session.scalars(select(FilmRecord).order_by(FilmRecord.id.desc())).first()
        assert film is not None
        assert film.readings is not None
        assert film.jobs is not None
        return film


def test_no_photograph_by_the_camera_is_read_before_somebody_saw_its_cut(app: Lungwise, ada: Visitor) -> None:
    assert len(SCENES) == 12
    for name, scene in SCENES.items():
        jpeg, truth = photograph(scene)
        page = take(ada, jpeg)
        assert re.fullmatch(r"/films/\w+/corners", page), name
        asked = film_of(app)
        assert (asked.by_camera, asked.corners, asked.readings) == (True, None, [])

        marked = ada.post(page, **numbers(truth))
        assert marked.status_code == 302, name
        app.worker.wait(asked.study_id, 10)
        film = film_of(app)
        assert overlap(np.array(film.corners), np.clip(truth, 0, 1)) > 0.97, name
        assert film.reading is not None
        assert film.reading.refusal_code is None


def test_what_is_read_is_what_lies_within_the_corners(app: Lungwise, ada: Visitor) -> None:
    jpeg, truth = photograph(SCENES["straight"])
    page = take(ada, jpeg)
    mark(ada, page, truth)
    key = page.split("/")[2]

    shown = Image.open(io.BytesIO(ada.get(f"/films/{key}/picture.jpg").data))
    cut = open_film(jpeg, photographed_from(np.round(truth, 3).tolist()))
    height, width = cut.pixels.shape
    assert abs(shown.width / shown.height - width / height) < 0.02
    small = np.asarray(shown.resize((64, 64)), np.float32) / 255
    expected = Image.fromarray((cut.pixels * 255).astype(np.uint8)).resize((64, 64))
    assert np.corrcoef(small.ravel(), np.asarray(expected).ravel())[0, 1] > 0.99


def test_corners_moved_again_make_another_reading_and_another_object(app: Lungwise, ada: Visitor) -> None:
    jpeg, truth = photograph(SCENES["straight"])
    page = take(ada, jpeg)
    ada.get(mark(ada, page, truth))
    first = film_of(app)
    ada.get(mark(ada, page, (truth - 0.5) * 0.9 + 0.5))
    second = film_of(app)

    assert first.key == second.key
    assert first.instance_uid != second.instance_uid
    assert len(second.readings) == len(second.jobs) == 1


def test_the_study_leads_back_to_the_corners(app: Lungwise, ada: Visitor) -> None:
    page = take(ada, photograph(SCENES["straight"])[0])
    key = film_of(app).key
    with app.database.reading() as session:
        film = session.scalars(select(FilmRecord).where(FilmRecord.key == key)).one()
        study = f"/studies/{film.study.key}"

    shown = ada.get(study).text
    assert "Check that the whole film was found" in shown
    assert page in shown
    assert "Is this the whole film?" in ada.get(page).text
    assert offered(ada.get(page).text).shape == (4, 2)


def test_corners_that_enclose_nothing_are_not_taken(app: Lungwise, ada: Visitor) -> None:
    jpeg, truth = photograph(SCENES["straight"])
    page = take(ada, jpeg)
    for wrong in (truth[::-1], truth[[0, 2, 1, 3]], np.full((4, 2), 0.5), truth * (1, 0)):
        answer = ada.post(page, **numbers(wrong))
        assert answer.status_code == 200
        assert "do not enclose a film" in answer.text
    assert ada.post(page, x0="a").status_code == 200
    assert film_of(app).corners is None


def test_a_film_that_nobody_looks_at_is_read_by_what_is_found_or_refused(app: Lungwise, ada: Visitor) -> None:
    for name in ("straight", "an edge outside"):
        take(ada, photograph(SCENES[name])[0])
        with app.database.writing() as session:
            session.scalars(select(Job).where(Job.state == JobState.QUEUED)).one().due_at = session.scalars(
                select(Job.created_at)
            ).all()[0]
        app.worker.wake()
        with app.database.reading() as session:
            study = session.scalars(select(FilmRecord).order_by(FilmRecord.id.desc())).all()[0].study_id
        app.worker.wait(study, 10)
        reading = film_of(app).reading
        assert reading is not None
        assert reading.refusal_code == (None if name == "straight" else "edges-not-found")


def test_a_camera_picture_without_edges_is_never_read_whole() -> None:
    jpeg, _truth = photograph(SCENES["an edge outside"])

    assert not open_film(jpeg).photograph
    with pytest.raises(Refusal) as refused:
        open_film(jpeg, Photographed())
    assert refused.value.code == "edges-not-found"


def test_nobody_moves_the_corners_of_another_clinics_film(
    app: Lungwise, ada: Visitor, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    page = take(ada, photograph(SCENES["straight"])[0])
    enrol(app, "Eve", "Valley")
    eve = visit(app)
    eve.sign_in("eve@example.org")

    assert eve.get(page).status_code == 404
    assert eve.get(page.replace("corners", "photograph.jpg")).status_code == 404


def test_a_picture_that_was_chosen_as_a_file_is_read_as_before(app: Lungwise, ada: Visitor) -> None:
    page = take(ada, photograph(SCENES["straight"])[0], "films")

    assert page.startswith("/studies/")
    assert not film_of(app).by_camera


def test_a_reading_of_an_earlier_cut_is_not_kept(app: Lungwise, ada: Visitor, clock: Clock) -> None:
    jpeg, truth = photograph(SCENES["straight"])
    page = take(ada, jpeg)
    app.worker.stop()
    mark(ada, page, truth)
    model = Model(name="synthetic", version="1")
    with app.database.writing() as session:
        claim = Jobs(session, clock, 30).claim(model)[0]
    mark(ada, page, (truth - 0.5) * 0.9 + 0.5)
    with app.database.writing() as session:
        Jobs(session, clock, 30).finish({claim: Refusal("blank")})
    film = film_of(app)

    assert claim.photographed == photographed_from(np.round(truth, 3).tolist())
    assert film.readings == []
    assert [job.state for job in film.jobs] == [JobState.QUEUED]
