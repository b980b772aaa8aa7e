from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from hl7_peer import openemr, openmrs, pid
from lungwise.access import Person, Role
from lungwise.errors import Contradiction, Rejected
from lungwise.hl7.message import MessageError, parse_message
from lungwise.orders.order import OrderStatus, OrderUrgency, PlacerNumber, Procedure
from lungwise.orders.service import Order, OrderFilter
from lungwise.store import Database, FilmStore
from lungwise.wiring import Services, Wiring

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lungwise.settings import Settings

KAMPALA = {"time_zone": "Africa/Kampala"}


@pytest.fixture
def wired(settings: Settings, migrate: Callable[[Settings], None]) -> Iterator[Services]:
    """The services of an installation, over one session."""
    migrate(settings)
    settings = settings.model_copy(update=KAMPALA)
    database = Database(settings)
    with database.session(writes=True) as session:
        yield Wiring(settings, FilmStore(settings)).over(session)
    database.close()


@pytest.fixture
def system(wired: Services) -> Person:
    return Person(None, "OPENMRS@HILL", wired.clinics.named("Hill").id, Role.HOSPITAL_SYSTEM)


def take(wired: Services, system: Person, data: bytes) -> str:
    return str(wired.inbox.take(system, parse_message(data, "UNICODE UTF-8")))


def order(wired: Services, system: Person, number: str, namespace: str = "OPENMRS|HILL") -> Order:
    found = wired.orders.placed_as(system, PlacerNumber(number=number, namespace=namespace))
    assert found is not None
    return found


def orm(control: str, *more: str, number: str = "ORD-20", who: str = pid(), sent: str = "1", obr: str = "") -> bytes:
    """An order as OpenMRS's radiology module writes one."""
    detail = obr or f"OBR||{number}||^^^^CHEST XRAY PA|||||||||cough^since May|||||{number}||||||CR"
    orc = f"ORC|{control}|{number}|{number}||||^^^20260302143500^^S|||||77^Otieno^Ruth^^^Dr"
    return openmrs("O01", who, orc, detail, *more, code="ORM", version="2.3.1", control=sent)


def test_an_order_is_placed_changed_and_cancelled(wired: Services, system: Person) -> None:
    assert take(wired, system, orm("NW", "ZDS|1.2.826.1^^Application^DICOM")) == "applied"
    placed = order(wired, system, "ORD-20")
    assert (placed.accession, placed.study_uid, placed.modality) == ("ORD-20", "1.2.826.1", "CR")
    assert (placed.urgency, placed.referring_physician) == (OrderUrgency.STAT, "Otieno^Ruth^^Dr")
    assert placed.scheduled_at == datetime(2026, 3, 2, 11, 35, tzinfo=UTC)  # 14:35 in Kampala
    assert (placed.procedure, placed.reason) == (Procedure(description="CHEST XRAY PA"), "cough")
    assert [one.facts.name for one in wired.patients.having(system, "100-8")] == ["Kamau Grace Wanjiru"]

    assert take(wired, system, orm("XO", sent="2", obr="OBR||ORD-20||36643-5^XR Chest 2V^LN")) == "applied"
    assert order(wired, system, "ORD-20").procedure == Procedure(description="XR Chest 2V", code="36643-5", scheme="LN")
    assert take(wired, system, orm("CA", sent="3")) == "applied"
    assert take(wired, system, orm("CA", sent="4")) == "applied"
    assert order(wired, system, "ORD-20").status == OrderStatus.CANCELLED
    assert take(wired, system, orm("CA", number="ORD-9", sent="5")) == "of nobody and nothing here"


def replacement(control: str, *, number: str = "P2", more: str = "", sent: str = "2") -> bytes:
    """An order that takes the place of P1."""
    orders = (f"ORC|{control}|P1", f"ORC|RO|{number}", f"OBR|1|{number}||CXR^Chest{more}")
    return openmrs("O01", pid(), *orders, code="ORM", version="2.3.1", control=sent)


def steps(wired: Services, system: Person) -> list[str]:
    """Return the numbers of the orders that wait for their films."""
    waiting = wired.orders.page(system, OrderFilter(statuses=(OrderStatus.REQUESTED,)))
    return [one.placer.number for one in waiting if one.placer]


@pytest.mark.parametrize("control", ["RP", "RU", "RQ"])
def test_a_replaced_order_is_cancelled_and_the_other_one_placed(wired: Services, system: Person, control: str) -> None:
    take(wired, system, orm("NW", number="P1"))
    assert take(wired, system, replacement(control)) == "applied"
    assert order(wired, system, "P1").status == OrderStatus.CANCELLED
    assert order(wired, system, "P1").accession == "P1"
    assert steps(wired, system) == ["P2"]


def test_a_replacement_may_keep_the_numbers_of_the_order_that_it_replaces(wired: Services, system: Person) -> None:
    take(wired, system, orm("NW", "ZDS|1.2.826.1^^Application^DICOM", number="P1"))
    same = "|" * 14 + "P1\rZDS|1.2.826.1^^Application^DICOM"
    assert take(wired, system, replacement("RP", more=same)) == "applied"
    assert take(wired, system, replacement("RP", more=same, sent="3")) == "applied"
    placed, gone = (order(wired, system, number) for number in ("P2", "P1"))
    assert (placed.accession, placed.study_uid, placed.status) == ("P1", "1.2.826.1", OrderStatus.REQUESTED)
    assert gone.status == OrderStatus.CANCELLED
    assert gone.accession != "P1" and gone.study_uid != "1.2.826.1"
    assert wired.orders.with_accession(system, "P1") == placed


