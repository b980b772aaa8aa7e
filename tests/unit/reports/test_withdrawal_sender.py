"""What was sent under a person is withdrawn there once it is not said of that person any more, in the right order."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from hl7apy.parser import parse_message

from conftest import open_services
from dicom_files import dicom_file
from hl7_peer import ResultTaker, taking_results
from lungwise.api.report_message_schemas import WithdrawalMessage
from lungwise.audit.models import AuditEntry
from lungwise.cli.bootstrap import note_recipients_of_earlier_releases, report_senders
from lungwise.jobs.unsent import Unsent, Why
from lungwise.jobs.withdrawals import Withdrawals
from lungwise.orders.order import OrderRequest, OrderWay, PlacerNumber
from lungwise.patients.service import PatientFacts
from lungwise.settings import Settings
from lungwise.store import Database, utc_now
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.dispatch_models import Dispatch
from lungwise.studies.recipient_models import ReportRecipient
from lungwise.studies.service import Conclusion
from lungwise.wiring import Services as Wired
from lungwise.wiring import Wiring
from report_receiver import Receiver, answering, receiver
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from conftest import Clock, Services

DONE = json.dumps({"resourceType": "Bundle", "type": "transaction-response"}).encode()
TAKEN = answering(200, DONE)
ASHA = PatientFacts(identifier="7", name="Asha Rao")
SYSTEMS = ["fhir", "hl7", "webhook"]


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as found:
        found.answer = TAKEN
        yield found


@pytest.fixture(scope="module")
def hospital() -> Iterator[ResultTaker]:
    with taking_results() as found:
        yield found


class Case:
    """A clinic whose reports go to a webhook, to a FHIR server and by HL7."""

    def __init__(self, services: Services, there: Receiver, hospital: ResultTaker) -> None:
        hospital.got, hospital.code = [], "AA"
        own = {"fhir_url": there.url, "hl7_results_to": hospital.to}
        services.worker._settings = self.settings = there.set_up(services.settings, **own)
        self.there, self.hospital, self.services = there, hospital, services
        self.database = Database(self.settings)
        self.senders = list(report_senders(self.database, self.settings))
        self.ada = services.person()

    def open(self, facts: PatientFacts, **header: str) -> str:
        """Open a study of a film that is read; give its key."""
        film = dicom_file(chest_bytes(), **header)
        key = self.services.studies.open(self.ada, facts, [("film", film)]).key
        self.services.read_all()
        self.services.session.commit()
        return key

    def do(self, action: Callable[[Wired], object]) -> None:
        """Act in a transaction of its own."""
        wiring = Wiring(self.settings, self.services.store)
        self.database.transact(lambda session: action(wiring.over(session)))

    def delete(self, key: str) -> None:
        self.do(lambda wired: wired.studies.delete(self.ada, key))

    def send(self, *, due: bool = True) -> list[str]:
        """Send what waits, by default whenever it is due."""
        if due:
            with self.database.writing() as session:
                session.query(Dispatch).update({"due_at": utc_now()})
                session.query(ReportRecipient).update({"due_at": utc_now()})
        return [error for sender in self.senders for error in sender.work_all()]

    def unsent(self) -> list[tuple[str, Why, bool]]:
        with self.database.reading() as session:
            lines = Unsent(session, utc_now, SYSTEMS).of_all()
        return [(line.archive, line.state, line.withdrawal) for line in lines]

    def events(self, study: str) -> list[tuple[str, int, str]]:
        """Give what the webhook got of a study: the event, the version, and the patient's number."""
        found = [body for body in self._bodies() if study == (body.get("study") or body["report"]["study"]["key"])]
        return [
            (body["event"], body["version"], body.get("identifier") or body["report"]["patient"]["identifier"])
            for body in found
        ]

    def filed(self, study: str) -> list[tuple[str, str]]:
        """Give what the FHIR server got of a study: the status, and the patient's number."""
        bundles = [
            {one["resource"]["resourceType"]: one["resource"] for one in body["entry"]}
            for body in self._bodies(fhir=True)
        ]
        return [
            (said["DiagnosticReport"]["status"], said["Patient"]["identifier"][0]["value"])
            for said in bundles
            if said["DiagnosticReport"]["identifier"][0]["value"] == study
        ]

    def told(self, study: str) -> list[tuple[str, str]]:
        """Give what came by HL7 of a study: the status of the result, and the patient's number."""
        messages = [{line[:3]: line.split("|") for line in one.split("\r")} for one in self.hospital.got]
        mine = [said for said in messages if said["OBR"][3].startswith(study)]
        return [(said["OBR"][25], said["PID"][3].split("^")[0]) for said in mine]

    def forget(self) -> None:
        """Forget what came."""
        self.there.got.clear()
        self.hospital.got.clear()

    def _bodies(self, *, fhir: bool = False) -> list[dict[str, Any]]:
        bodies = [json.loads(got.body) for got in self.there.got]
        return [body for body in bodies if ("entry" in body) is fhir]


