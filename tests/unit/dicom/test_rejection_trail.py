from __future__ import annotations

from contextlib import closing
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from lungwise.access import Person, Role
from lungwise.audit.models import AuditEntry
from lungwise.dicom.rejection_trail import RejectionTrail
from lungwise.store import Database

if TYPE_CHECKING:
    from conftest import Services


def rejected(address: str) -> Any:
    return SimpleNamespace(assoc=SimpleNamespace(requestor=SimpleNamespace(address=address)))


def test_rejections_are_counted_and_written_once_for_each_peer(services: Services) -> None:
    clinic = services.person().clinic_id
    services.session.commit()
    with closing(Database(services.settings)) as database:
        trail = RejectionTrail(database, services.clock, Person(None, "LUNGWISE", clinic, Role.NODE))
        for address in ("10.0.0.9", "10.0.0.9", "10.0.0.8", "what?"):
            trail.note(rejected(address))
        trail.write()
        trail.write()
        for number in range(300):
            trail.note(rejected(f"10.1.{number // 256}.{number % 256}"))
        trail.start()
        trail.stop()
    said = services.session.query(AuditEntry).filter_by(action="rejected association").order_by(AuditEntry.id)
    found = [(one.address, one.times, one.person_name, one.clinic_id) for one in said]
    assert found[:3] == [
        (address, times, "LUNGWISE", clinic) for address, times in (("10.0.0.9", 2), ("10.0.0.8", 1), ("", 1))
    ]
    assert (len(found), sum(times or 0 for _address, times, *_ in found[3:])) == (3 + 101, 300)