def test_an_order_that_is_replaced_under_its_own_number_is_changed(wired: Services, system: Person) -> None:
    take(wired, system, orm("NW", number="P1"))
    assert take(wired, system, replacement("RU", number="P1")) == "applied"
    assert steps(wired, system) == ["P1"]
    assert order(wired, system, "P1").procedure.description == "Chest"


@pytest.mark.parametrize("control", ["XO", "CA", "RP"])
def test_an_order_that_is_for_another_modality_now_waits_for_no_chest_film(
    wired: Services, system: Person, control: str
) -> None:
    take(wired, system, orm("NW"))
    ct = "OBR||ORD-20||^^^^CT THORAX||||||||||||||||||||CT"
    assert take(wired, system, orm(control, obr=ct, sent="2")) == "applied"
    assert steps(wired, system) == []
    assert take(wired, system, orm(control, obr=ct, number="ORD-21", sent="3")) == "of a kind that is not used"


def test_a_replaced_order_that_is_not_here_is_not_placed(wired: Services, system: Person) -> None:
    assert take(wired, system, replacement("RP")) == "applied"
    assert steps(wired, system) == ["P2"]
    alone = openmrs("O01", pid(), "ORC|RP|P9", "OBR|1|P9||CXR^Chest", code="ORM", version="2.3.1", control="3")
    assert take(wired, system, alone) == "of nobody and nothing here"
    assert wired.orders.placed_as(system, PlacerNumber(number="P9", namespace="OPENMRS|HILL")) is None


@pytest.mark.parametrize("status", [OrderStatus.IN_PROGRESS, OrderStatus.DONE])
def test_an_order_whose_films_are_here_is_not_replaced(wired: Services, system: Person, status: OrderStatus) -> None:
    take(wired, system, orm("NW", number="P1"))
    placed = order(wired, system, "P1")
    placed.status, placed.study_key = status, "study"
    with pytest.raises(Contradiction, match="Films of this order are here already"):
        take(wired, system, replacement("RP"))
    assert order(wired, system, "P1").status == status


def test_children_are_placed_and_their_parent_stays_as_it_is(wired: Services, system: Person) -> None:
    take(wired, system, orm("NW", number="P1"))
    parts = ("ORC|PA|P1", "ORC|CH|P1-1", "OBR|1|P1-1||PA^Chest PA", "ORC|PA|P7", "ORC|CH|P7-1", "OBR|1|P7-1||L^Lateral")
    family = openmrs("O01", pid(), *parts, code="ORM", version="2.3.1", control="2")
    assert take(wired, system, family) == "applied"
    assert steps(wired, system) == ["P7-1", "P1-1", "P1"]
    assert order(wired, system, "P1").procedure.description == "CHEST XRAY PA"


def test_an_imaging_order_and_one_of_another_manner_are_read(wired: Services, system: Person) -> None:
    parts = (
        "ORC|NW|5^RIS^1.2.3^ISO",
        "TQ1|1||||||20260302143500+0000||A",
        "OBR|1|5^RIS||XCH^Chest^L",
        "IPC|A55^RIS|RP1|1.2.3.4|SPS1|DX||||CR_ROOM1",
    )
    assert take(wired, system, openmrs("O23", pid(), *parts, code="OMI")) == "applied"
    placed = order(wired, system, "5", "RIS")
    assert (placed.accession, placed.study_uid, placed.station) == ("A55", "1.2.3.4", "CR_ROOM1")
    assert (placed.urgency, placed.scheduled_at) == (
        OrderUrgency.URGENT,
        datetime(2026, 3, 2, 14, 35, tzinfo=UTC),
    )
    emr = openemr("O01", "PID|1|77|77||Núñez^José||19700101|M", "ORC|NW|12", "OBR|1|12||71046^Chest 2 views^C4")
    assert take(wired, system, emr) == "applied"
    assert order(wired, system, "12", "OpenEMR|").procedure.code == "71046"


def test_orders_of_other_modalities_are_left(wired: Services, system: Person) -> None:
    ct = orm("NW", obr="OBR||ORD-20||^^^^CT ABDOMEN||||||||||||||||||||CT")
    assert take(wired, system, ct) == "of a kind that is not used"
    assert wired.patients.having(system, "100-8") == []


@pytest.mark.parametrize(
    ("second", "error"),
    [
        ({"who": pid(name="Njoroge^Peter", born="19500101")}, Rejected),
        ({"who": pid("101", name="Njoroge^Peter")}, Rejected),
        ({"control": "ZZ"}, MessageError),
        ({"number": ""}, MessageError),
        ({"obr": "OBR||ORD-20||X" + "|" * 32 + "soon"}, MessageError),
    ],
)
def test_an_order_that_contradicts_or_says_nothing_clear_waits(
    wired: Services, system: Person, second: dict[str, Any], error: type[Exception]
) -> None:
    take(wired, system, orm("NW"))
    with pytest.raises(error):
        take(wired, system, orm(second.pop("control", "XO"), sent="2", **second))
    assert order(wired, system, "ORD-20").status == OrderStatus.REQUESTED


def test_a_cancellation_for_another_patient_waits(wired: Services, system: Person) -> None:
    take(wired, system, orm("NW"))
    with pytest.raises(Rejected, match="for another patient"):
        take(wired, system, orm("CA", who=pid("101"), sent="2"))
