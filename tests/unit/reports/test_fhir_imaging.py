from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fhir.resources.R4B.bundle import Bundle

from dated_films import DARK, dated_film
from lungwise.orders.order import OrderRequest, OrderWay
from lungwise.orders.service import Orders
from lungwise.patients.service import PatientFacts
from lungwise.reports.fhir import bundle
from lungwise.reports.service import Reports

if TYPE_CHECKING:
    from conftest import Services


def test_a_report_names_its_order_its_images_and_its_model(services: Services) -> None:
    ada = services.person()
    uids = {"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.4", "AccessionNumber": "A-17"}
    film = dated_film("20260301", DARK, PatientID="H-7", IssuerOfPatientID="Hill Hospital", **uids)
    study = services.studies.open(ada, PatientFacts(), [("film", film)])
    services.read_all()

    text = bundle(Reports(services.studies, str, services.settings).of(ada, study.key, "Hill"))

    Bundle.model_validate_json(text)
    entries = json.loads(text)["entry"]
    names = {entry["resource"]["resourceType"]: entry["fullUrl"] for entry in entries}
    said = {entry["resource"]["resourceType"]: entry["resource"] for entry in entries}
    report, images, observation = said["DiagnosticReport"], said["ImagingStudy"], said["Observation"]
    assert images["identifier"][0] == {"system": "urn:dicom:uid", "value": "urn:oid:1.2.3"}
    assert images["series"][0]["uid"] == "1.2.3.4" and images["started"].startswith("2026-03-01")
    for resource in (report, images, observation):
        assert resource["basedOn"][0]["type"] == "ServiceRequest"
        assert resource["basedOn"][0]["identifier"]["value"] == "A-17"
    assert report["imagingStudy"] == observation["derivedFrom"] == [{"reference": names["ImagingStudy"]}]
    assert observation["device"]["reference"] == names["Device"]
    assert report["effectiveDateTime"] == "2026-03-01"
    model = study.films[0].reading
    assert model is not None
    assert said["Device"]["deviceName"][0]["name"] == model.model
    assert said["Device"]["version"] == [{"value": model.version}]
    assert said["Patient"]["identifier"][0]["system"] == "urn:lungwise:patient:Hill%20Hospital"
    assert all("system" in one for resource in said.values() for one in resource["identifier"])


def test_a_report_goes_under_no_number_of_another_patients_order(services: Services) -> None:
    ada = services.person()
    orders = Orders(services.session, services.clock, services.patients, services.audit)
    orders.place(ada, PatientFacts(identifier="H-8", name="Clara"), OrderRequest(accession="A-17"), OrderWay.HL7)
    film = dated_film("20260301", DARK, PatientID="H-7", AccessionNumber="A-17", StudyInstanceUID="1.2.3")
    study = services.studies.open(ada, PatientFacts(), [("film", film)])
    services.read_all()

    report = Reports(services.studies, str, services.settings).of(ada, study.key, "Hill")

    resources = [entry["resource"] for entry in json.loads(bundle(report))["entry"]]
    assert not any("basedOn" in one for one in resources)
    assert "A-17" not in json.dumps([one.get("identifier") for one in resources])
    assert "names the order A-17" in report.identity_warning