@pytest.fixture
def case(
    either: Settings, clock: Clock, migrate: Callable[[Settings], None], there: Receiver, hospital: ResultTaker
) -> Iterator[Case]:
    migrate(either)
    yield from opened(either, clock, there, hospital)


@pytest.fixture
def sqlite_case(
    settings: Settings, clock: Clock, migrate: Callable[[Settings], None], there: Receiver, hospital: ResultTaker
) -> Iterator[Case]:
    migrate(settings)
    yield from opened(settings, clock, there, hospital)


def opened(settings: Settings, clock: Clock, there: Receiver, hospital: ResultTaker) -> Iterator[Case]:
    for services in open_services(settings, clock):
        made = Case(services, there, hospital)
        yield made
        made.database.close()


def test_the_report_of_a_deleted_study_is_withdrawn_from_each_system_that_has_it(case: Case) -> None:
    asked = OrderRequest(placer=PlacerNumber(number="5", namespace="RIS"), accession="A55")
    case.do(lambda wired: wired.orders.place(case.ada, ASHA, asked, OrderWay.HL7))
    key = case.open(PatientFacts(), PatientID="7", PatientName="Rao^Asha", AccessionNumber="A55")
    case.do(lambda wired: wired.studies.conclude(case.ada, key, Conclusion(conclusion=Diagnosis.TUBERCULOSIS)))
    assert case.send() == ["", "", ""]
    reports = [json.loads(got.body) for got in case.there.got]
    (result,) = case.hospital.got
    case.forget()
    case.delete(key)
    assert sorted(case.unsent()) == [(name, Why.WAITING, True) for name in SYSTEMS]
    with case.database.reading() as session:
        assert Unsent(session, utc_now, SYSTEMS).of_clinic(case.ada)[0].study == key
        assert "Rao" not in str([row.identifiers_encrypted for row in session.query(ReportRecipient)])
    assert case.send(due=False) == ["", "", ""]

    bodies = [json.loads(got.body) for got in case.there.got]
    (bundle,), (event,) = ([body for body in bodies if ("event" in body) is has] for has in (False, True))
    withdrawn = WithdrawalMessage.model_validate(event)
    (report,) = (body for body in reports if "event" in body)
    assert withdrawn.version > report["version"] and (withdrawn.study, withdrawn.identifier) == (key, "7")
    assert withdrawn.patient == report["report"]["patient"]["key"]
    Bundle.model_validate(bundle)
    (before,) = (body for body in reports if "event" not in body)
    requests = [one["request"] for one in before["entry"]]
    for one in bundle["entry"]:
        assert one["request"] in requests  # the same identifiers
        if one["resource"]["resourceType"] != "Patient":
            assert one["resource"].keys() == {"resourceType", "identifier", "status", "code", "subject"}
            assert one["resource"]["status"] == "entered-in-error"
    assert [one["resource"]["resourceType"] for one in bundle["entry"]] == [
        "Patient",
        "DiagnosticReport",
        "Observation",
    ]

    (message,) = case.hospital.got
    before, after = (parse_message(one, force_validation=True).oru_r01_patient_result for one in (result, message))
    assert after.oru_r01_patient.pid.to_er7() == before.oru_r01_patient.pid.to_er7()
    mine, earlier = (one.oru_r01_order_observation for one in (after, before))
    assert (mine.orc.orc_2.value, mine.orc.orc_3.value) == ("5^RIS", f"{key}^LUNGWISE")
    assert (mine.obr.obr_4.value, mine.obr.obr_18.value) == (earlier.obr.obr_4.value, "A55")
    assert mine.obr.obr_25.value == "X"
    codes, had = ({one.obx.obx_3.value for one in group.oru_r01_observation} for group in (mine, earlier))
    assert had <= codes
    assert {(one.obx.obx_5.value, one.obx.obx_11.value) for one in mine.oru_r01_observation} == {("", "W")}

    with case.database.reading() as session:
        assert session.query(ReportRecipient).count() == 0
        entries = session.query(AuditEntry).filter_by(action="withdrew", subject_key=key)
        assert sorted(entry.address for entry in entries) == SYSTEMS
    assert (case.unsent(), case.send()) == ([], [])


