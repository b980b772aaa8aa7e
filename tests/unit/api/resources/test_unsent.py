from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydicom.uid import generate_uid

from dicom_files import dicom_file
from lungwise.jobs.deliveries import Dispatches
from lungwise.studies.models import Study
from queued_results import withdraw
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from conftest import Clock
    from lungwise.web_app import Lungwise


def test_a_clinics_unsent_results_are_listed_page_by_page(app: Lungwise, program: Any, clock: Clock) -> None:
    study = program.upload(dicom_file(chest_bytes(), StudyInstanceUID=generate_uid(), SeriesInstanceUID="1.2.3"))
    assert program.get("/unsent") == {"items": [], "next": None}
    with app.database.writing() as session:
        Dispatches(session, clock, [f"A{n}@a:{n}" for n in range(201)]).queue(session.query(Study.id).scalar())
    first = program.get("/unsent")
    assert len(first["items"]) == 200
    assert first["items"][0] == {
        "study": study["key"],
        "archive": "A0@a:0",
        "state": "archive removed",
        "attempts": 0,
        "error": "",
        "since": "2026-03-02T09:00:00Z",
        "next_try": None,
        "withdrawal": False,
    }
    rest = program.get(f"/unsent?cursor={first['next']}")
    assert ([item["archive"] for item in rest["items"]], rest["next"]) == (["A200@a:200"], None)
    assert program.ask("GET", "/unsent?cursor=x").status_code == 422
    with app.database.writing() as session:
        withdraw(session, session.query(Study).one(), "webhook", clock)
    again = program.get("/unsent")
    assert (again["items"][0]["archive"], again["items"][0]["withdrawal"]) == ("webhook", True)
    assert again == {"items": [again["items"][0], *first["items"]], "next": first["next"]}
    assert program.get(f"/unsent?cursor={first['next']}") == rest
