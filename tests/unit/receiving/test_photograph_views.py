from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lungwise.access import Person

if TYPE_CHECKING:
    from conftest import Visitor
    from lungwise.web_app import Lungwise


def test_a_photograph_is_shown_whole_with_corners_to_be_moved(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], film: Callable[..., bytes]
) -> None:
    enrol(app, "Ada")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    corners = ada.post("/studies/new", camera=[(io.BytesIO(film(1)), "1.jpg")]).headers["Location"]
    assert 'name="x0"' in ada.get(corners).text
    assert ada.get(corners.replace("corners", "photograph.jpg")).content_type == "image/jpeg"
    whole: dict[str, Any] = {"x0": 0, "y0": 0, "x1": 100, "y1": 0, "x2": 100, "y2": 100, "x3": 0, "y3": 100}
    answer = ada.post(corners, **whole)
    assert answer.status_code == 302 and "/studies/" in answer.headers["Location"]
