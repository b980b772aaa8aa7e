from __future__ import annotations

from typing import TYPE_CHECKING

from lungwise.access import Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise


def test_results_are_a_download_in_their_own_clinic(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], film: Callable[..., bytes]
) -> None:
    enrol(app, "Ada")
    enrol(app, "Mallory", clinic="Vale", role=Role.ADMINISTRATOR)
    ada, mallory = visit(app), visit(app)
    ada.sign_in("ada@example.org")
    mallory.sign_in("mallory@example.org")
    study = ada.upload(film(1, 8))
    key = ada.get(study).text.split('href="/films/')[1][:20]
    answer = ada.get(f"/films/{key}/results.zip")
    assert answer.mimetype == "application/zip" and answer.data.startswith(b"PK")
    assert mallory.get(f"/films/{key}/results.zip").status_code == 404
