from __future__ import annotations

from typing import TYPE_CHECKING

from lungwise.receiving.uploads import Upload
from lungwise.store import new_key

if TYPE_CHECKING:
    from conftest import Services


def test_an_object_is_kept_for_its_own_clinic_alone(services: Services) -> None:
    ada, bob = services.person(), services.person("Bob", "Valley")
    objects, item = services.studies.recording.objects, Upload(data=b"a report", kind="DICOM")
    key = new_key()
    services.store.put(key, item.data)
    objects.record(ada, key, item, "CR1")
    assert (objects.has(ada, item), objects.has(bob, item)) == (True, False)
    assert not objects.has(ada, Upload(data=b"another", kind="DICOM"))
    services.store.delete(key)
    assert not objects.has(ada, item)
