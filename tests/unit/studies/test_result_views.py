from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest

from lungwise.errors import Rejected
from lungwise.studies.result_views import packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise


def sent(visitor: Visitor, data: bytes) -> str:
    """Send a table, and give the page that shows it."""
    answer = visitor.post("/results", page="/results", table=(io.BytesIO(data), "results.csv"), show="y")
    assert answer.status_code == 200
    return answer.text


def test_a_table_is_shown_first_and_kept_when_the_person_says_so(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], film: Callable[..., bytes]
) -> None:
    enrol(app, "Ada")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    study = ada.upload(film(1))
    key = study.rpartition("/")[2]
    page = sent(ada, f"study;prueba;resultado;fecha\n{key};Xpert;negativo;2026-03-01\nX;Xpert;+;2026-03-01\n".encode())
    assert "Rows that can be kept: 1. Rows with an error: 1." in page
    assert "No study of your clinic has this number." in page
    assert "No test results yet." in ada.get(study).text
    text = re.search(r'name="packed" value="([^"]+)"', page)
    assert text is not None
    refused = ada.post("/results", page="/results", packed=text[1], keep="y")
    assert "Nothing was kept." in refused.text
    kept = ada.post("/results", page="/results", packed=text[1], keep_good="y")
    assert kept.status_code == 302
    assert "1 result is kept." in ada.get("/results").text
    assert "Xpert (tuberculosis): Negative" in ada.get(study).text


@pytest.mark.parametrize(
    ("data", "sentence"),
    [(b"", "Choose a file"), (b"a,b\n1,2\n", "first line must name"), (b"\x89PNG\0\0\0\0", "not a text table")],
)
def test_what_is_no_table_is_answered_with_a_sentence(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], data: bytes, sentence: str
) -> None:
    enrol(app, "Ada")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    assert sentence in sent(ada, data)


def test_a_table_goes_into_a_field_and_comes_back_and_nothing_else_does() -> None:
    assert unpacked(packed(b"a;b\n" * 1000)) == b"a;b\n" * 1000
    assert len(unpacked(packed(bytes(10 << 20)))) < 1 << 20
    for text in ("!", "AAAA", "é"):
        with pytest.raises(Rejected):
            unpacked(text)
