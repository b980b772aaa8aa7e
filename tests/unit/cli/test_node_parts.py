from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian
from pynetdicom import AE
from sqlalchemy import func, select

from dicom_files import dicom_bytes, film_dataset
from lungwise.access import Person, Role
from lungwise.cli.node_parts import node_parts
from lungwise.store import Database
from lungwise.studies.models import FilmRecord
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from conftest import Services

ARCHIVE = "ARCHIVE@127.0.0.1:104"


@pytest.mark.parametrize(
    ("asks", "films"),
    [
        ({}, 1),
        ({"priors_from": "http://localhost/dicom-web"}, 1),
        ({"priors_from": ARCHIVE, "priors_by": "C-GET"}, 1),
        ({"priors_from": ARCHIVE}, 0),  # it asks by C-MOVE, and nobody wanted this film
    ],
)
def test_what_was_moved_in_the_nodes_name_is_a_film_unless_the_node_asks_for_moves(
    services: Services, asks: dict[str, str], films: int
) -> None:
    person = Person(None, "LUNGWISE", services.person().clinic_id, Role.NODE)
    settings = services.settings.model_copy(update={"node_port": 0, **asks})
    database = Database(settings)
    node, _others = node_parts(settings, database, person)
    film = film_dataset(chest_bytes(), StudyInstanceUID="1.2.3", PatientID="P1")
    dicom_bytes(film)
    entity = AE("ARCHIVE")
    entity.add_requested_context(DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian)
    association = entity.associate("127.0.0.1", node.start(), ae_title="LUNGWISE")
    try:
        assert association.send_c_store(film, originator_aet="LUNGWISE", originator_id=1).Status == 0
    finally:
        association.abort()
        node.stop()
        database.close()
    assert services.session.scalar(select(func.count()).select_from(FilmRecord)) == films
