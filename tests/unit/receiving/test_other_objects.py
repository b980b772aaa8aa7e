from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from lungwise.films.dicom.header import DicomHeader
from lungwise.receiving.uploads import Upload
from lungwise.store import new_key
from lungwise.studies.object_models import OtherObject

if TYPE_CHECKING:
    from conftest import Services


def test_an_object_is_recorded_with_its_class_and_uids(services: Services) -> None:
    header = DicomHeader(study_uid="1.2.3", instance_uid="1.2.3.9", sop_class="1.2.840.10008.5.1.4.1.1.88.11")
    item = Upload(data=b"a report", kind="DICOM", header=header)
    services.studies.recording.objects.record(services.person(), new_key(), item, "A sender with a long name")
    row = services.session.scalars(select(OtherObject)).one()
    assert (row.study_uid, row.instance_uid, row.sop_class) == ("1.2.3", "1.2.3.9", header.sop_class)
    assert (row.size, row.sender) == (8, "A sender with a ")
