"""The page of drift, as an administrator sees it, and what can be downloaded."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from typing import TYPE_CHECKING

from sqlalchemy import update

from lungwise.access import Role
from lungwise.monitoring.drift import read_reference
from lungwise.studies.models import ReadingRecord
from processes import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise


def test_the_clinics_answers_stand_beside_the_cards(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], film: Callable[..., bytes], blank: bytes
) -> None:
    enrol(app, "Ada", role=Role.ADMINISTRATOR)
    ada = visit(app)
    ada.sign_in("ada@example.org")
    study = ada.upload(film(1, 8), blank)
    until(lambda: ada.get(f"{study}/progress").json == {"films": 2, "read": 2, "before": 0, "done": True})
    reference = read_reference()
    with app.database.writing() as session:  # as if the shipped model had read them
        session.execute(update(ReadingRecord).values(model=reference.model.name, version=reference.model.version))
    page = ada.get("/drift").text
    chart = ElementTree.fromstring(page[page.index('<svg class="chart" role') : page.index("</svg>") + len("</svg>")])
    kinds = [box.get("class") for box in chart.iter("rect")]
    assert kinds.count("band4") == 2  # the card's, and the film's
    assert kinds[-1] == "refused"
    assert str(reference.spread.films) in page
    assert 'href="/drift" aria-current="page"' in page


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
