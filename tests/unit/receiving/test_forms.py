from __future__ import annotations

from typing import TYPE_CHECKING

from lungwise.receiving.forms import CornersForm
from lungwise.receiving.photographs import Corners

if TYPE_CHECKING:
    from lungwise.web_app import Lungwise

CORNERS: Corners = ((0.1, 0.2), (0.9, 0.2), (0.9, 0.8), (0.1, 0.8))


def test_corners_are_shown_in_hundredths_and_read_as_fractions(app: Lungwise) -> None:
    with app.test_request_context("/"):
        form = CornersForm()
        form.put(CORNERS)
        assert (form.x0.data, form.y0.data) == (10.0, 20.0)
        assert form.corners() == CORNERS


def test_a_corner_outside_the_picture_is_rejected(app: Lungwise) -> None:
    with app.test_request_context("/", method="POST", data={"x0": "101"}):
        form = CornersForm()
        assert not form.x0.validate(form)
