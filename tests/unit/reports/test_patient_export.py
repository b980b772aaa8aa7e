"""Everything about a patient comes in one file, and its index names each part."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from typing import TYPE_CHECKING

import pytest
from pydicom.uid import generate_uid

from dicom_files import dicom_file
from lungwise.access import Role
from lungwise.errors import NotFound
from lungwise.orders.order import OrderRequest, OrderWay
from lungwise.orders.service import Orders
from lungwise.patients.service import PatientFacts
from lungwise.reports.patient_export import PatientExport
from lungwise.reports.service import Reports
from lungwise.studies.priors import Priors
from lungwise.studies.service import Conclusion
from prior_films import add_prior
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services
    from lungwise.access import Person

FACTS = PatientFacts(identifier="7", name="Béla Bartók")


def exported(services: Services, person: Person, key: str) -> zipfile.ZipFile:
    out = io.BytesIO()
    reports = Reports(services.studies, str, services.settings)
    priors = Priors(services.session, services.store, services.patients.records)
    export = PatientExport(services.studies, services.patients, priors, reports, services.clock, str)
    export.write(person, key, "Hill", out)
    return zipfile.ZipFile(out)


def test_everything_about_a_patient_is_in_one_file(services: Services, film: Callable[..., bytes]) -> None:
    ada = services.person()
    uids = {"StudyInstanceUID": generate_uid(), "SeriesInstanceUID": "1.2.3"}
    films = [film(1, 8), dicom_file(chest_bytes(), PatientID="7", PatientName="", **uids)]
    study = services.studies.open(ada, FACTS, [("a", films[0])])
    services.read_all()
    services.studies.open(ada, FACTS, [("b", films[1])])
    services.read_all()
    services.studies.conclude(ada, study.key, Conclusion(agrees=True, note="Send for a test."))
    patient = services.studies.patient(ada, study)
    prior = add_prior(services.session, services.store, services.clock, patient)
    orders = Orders(services.session, services.clock, services.patients, services.audit)
    orders.place(ada, patient, OrderRequest(accession="A1", reason="cough"), OrderWay.PAGE)
    archive = exported(services, ada, patient.key)
    index = json.loads(archive.read("index.json"))
    assert (index["patient"], index["clinic"]) == (patient.key, "Hill")
    listed = {one["name"]: one["sha256"] for one in index["files"]}
    assert {*listed, "index.json", "index.html"} == set(archive.namelist())
    assert all(hashlib.sha256(archive.read(name)).hexdigest() == digest for name, digest in listed.items())
    kept = {name.rsplit(".", 1)[1]: archive.read(name) for name in listed if "/films/" in name}
    assert kept == {"jpg": films[0], "dcm": films[1]}
    earlier = archive.read(f"earlier-films/{prior.taken_on}-{prior.key}.dcm")
    assert hashlib.sha256(earlier).hexdigest() == listed[f"earlier-films/{prior.taken_on}-{prior.key}.dcm"]
    assert "An earlier film, fetched from an archive" in archive.read("index.html").decode()
    told = json.loads(archive.read("patient.json"))
    assert (told["identifier"], told["name"], told["before"]) == ("7", "Béla Bartók", [])
    (first,) = (json.loads(archive.read(name)) for name in listed if name.endswith(f"{study.key}/study.json"))
    (ordered,) = json.loads(archive.read("orders.json"))
    assert (ordered["accession"], ordered["reason"], ordered["placer"]) == ("A1", "cough", None)
    assert first["opinions"][0]["note"] == "Send for a test."
    assert first["films"][0]["readings"][0]["verdict"] == "positive"
    ends = {name.rpartition("/")[2] for name in listed}
    assert {"report.pdf", "report.fhir.json"} <= ends
    assert any("/heat-maps/" in name for name in listed)
    assert "Béla Bartók, 7" in archive.read("index.html").decode()


def test_only_who_may_export_gets_it_and_of_their_clinic_alone(services: Services, film: Callable[..., bytes]) -> None:
    ada = services.person()
    study = services.studies.open(ada, FACTS, [("a", film(1))])
    key = services.studies.patient(ada, study).key
    for person in (services.person("Hana", role=Role.HEALTH_WORKER), services.person("Eve", "Valley")):
        with pytest.raises(NotFound):
            exported(services, person, key)