def test_a_report_that_is_no_longer_the_persons_is_withdrawn_before_the_next_one_is_sent(case: Case) -> None:
    key = case.open(ASHA)
    bob = case.open(PatientFacts(), PatientID="7", PatientName="Two^Bob")
    with case.database.reading() as session:
        studies = Wiring(case.settings, case.services.store).over(session).studies
        keys = [studies.patient(case.ada, studies.get(case.ada, one)).key for one in (key, bob)]
    case.send()
    case.do(lambda wired: wired.patient_studies.same(case.ada, keys[1], keys[0]))
    case.send()
    (*_, (event, last, _)) = case.events(bob)
    assert event == "report" and case.told(bob) == [("P", "7")]
    case.forget()
    with case.database.writing() as session:  # an earlier release did not note who has a report
        session.query(ReportRecipient).filter_by(study_key=bob, destination="hl7").delete()
    note_recipients_of_earlier_releases(case.database, case.settings)
    case.do(lambda wired: wired.patient_studies.take_back(case.ada, keys[1]))
    unclear = "the patient's identity is unclear: say who it is"
    assert sorted(case.send()) == [""] * 7 + [unclear] * 2  # three of them are of Asha's own film
    assert case.filed(bob) == [("entered-in-error", "7")] and case.told(bob) == [("X", "7")]
    (withdrawn, again) = case.events(bob)  # a webhook gets it as unclear
    assert (withdrawn[0], again[0]) == ("withdrawn", "report") and last < withdrawn[1] < again[1]
    assert case.filed(key) == [("preliminary", "7")]
    assert sorted(case.unsent()) == [(name, Why.GIVEN_UP, False) for name in ("fhir", "hl7")]
    case.forget()
    case.do(lambda wired: wired.patients.change(case.ada, keys[1], PatientFacts(identifier="8", name="Two Bob")))
    case.send()
    assert [one[::2] for one in case.events(bob)] == [("withdrawn", "7"), ("report", "8")]
    assert (case.filed(bob), case.told(bob)) == ([("preliminary", "8")], [("P", "8")])
    case.forget()
    case.delete(bob)
    case.send()
    assert (case.filed(bob), case.told(bob)) == ([("entered-in-error", "8")], [("X", "8")])


def test_what_an_earlier_release_sent_is_withdrawn_once_the_upgrade_has_noted_it(sqlite_case: Case) -> None:
    case = sqlite_case
    key = case.open(ASHA)
    case.send()
    case.do(lambda wired: wired.studies.conclude(case.ada, key, Conclusion(conclusion=Diagnosis.TUBERCULOSIS)))
    with case.database.writing() as session:  # as it is left: sent, noted nowhere, and queued again
        session.query(ReportRecipient).delete()
    note_recipients_of_earlier_releases(case.database, case.settings)
    case.forget()
    case.delete(key)
    assert case.send() == ["", "", ""]
    assert case.events(key)[0][::2] == ("withdrawn", "7")
    assert (case.filed(key), case.told(key)) == ([("entered-in-error", "7")], [("X", "7")])


