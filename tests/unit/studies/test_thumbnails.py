from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from lungwise.patients.service import PatientFacts
from lungwise.studies.thumbnails import Thumbnails

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services

PICTURE = b"\xff\xd8 a small picture \xff\xd9"


def test_a_small_picture_is_kept_encrypted_until_its_film_is_cut_anew(
    either_services: Services, film: Callable[..., bytes]
) -> None:
    services, thumbnails = either_services, Thumbnails(either_services.session)
    (record,) = services.studies.open(services.person(), PatientFacts(), [("a.jpg", film(1))]).films
    assert thumbnails.kept(record) is None
    for _twice in range(2):
        thumbnails.keep(record.id, record.key, PICTURE)
    services.session.expire_all()
    assert thumbnails.kept(record) == PICTURE
    assert PICTURE not in services.session.execute(text("SELECT picture FROM thumbnails")).scalar_one()
    thumbnails.forget(record)
    services.session.expire_all()
    assert thumbnails.kept(record) is None


def test_of_a_film_that_is_deleted_no_picture_is_kept(services: Services) -> None:
    thumbnails = Thumbnails(services.session)
    thumbnails.keep(99, "0" * 20, PICTURE)
    assert services.session.execute(text("SELECT COUNT(*) FROM thumbnails")).scalar_one() == 0
