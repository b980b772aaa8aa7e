from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from lungwise.patients.service import PatientFacts
from lungwise.receiving.film_files import film_files
from lungwise.receiving.uploads import Upload
from lungwise.store import Database, new_key
from lungwise.studies.object_models import HeldFilm, OtherObject
from lungwise.studies.prior_models import PriorFilm

if TYPE_CHECKING:
    from conftest import Services


@pytest.mark.parametrize("is_committed", [True, False])
def test_files_that_nothing_records_are_removed(
    is_committed: bool, services: Services, film: Callable[..., bytes]
) -> None:
    services.session.commit()
    database, key = Database(services.settings), new_key()
    with film_files(database, services.store) as files:
        (name,) = files.put(key, [Upload(data=film(1), kind="JPEG")])
        assert services.store.holds(key, name)
        files.committed = key if is_committed else None
    assert services.store.holds(key, name) is is_committed
    database.close()


@pytest.mark.parametrize("table", [HeldFilm, OtherObject, PriorFilm])
def test_a_file_that_a_row_of_its_own_records_stays(
    table: type[HeldFilm | OtherObject | PriorFilm], either_services: Services, film: Callable[..., bytes]
) -> None:
    """The commit of the row may have succeeded though its answer was lost."""
    services = either_services
    ada, key, upload = services.person(), new_key(), Upload(data=film(1), kind="JPEG")
    own: dict[type, dict[str, object]] = {
        HeldFilm: {"cause": "pixels"},
        OtherObject: {"sop_class": "1.2.3"},
        PriorFilm: {
            "patient_id": services.patients.match_or_add(ada, PatientFacts(identifier="7")).patient.id,
            "taken_on": services.clock().date(),
        },
    }
    row = table(
        key=key,
        clinic_id=ada.clinic_id,
        **dict.fromkeys(("study_uid", "series_uid", "instance_uid", "digest"), "1.2.3"),
        sha256=upload.sha256,
        size=len(upload.data),
        sender="CR1",
        created_at=services.clock(),
        **own[table],
    )
    services.session.add(row)
    services.session.commit()
    database = Database(services.settings)
    with film_files(database, services.store) as files:
        files.put(key, [upload, Upload(data=film(2), kind="JPEG")])
    assert list(services.store.films()) == [(key, upload.sha256)]
    database.close()