def test_a_corrected_number_withdraws_what_stands_under_the_wrong_one_unless_it_was_not_taken(
    sqlite_case: Case,
) -> None:
    case = sqlite_case
    case.there.answer = answering(422)
    case.hospital.code = "AE"
    key = case.open(ASHA)
    assert sorted(case.send()) == ["it answers 422", "it answers 422", "the hospital system answers AE"]
    case.there.answer, case.hospital.code = TAKEN, "AA"
    with case.database.reading() as session:
        assert session.query(ReportRecipient).count() == 0
        studies = Wiring(case.settings, case.services.store).over(session).studies
        patient = studies.patient(case.ada, studies.get(case.ada, key)).key
    case.forget()
    for number, sent in (("8", [("P", "8")]), ("9", [("X", "8"), ("P", "9")])):
        facts = replace(ASHA, identifier=number)
        case.do(lambda wired, facts=facts: wired.patients.change(case.ada, patient, facts))  # type: ignore[misc]
        case.send()
        assert case.told(key) == sent
        case.forget()
    case.do(lambda wired: wired.patients.change(case.ada, patient, replace(ASHA, identifier="9", issuer="HILL")))
    case.send()
    assert case.told(key) == [("P", "9")]  # a number whose issuer becomes known is the same


def test_a_report_is_withdrawn_once_its_film_names_another_patients_order(sqlite_case: Case) -> None:
    case = sqlite_case
    key = case.open(PatientFacts(), PatientID="7", PatientName="Rao^Asha", AccessionNumber="A55")
    case.send()
    case.forget()
    bob, asked = PatientFacts(identifier="8", name="Two Bob"), OrderRequest(accession="A55")
    case.do(lambda wired: wired.orders.place(case.ada, bob, asked, OrderWay.HL7))
    unclear = "a film names an order of another patient: say whose it is"
    assert sorted(case.send()) == ["", "", "", unclear, unclear]
    assert (case.filed(key), case.told(key)) == ([("entered-in-error", "7")], [("X", "7")])
    assert [event for event, _, _ in case.events(key)] == ["report"]  # which says itself that it is unclear


def test_a_withdrawal_overtakes_no_report_and_waits_for_its_system(case: Case) -> None:
    key = case.open(ASHA)

    def delete(request: BaseHTTPRequestHandler) -> None:
        case.there.answer = TAKEN
        case.delete(key)
        with case.database.writing() as session:
            assert Withdrawals(session, utc_now, SYSTEMS).claim() is None
        TAKEN(request)

    case.there.answer = delete
    assert case.send() == [""]  # what was in flight arrived, and the rest is not sent any more
    assert case.send(due=False) == []
    ((name, state, _),) = case.unsent()
    assert state is Why.WAITING
    case.there.answer = answering(503)
    assert case.send() == ["it answers 503"]
    case.there.answer = answering(422)
    assert case.send() == ["it answers 422"]
    assert (case.unsent(), case.send()) == ([(name, Why.GIVEN_UP, True)], [])
    case.do(lambda wired: Withdrawals(wired._session, utc_now, SYSTEMS).retry_now())
    case.there.answer = TAKEN
    assert case.send(due=False) == [""]
    assert len({got.headers["X-Request-Id"] or got.headers["Idempotency-Key"] for got in case.there.got[1:]}) == 1


def test_what_retention_removes_or_nobody_got_is_withdrawn_from_nowhere_and_a_cancelled_withdrawal_is_forgotten(
    sqlite_case: Case,
) -> None:
    case = sqlite_case
    old, new, other = case.open(ASHA), case.open(ASHA), case.open(replace(ASHA, identifier="8"))
    case.delete(new)
    case.send()
    case.do(lambda wired: wired.studies.remove(case.ada, old))
    assert case.unsent() == [] and case.send() == []
    with case.database.reading() as session:
        assert session.query(ReportRecipient).filter(ReportRecipient.study_key != other).count() == 0
    case.delete(other)
    case.do(lambda wired: Withdrawals(wired._session, utc_now).cancel("hl7"))
    assert sorted(case.unsent()) == [(name, Why.WAITING, True) for name in ("fhir", "webhook")]
    with case.database.reading() as session:
        (line, _) = Unsent(session, utc_now, ["fhir"]).of_all()
        states = {one.archive: one.state for one in Unsent(session, utc_now, ["fhir"]).of_all()}
    assert line.withdrawal and states == {"fhir": Why.WAITING, "webhook": Why.ARCHIVE_REMOVED}
