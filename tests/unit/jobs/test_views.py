"""The page of the queue: what failed is listed, and read again when an administrator says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import update

from lungwise.access import Role
from lungwise.studies.models import Job, JobState

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise


def test_a_film_that_failed_is_listed_and_read_again(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], film: Callable[..., bytes]
) -> None:
    enrol(app, "Ada", role=Role.ADMINISTRATOR)
    ada = visit(app)
    ada.sign_in("ada@example.org")
    study = ada.upload(film(1, 8))
    assert "Looks like COVID-19 pneumonia." in ada.get(study).text
    app.worker.stop()  # nobody reads what is queued from here on
    with app.database.writing() as session:
        session.execute(update(Job).values(state=JobState.FAILED, error="MemoryError", attempts=4))
    page = ada.get("/queue").text
    assert "MemoryError" in page and study in page
    address = page.split('action="')[-1].split('"')[0]
    assert "The film is back in the queue." in ada.post(address, "/queue", follow=True).text
    with app.database.reading() as session:
        assert session.query(Job.state, Job.attempts).one() == (JobState.QUEUED, 0)


def test_the_queue_does_not_call_a_refused_film_read(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], blank: bytes
) -> None:
    enrol(app, "Ada", role=Role.ADMINISTRATOR)
    ada = visit(app)
    ada.sign_in("ada@example.org")
    assert "Not read." in ada.get(ada.upload(blank)).text
    page = ada.get("/queue").text
    assert "Every film could be read" not in page
    assert "No fault kept a film from being read." in page


def test_the_queue_is_an_administrators(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Bob")
    bob = visit(app)
    bob.sign_in("bob@example.org")
    assert bob.get("/queue").status_code == 404
