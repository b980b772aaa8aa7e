"""Results as a hospital system gets them: the other library's server takes them, and holds them to the standard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from hl7apy.parser import parse_message

from dicom_files import dicom_file
from hl7_peer import ResultTaker, taking_results
from lungwise.cli.bootstrap import make_report_sender
from lungwise.clinics.clinic_settings import ClinicChoices, ClinicSettings
from lungwise.films import Refusal
from lungwise.hl7.result_sender import Hl7Results
from lungwise.hl7.results import Receiver, control_id, result_message
from lungwise.jobs.reading_queue import Jobs, Model
from lungwise.orders.order import OrderRequest, OrderWay, PlacerNumber, Procedure
from lungwise.orders.service import Order, Orders
from lungwise.patients.service import PatientFacts
from lungwise.reading.artefact import shipped_card
from lungwise.reading.pattern import normal_of, pattern_of, raised
from lungwise.reading.prevalence import PredictiveValue
from lungwise.reading.reading import Verdict
from lungwise.receiving.photographs import Photographs
from lungwise.reports.fhir import bundle
from lungwise.reports.outgoing import NotSentError, RefusedError, ReportMessage
from lungwise.reports.service import Reports
from lungwise.settings import Settings
from lungwise.store import Database
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.service import Conclusion, Study
from lungwise.studies.thumbnails import Thumbnails
from servers import free_port
from synthetic_films import chest_words

if TYPE_CHECKING:
    from conftest import Clock, Services
    from lungwise.access import Person

GRACE = PatientFacts(identifier="100-8", issuer="OpenMRS ID", name="Kamau Grace & Co|", birth_date=date(1981, 3, 25))


@pytest.fixture(scope="module")
def hospital() -> Iterator[ResultTaker]:
    with taking_results() as there:
        yield there


def sent_to(hospital: ResultTaker, settings: Settings) -> Settings:
    return settings.model_copy(update={"hl7_results_to": hospital.to, "public_url": "https://lungwise.example.org"})


def send(settings: Settings) -> list[str]:
    """Send what waits, and give the errors."""
    database = Database(settings)
    sender = make_report_sender(database, settings)
    assert sender is not None
    errors = list(sender.work_all())
    database.close()
    return errors


def observed(message: Any) -> dict[str, Any]:
    return observed_in(message.oru_r01_patient_result.oru_r01_order_observation)


def observed_in(group: Any) -> dict[str, Any]:
    return {one.obx.obx_3.obx_3_1.value: one.obx for one in group.oru_r01_observation}


def test_each_version_of_a_report_is_a_message_that_the_standard_knows(
    services: Services, hospital: ResultTaker, film: Callable[..., bytes], clock: Clock
) -> None:
    services.worker._settings = settings = sent_to(hospital, services.settings)
    ada = services.person()
    study = services.studies.open(ada, GRACE, [("film", film())])
    services.read_all()
    services.session.commit()
    assert send(settings) == [""]
    first = parse_message(hospital.got[-1], force_validation=True)
    assert first.msh.msh_5.value == "OPENMRS"
    patient = first.oru_r01_patient_result.oru_r01_patient.pid
    assert (patient.pid_3.pid_3_1.value, patient.pid_3.pid_3_4.value) == ("100-8", "OpenMRS ID")
    assert "Kamau Grace \\T\\ Co\\F\\" in hospital.got[-1]
    seen = observed(first)
    reading = study.films[0].reading
    assert reading is not None
    assert seen["VERDICT"].obx_5.obx_5_1.value == reading.verdict
    assert float(seen["PROBABILITY"].obx_5.value) == pytest.approx(reading.probability, abs=1e-4)
    assert seen["PAGE"].obx_5.value == f"https://lungwise.example.org/studies/{study.key}"
    assert seen["VERDICT"].obx_11.value == "P"  # nobody but the model has looked

    for status, conclusion in (("F", Diagnosis.NORMAL), ("C", Diagnosis.TUBERCULOSIS)):
        clock.forward(minutes=5)
        services.studies.conclude(ada, study.key, Conclusion(conclusion=conclusion))
        services.session.commit()
        assert send(settings) == [""]
        again = parse_message(hospital.got[-1], force_validation=True)
        assert observed(again)["CONCLUSION"].obx_11.value == status
        assert again.msh.msh_10.value != first.msh.msh_10.value

    clock.forward(minutes=5)
    services.studies.add_films(ada, study.key, [("second", film(1, 8))])
    services.read_all()
    services.session.commit()
    assert send(settings) == [""]
    group = parse_message(hospital.got[-1], force_validation=True).oru_r01_patient_result.oru_r01_order_observation
    seen = observed_in(group)
    assert (seen["VERDICT"].obx_5.obx_5_1.value, seen["VERDICT"].obx_11.value) == ("positive", "P")
    assert (group.obr.obr_25.value, seen["CONCLUSION"].obx_11.value) == ("P", "P")
    assert "|tuberculosis\\.br\\Written before film 2 was added or read|" in hospital.got[-1]


def message_of(
    services: Services, study: str, orders: list[Order], reader: str = "Bea", *, version: int = 1
) -> ReportMessage:
    chosen = ClinicSettings.of(ClinicChoices(name=""), services.settings)
    report = Reports(services.studies, str, services.settings, chosen).of(services.person(reader), study, "Hill")
    worth = PredictiveValue(shipped_card(), 0.1)
    return ReportMessage(
        version=version, report=report, words=str, studies=services.studies, worth=worth, orders=orders
    )


def test_a_result_names_the_order_by_both_numbers(services: Services, film: Callable[..., bytes], clock: Clock) -> None:
    ada = services.person()
    study = services.studies.open(ada, GRACE, [("film", film())])
    services.read_all()
    asked = [
        OrderRequest(placer=PlacerNumber(number="5", namespace="RIS"), accession="A55", procedure=Procedure(code="X")),
        OrderRequest(placer=PlacerNumber(number="6", namespace="OPENMRS|HILL")),
    ]
    orders = Orders(services.session, clock, services.patients, services.audit)
    patient = services.patients.match_or_add(ada, GRACE).patient
    placed = [orders.place(ada, patient, one, OrderWay.HL7).order for one in asked]
    receiver = Receiver(application="OPENMRS", facility="", page="")
    written = result_message(message_of(services, study.key, placed), receiver, clock())
    message = parse_message(written.decode(), force_validation=True)
    groups = message.oru_r01_patient_result.oru_r01_order_observation
    said = [(one.orc.orc_2.value, one.orc.orc_3.value, one.obr.obr_18.value) for one in groups]
    filler = f"{study.key}^LUNGWISE"
    assert said == [("5^RIS", filler, "A55"), ("6", filler, placed[1].accession)]
    assert "PAGE" not in observed_in(groups[1])


def test_a_result_has_the_probability_of_the_film_that_has_its_verdict(
    services: Services, film: Callable[..., bytes], clock: Clock
) -> None:
    study = services.studies.open(services.person(), GRACE, [("a", film(1)), ("b", film(2))])
    services.read_all()
    for one, verdict, probability in zip(study.films, ("negative", "positive"), (0.28, 0.2), strict=True):
        assert one.reading is not None
        one.reading.verdict, one.reading.probability = verdict, probability  # each by thresholds of its own
    written = result_message(
        message_of(services, study.key, []), Receiver(application="", facility="", page=""), clock()
    )
    seen = observed(parse_message(written.decode(), force_validation=True))
    assert seen["VERDICT"].obx_5.obx_5_1.value == "positive"
    assert seen["PROBABILITY"].obx_5.value == "0.2000"


SOME_SYSTEM = Receiver(application="A", facility="", page="")


@pytest.mark.parametrize(
    ("findings", "verdict", "born", "suggested", "possible", "flag"),
    [
        ({"normal": 0.9, "tuberculosis": 0.01}, "negative", 1981, "", "", "N"),
        ({"normal": 0.02, "tuberculosis": 0.97}, "negative", 1981, "tuberculosis", "", "A"),
        ({"normal": 0.6, "tuberculosis": 0.35}, "negative", 1981, "", "tuberculosis", "A"),
        ({"normal": 0.1, "COVID-19": 0.28}, "negative", 1981, "", "COVID-19", "A"),
        ({"normal": 0.1, "COVID-19": 0.5}, "uncertain", 1981, "", "COVID-19", "A"),
        (
            {"normal": 0.01, "COVID-19": 0.9, "tuberculosis": 0.95},
            *("positive", 1981, "COVID-19~tuberculosis", "", "A"),
        ),
        ({"normal": 0.9}, "negative", 2020, "", "", ""),  # a child
    ],
)
def test_a_result_is_flagged_as_its_headline_is_coloured_and_names_the_findings_in_codes(
    services: Services,
    film: Callable[..., bytes],
    clock: Clock,
    findings: dict[str, float],
    verdict: str,
    born: int,
    suggested: str,
    possible: str,
    flag: str,
) -> None:
    patient = replace(GRACE, birth_date=date(born, 3, 25))
    study = services.studies.open(services.person(), patient, [("film", film())])
    services.read_all()
    reading = study.films[0].reading
    assert reading is not None
    limits = {"normal": 0.5, "tuberculosis": 0.3}
    reading.verdict, reading.probability = verdict, findings.get("COVID-19", 0.0)
    reading.findings, reading.warnings = findings, []
    reading.pattern = pattern_of(findings, Verdict(verdict), limits)
    reading.raised = list(raised(findings, Verdict(verdict), limits))
    reading.normal_called = normal_of(findings, limits).called
    services.session.flush()
    written = result_message(message_of(services, study.key, []), SOME_SYSTEM, clock()).decode()
    parse_message(written, force_validation=True)
    seen = fields_of(written)
    assert (seen["VERDICT"][5].partition("^")[0], seen["VERDICT"][8]) == (verdict, flag)
    for code, names in {"SUGGESTED": suggested, "POSSIBLE": possible}.items():
        values = seen[code][5].split("~") if code in seen else []
        assert [value.partition("^")[0] for value in values] == names.split("~") * bool(names)
        assert all(value.endswith("^SCT") for value in values)
        assert code not in seen or seen[code][8] == flag


def test_a_day_that_lies_ahead_of_the_upload_is_said_nowhere(services: Services, clock: Clock) -> None:
    ada, taken = services.person(), []
    for day in ("20260301", "20260305"):
        film = dicom_file(chest_words(), PatientID=day, StudyDate=day)
        study = services.studies.open(ada, PatientFacts(), [("film", film)])
        message = message_of(services, study.key, [], f"Reader{day}")
        segments = result_message(message, SOME_SYSTEM, clock()).decode().split("\r")
        (order,) = (line.split("|") for line in segments if line.startswith("OBR|"))
        taken.append((order[7], dict(message.report.facts).get("Taken", "")))
    assert taken == [("20260301", "2026-03-01"), ("20260302090000+0000", "")]


def test_another_diagnosis_is_said_in_the_doctors_own_words(
    services: Services, film: Callable[..., bytes], clock: Clock
) -> None:
    ada = services.person()
    study = services.studies.open(ada, GRACE, [("film", film())])
    services.read_all()
    services.studies.conclude(ada, study.key, Conclusion(conclusion=Diagnosis.OTHER, other="a tumour & more"))
    message = message_of(services, study.key, [])
    seen = fields_of(result_message(message, SOME_SYSTEM, clock()).decode())
    assert seen["CONCLUSION"][5] == "other: a tumour \\T\\ more"
    assert "Doctor's conclusion: other: a tumour & more." in bundle(message.report)


def fields_of(message: str) -> dict[str, list[str]]:
    """The fields of each observation, by its code."""
    found = [line.split("|") for line in message.split("\r") if line.startswith("OBX|")]
    return {fields[3].partition("^")[0]: fields for fields in found}


def test_a_later_version_takes_back_what_an_earlier_one_said_of_a_film_that_is_now_refused(
    services: Services, film: Callable[..., bytes], blank: bytes, clock: Clock
) -> None:
    ada = services.person()
    study = services.studies.open(ada, GRACE, [("film", film())])
    services.read_all()
    first = fields_of(result_message(message_of(services, study.key, []), SOME_SYSTEM, clock()).decode())
    services.studies.conclude(ada, study.key, Conclusion(agrees=True))
    assert first["VERDICT"][5] and first["VERDICT"][11] == "P"
    refuse(services, ada, study)
    message = message_of(services, study.key, [], "Cara", version=study.report_version)
    written = result_message(message, SOME_SYSTEM, clock()).decode()
    parse_message(written, force_validation=True)
    again = fields_of(written)
    assert first.keys() <= again.keys()
    taken_back = {code for code in again if not again[code][5]}
    assert taken_back == {"VERDICT", "PROBABILITY", "SUGGESTED", "POSSIBLE", "MODEL", "THRESHOLDS"}
    assert {again[code][11] for code in taken_back} == {"X"}
    assert again["CONCLUSION"][5]


def refuse(services: Services, ada: Person, study: Study) -> None:
    """Cut the film of a study anew, so that the model refuses it."""
    thumbnails = Thumbnails(services.session)
    photographs = Photographs(
        services.session, services.clock, services.studies, thumbnails, services.audit, lambda: None
    )
    photographs.mark(ada, study.films[0].key, ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)))
    services.session.commit()
    jobs = Jobs(services.session, services.clock, 30)
    (claim,) = jobs.claim(Model(name="synthetic", version="1"))
    jobs.finish({claim: Refusal("lateral-view", {})})
    services.session.commit()


def test_the_result_of_an_orders_second_study_has_its_accession_number_and_the_first_keeps_the_order(
    services: Services, clock: Clock
) -> None:
    ada = services.person()
    orders = Orders(services.session, clock, services.patients, services.audit)
    asked = OrderRequest(placer=PlacerNumber(number="5", namespace="RIS"), accession="A55")
    orders.place(ada, GRACE, asked, OrderWay.HL7)
    groups, receiver = [], Receiver(application="OPENMRS", facility="", page="")
    for uid in ("1.2.3", "1.2.4"):
        stated = {"PatientID": GRACE.identifier, "IssuerOfPatientID": GRACE.issuer, "AccessionNumber": "A55"}
        scan = dicom_file(chest_words(), StudyInstanceUID=uid, SOPInstanceUID=f"{uid}.1", PatientName="", **stated)
        services.studies.open(ada, PatientFacts(), [("film", scan)])
        services.session.commit()
        services.read_all()
    for number, study in enumerate(services.session.query(Study).order_by(Study.id)):
        message = message_of(services, study.key, orders.of_study(ada, study.key), f"Reader{number}")
        written = result_message(message, receiver, clock()).decode()
        groups.append(parse_message(written).oru_r01_patient_result.oru_r01_order_observation)
    assert [(one.orc.orc_2.value, one.obr.obr_18.value) for one in groups] == [("5^RIS", "A55"), ("", "A55")]


def test_a_report_of_nobody_sure_is_not_sent_under_another_patients_number(
    services: Services, film: Callable[..., bytes], clock: Clock
) -> None:
    ada = services.person()
    services.patients.match_or_add(ada, GRACE)
    other = PatientFacts(identifier="100-8", name="Njoroge Peter")
    study = services.studies.open(ada, other, [("film", film())])
    message, receiver = message_of(services, study.key, []), Receiver(application="A", facility="", page="")
    with pytest.raises(RefusedError, match="identity is unclear"):
        result_message(message, receiver, clock())
    services.patient_studies.separate(ada, services.studies.patient(ada, study).key)
    with pytest.raises(RefusedError, match="another person has the patient's number"):
        result_message(message, receiver, clock())


def test_a_report_is_not_sent_under_the_number_of_another_patients_order(services: Services, clock: Clock) -> None:
    ada = services.person()
    orders = Orders(services.session, clock, services.patients, services.audit)
    orders.place(ada, GRACE, OrderRequest(accession="A55"), OrderWay.HL7)
    scan = dicom_file(chest_words(), PatientID="100-9", PatientName="Njoroge^Peter", AccessionNumber="A55")
    study = services.studies.open(ada, PatientFacts(), [("film", scan)])
    with pytest.raises(RefusedError, match="order of another patient"):
        result_message(message_of(services, study.key, []), Receiver(application="A", facility="", page=""), clock())


def test_what_is_not_acknowledged_is_sent_again(settings: Settings, hospital: ResultTaker, clock: Clock) -> None:
    body = "MSH|^~\\&|LUNGWISE|Hill|A|B|1||ORU^R01^ORU_R01|{}|P|2.5\rPID|||1\r"
    results, key = Hl7Results(sent_to(hospital, settings), clock), "study-1"
    results.send(body.format(control_id(key)).encode(), key)
    with pytest.raises(NotSentError, match="another message"):
        results.send(body.format("other").encode(), key)
    hospital.code = "AE"
    with pytest.raises(NotSentError, match="answers AE"):
        results.send(body.format(control_id(key)).encode(), key)
    hospital.code = "AA"
    away = settings.model_copy(update={"hl7_results_to": f"A@B=127.0.0.1:{free_port()}"})
    with pytest.raises(NotSentError) as error:
        Hl7Results(away, clock).send(b"", key)
    assert error.value.away
