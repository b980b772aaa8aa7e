"""Reports wait in the database until the system that they go to has them, version after version."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from conftest import open_services
from lungwise.audit.models import AuditEntry
from lungwise.cli.bootstrap import make_report_sender
from lungwise.jobs.deliveries import ClaimedDelivery, ReportDispatches
from lungwise.jobs.unsent import Unsent, Why
from lungwise.patients.service import PatientFacts
from lungwise.reports.report_sender import ReportSender
from lungwise.settings import Settings
from lungwise.settings.destinations import Destinations
from lungwise.store import Database, FilmStore, utc_now
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.dispatch_models import Dispatch
from lungwise.studies.models import Study
from lungwise.studies.service import Conclusion
from lungwise.wiring import Wiring
from report_receiver import SECRET, Receiver, answering, receiver

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler

    from conftest import Clock, Services
    from lungwise.access import Person


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


class Clinic:
    """A clinic with a study, and what sends its reports."""

    def __init__(self, services: Services, film: bytes) -> None:
        self.services = services
        self.database = Database(services.settings)
        made = make_report_sender(self.database, services.settings)
        assert made is not None
        self.sender: ReportSender = made
        self.person = services.person()
        facts = PatientFacts(identifier="7", name="Asha Rao")
        self.key = services.studies.open(self.person, facts, [("film", film)]).key
        self.commit()

    def commit(self) -> None:
        self.services.session.commit()

    def read(self) -> None:
        self.services.read_all()
        self.commit()

    def conclude(self) -> None:
        """A doctor concludes, in a transaction of their own and in other words than before."""
        own = self.services
        with self.database.writing() as session:
            studies = Wiring(own.settings, own.store).over(session).studies
            note = f"note {len(studies.get(self.person, self.key).opinions)}"
            studies.conclude(self.person, self.key, Conclusion(conclusion=Diagnosis.TUBERCULOSIS, note=note))

    def send(self) -> list[str]:
        """Send what waits, whenever it is due."""
        self.make_due()
        return list(self.sender.work_all())

    def make_due(self) -> None:
        with self.database.writing() as session:
            session.query(Dispatch).update({"due_at": utc_now()})

    def claim(self) -> ClaimedDelivery:
        self.make_due()
        claimed = self.database.transact(lambda session: self.sender.queue(session).claim())
        assert claimed is not None
        return claimed

    def dispatch(self) -> Dispatch:
        with self.database.reading() as session:
            return session.query(Dispatch).one()


@pytest.fixture
def clinic(
    either: Settings, clock: Clock, migrate: Callable[[Settings], None], there: Receiver, film: Callable[..., bytes]
) -> Iterator[Clinic]:
    migrate(either)
    for services in open_services(there.set_up(either), clock):
        made = Clinic(services, film())
        yield made
        made.database.close()


def keys(there: Receiver) -> list[str]:
    return [got.headers["Idempotency-Key"].rpartition("-")[2] for got in there.got]


def test_each_version_arrives_once_in_its_order(clinic: Clinic, there: Receiver) -> None:
    assert clinic.send() == []  # nothing is read yet
    clinic.read()
    assert clinic.send() == [""]
    assert clinic.send() == []
    clinic.conclude()
    clinic.conclude()
    assert clinic.send() == [""]
    assert keys(there) == ["1", "3"]
    sent = clinic.dispatch()
    assert (sent.destination, sent.state, sent.error) == ("webhook", "sent", "")
    with clinic.database.reading() as session:
        entries = session.query(AuditEntry).filter_by(action="sent", subject_key=clinic.key).all()
        assert [entry.address for entry in entries] == ["webhook", "webhook"]


def test_what_is_not_taken_waits_with_the_same_key_and_what_is_refused_is_given_up_until_it_changes(
    clinic: Clinic, there: Receiver
) -> None:
    clinic.read()
    there.answer = answering(503)
    assert clinic.send() == clinic.send() == ["it answers 503"]
    assert (clinic.dispatch().state, clinic.dispatch().attempts) == ("queued", 2)
    there.answer = answering(422)
    assert clinic.send() == ["it answers 422"]
    assert clinic.send() == []
    with clinic.database.reading() as session:
        (line,) = Unsent(session, utc_now, ["webhook"]).of_all()
    assert (line.state, line.archive, line.error, line.is_archive) == (Why.GIVEN_UP, "webhook", "it answers 422", False)
    there.answer = answering(200)
    clinic.conclude()
    assert clinic.send() == [""]
    assert keys(there) == ["1", "1", "1", "2"]


@pytest.mark.parametrize("status", [200, 422])
def test_what_changes_while_it_is_sent_is_sent_after_it_and_never_beside_it(
    status: int, clinic: Clinic, there: Receiver
) -> None:
    clinic.read()

    def change(request: BaseHTTPRequestHandler) -> None:
        there.answer = answering(200)
        clinic.conclude()
        with clinic.database.writing() as session:
            assert ReportDispatches(session, utc_now, ["webhook"]).claim() is None
        answering(status)(request)

    there.answer = change
    assert clinic.send() == ["" if status == 200 else "it answers 422", ""]
    assert keys(there) == ["1", "2"]
    assert clinic.dispatch().state == "sent"


def test_a_sender_that_slept_sends_nothing_that_another_has_sent_meanwhile(clinic: Clinic, there: Receiver) -> None:
    clinic.read()
    slept = clinic.claim()
    clinic.conclude()
    assert clinic.send() == [""]  # its lease has ended
    assert clinic.sender.do(slept) is None
    assert keys(there) == ["2"]


@pytest.mark.parametrize("status", [200, 503])
def test_what_a_sender_sent_that_slept_meanwhile_is_followed_by_the_newest(
    status: int, clinic: Clinic, there: Receiver
) -> None:
    clinic.read()

    def sleep(request: BaseHTTPRequestHandler) -> None:
        there.answer = answering(200)
        clinic.conclude()
        assert clinic.send() == [""]
        answering(status)(request)

    there.answer = sleep
    assert clinic.send() == ["" if status == 200 else "it answers 503", ""]
    assert keys(there) == ["1", "2", "2"]
    assert clinic.dispatch().state == "sent"


def test_an_opinion_on_a_study_that_was_read_before_there_was_a_system_goes_there(
    clinic: Clinic, there: Receiver
) -> None:
    clinic.read()
    with clinic.database.writing() as session:
        session.query(Dispatch).delete()
    clinic.conclude()
    assert clinic.send() == [""]
    assert keys(there) == ["2"]


def test_what_was_cancelled_or_deleted_is_not_sent(clinic: Clinic, there: Receiver) -> None:
    clinic.read()
    with clinic.database.writing() as session:
        assert ReportDispatches(session, utc_now).cancel("webhook") == 1
    assert clinic.send() == []
    with clinic.database.writing() as session:
        queue = ReportDispatches(session, utc_now, ["webhook"])
        assert queue.queue_study(clinic.key)
    claimed = clinic.claim()
    with clinic.database.writing() as session:
        session.delete(session.query(Study).one())
    assert clinic.sender.do(claimed) is None
    assert there.got == []


def test_a_version_that_was_cancelled_keeps_neither_the_next_nor_a_withdrawal_from_going_out(
    clinic: Clinic, there: Receiver
) -> None:
    clinic.read()
    clinic.send()
    clinic.conclude()
    with clinic.database.writing() as session:
        assert ReportDispatches(session, utc_now).cancel("webhook") == 1
    with clinic.database.writing() as session:
        wired = Wiring(clinic.services.settings, clinic.services.store).over(session)
        patient = wired.studies.patient(clinic.person, wired.studies.get(clinic.person, clinic.key))
        wired.patients.change(clinic.person, patient.key, PatientFacts(identifier="8", name="Asha Rao"))
    assert clinic.send() == ["", ""]
    assert [json.loads(got.body)["event"] for got in there.got] == ["report", "withdrawn", "report"]


def test_each_hospital_gets_the_reports_of_its_own_clinic_alone(
    either: Settings, clock: Clock, migrate: Callable[[Settings], None], film: Callable[..., bytes]
) -> None:
    migrate(either)
    with receiver() as hill, receiver() as valley:
        own = {
            name: Destinations(report_webhook_url=there.url, report_webhook_secret=SecretStr(SECRET))
            for name, there in (("Hill", hill), ("Valley", valley))
        }
        both = either.model_copy(update={"clinic_destinations": own})
        for services in open_services(both, clock):
            people = [services.person(clinic, clinic) for clinic in ("Hill", "Valley", "Lake")]
            keys = [services.studies.open(one, PatientFacts(), [("a", film(n))]).key for n, one in enumerate(people)]
            services.session.commit()
            services.read_all()
            services.session.commit()
        assert send(both) == ["", ""]
        for person, key in zip(people, keys, strict=True):
            conclude(both, person, key)
        assert send(both) == ["", ""]
        sent = [[got.headers["Idempotency-Key"] for got in there.got] for there in (hill, valley)]
        assert sent == [[f"{keys[0]}-1", f"{keys[0]}-2"], [f"{keys[1]}-1", f"{keys[1]}-2"]]

        hill.answer = answering(503)
        for person, key in zip(people, keys, strict=True):
            conclude(both, person, key)
        assert send(both) == ["it answers 503", ""]  # the other hospital's do not wait
        hill.answer = answering(200)
        assert send(both) == [""]
        assert (len(hill.got), len(valley.got)) == (4, 3)

        conclude(both, people[1], keys[1])  # what waits for a clinic that has no webhook any more goes to no other
        hill_alone = either.model_copy(update={"clinic_destinations": {"Hill": own["Hill"]}})
        assert send(hill_alone) == ["the settings send results of this clinic elsewhere"]
        assert send(hill_alone) == []
        assert (len(hill.got), len(valley.got)) == (4, 3)


def send(settings: Settings) -> list[str]:
    """Send what waits in an installation."""
    database = Database(settings)
    with database.writing() as session:
        session.query(Dispatch).update({"due_at": utc_now()})
    sender = make_report_sender(database, settings)
    assert sender is not None
    errors = list(sender.work_all())
    database.close()
    return errors


def conclude(settings: Settings, person: Person, key: str) -> None:
    """A doctor of a clinic concludes, in other words than before."""
    database = Database(settings)
    with database.writing() as session:
        studies = Wiring(settings, FilmStore(settings)).over(session).studies
        note = f"note {len(studies.get(person, key).opinions)}"
        studies.conclude(person, key, Conclusion(conclusion=Diagnosis.TUBERCULOSIS, note=note))
    database.close()
