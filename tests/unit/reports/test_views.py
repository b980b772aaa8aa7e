"""What can be downloaded."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from flask import request
from sqlalchemy import event, select, update

from lungwise.access import Role
from lungwise.studies.models import Study
from lungwise.web_app import create_app
from processes import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Clock, Visitor
    from lungwise.access import Person
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise
    from synthetic_reader import SyntheticReader


def test_downloads_are_attachments_with_names_of_our_own(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], film: Callable[..., bytes]
) -> None:
    enrol(app, "Ada", role=Role.ADMINISTRATOR)
    ada = visit(app)
    ada.sign_in("ada@example.org")
    study = ada.upload(film(1), name="Béla Bartók", identifier="SECRET-7")
    until(lambda: (ada.get(f"{study}/progress").json or {})["done"])
    page = ada.get(study).text
    links = set(re.findall(r'href="(/(?:films|studies)/[0-9a-f]{20}/[^"]*)"', page))
    links |= {f"{film}/original" for film in re.findall(r'href="(/films/[0-9a-f]{20})', page)}
    answers = [ada.get(link) for link in sorted(links)]
    answers += [ada.post("/studies.csv", page="/studies", text="Béla"), ada.get("/audit.csv?person=Ada")]
    files = [answer for answer in answers if answer.mimetype != "text/html"]
    assert {"application/octet-stream", "application/pdf", "text/csv"} <= {file.mimetype for file in files}
    for file in files:
        name = re.fullmatch(r'attachment; filename="([\w.\-]+)"', file.headers["Content-Disposition"])
        assert name is not None, file.headers["Content-Disposition"]
        assert "Bart" not in name[1]
        assert file.headers["X-Content-Type-Options"] == "nosniff"


def test_where_no_font_has_a_names_letters_the_page_says_so_instead_of_the_pdf(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], film: Callable[..., bytes]
) -> None:
    enrol(app, "Ada")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    study = ada.upload(film(1), name="\U000f0001da")
    answer = ada.get(f"{study}/report.pdf")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{study}/report")
    page = ada.get(f"{study}/report").text
    assert "There is no PDF: no font on this computer has these characters: \U000f0001." in page
    assert "report.pdf" not in page


def test_the_table_has_each_study_once_while_one_is_opened(
    either: Settings,
    migrate: Callable[[Settings], None],
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
    film: Callable[..., bytes],
    clock: Clock,
    synthetic_reader: type[SyntheticReader],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lungwise.studies.worklist.PAGE", 1)
    migrate(either)
    app = create_app(either, synthetic_reader, clock)
    enrol(app, "Ada")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    studies = {ada.upload(film(number)).rpartition("/")[2] for number in range(3)}
    opened = list[str]()

    def open_first(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if request.path == "/studies.csv" and "FROM reference_results" in statement and not opened:  # after a page
            with app.database.reading() as session:
                first = session.scalars(select(Study.key).order_by(Study.taken_at.desc(), Study.id.desc())).first()
            opened.append(first or "")
            with app.database.writing() as session:
                session.execute(update(Study).where(Study.key == first).values(unread=False))

    event.listen(app.database.engine, "after_cursor_execute", open_first)
    lines = ada.post("/studies.csv", page="/studies").get_data(as_text=True).splitlines()[1:]
    app.database.close()
    assert opened and sorted(line.partition(",")[0] for line in lines) == sorted(studies)
