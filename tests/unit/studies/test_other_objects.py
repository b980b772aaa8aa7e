from __future__ import annotations

from typing import TYPE_CHECKING

from lungwise.films.dicom.header import DicomHeader
from lungwise.receiving.uploads import Upload
from lungwise.store import new_key

if TYPE_CHECKING:
    from conftest import Services


def test_objects_of_a_study_are_found_read_and_deleted(services: Services) -> None:
    ada, bob, key = services.person(), services.person("Bob", "Valley"), new_key()
    item = Upload(data=b"a report", kind="DICOM", header=DicomHeader(study_uid="1.2.3", instance_uid="1.2.3.9"))
    name = services.store.put(key, item.data)
    services.studies.recording.objects.record(ada, key, item, "CR1")
    objects = services.studies.objects
    (found,) = objects.having(ada, ["1.2.3"])
    assert (objects.having(bob, ["1.2.3"]), objects.having(ada, ["1.2.4"])) == ([], [])
    assert objects.data(found) == objects.loader(found)() == item.data
    objects.delete([found])
    services.session.commit()
    assert objects.having(ada, ["1.2.3"]) == [] and not services.store.holds(key, name)
