"""What can be downloaded."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lungwise.access import Role
from processes import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise


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
