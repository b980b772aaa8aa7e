"""A film read by a clinic's own thresholds says so in every output, and still says so when they are not in force."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from pydicom import dcmread

from conftest import open_app
from dicom_checks import dumped, errors_of
from lungwise.access import Role
from lungwise.accounts.tokens import Scope, Tokens
from lungwise.audit.service import AuditTrail
from lungwise.clinics.thresholds import AS_SHIPPED
from lungwise.reading.own_thresholds import FindingThresholds
from lungwise.store import FilmStore
from lungwise.wiring import Wiring
from pdf_text import texts_of
from synthetic_reader import NamedAsShipped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Clock, Visitor
    from lungwise.access import Person
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise

OWN = FindingThresholds(finding="COVID-19", lower=0.01, upper=0.02, offset=-1.0, slope=0.9)


@pytest.fixture
def clinic(settings: Settings, clock: Clock, migrate: Callable[[Settings], None]) -> Iterator[Lungwise]:
    """Give an application whose films are read in the shipped model's name."""
    migrate(settings)
    yield from open_app(settings, clock, NamedAsShipped)


def put_in_force(app: Lungwise, settings: Settings, clock: Clock, *people: Person) -> str:
    """Let one propose thresholds and another confirm them; give their id."""
    with app.database.writing() as session:
        sets = Wiring(settings, FilmStore(settings), clock).over(session).thresholds
        made = sets.propose(people[0], OWN, {})
        sets.confirm(people[1], made.key)
        return made.key


def test_every_output_names_the_thresholds_that_a_film_was_read_by(
    clinic: Lungwise,
    settings: Settings,
    clock: Clock,
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
    film: Callable[..., bytes],
    tmp_path: Path,
) -> None:
    ada_person, ben = (enrol(clinic, name, role=Role.ADMINISTRATOR) for name in ("Ada", "Ben"))
    ada = visit(clinic)
    ada.sign_in("ada@example.org")
    before = ada.upload(film(1, 2), identifier="H-1")
    plain = ada.get(before).text
    own = put_in_force(clinic, settings, clock, ada_person, ben)
    study = ada.upload(film(2, 2), identifier="H-2")
    page = ada.get(study).text
    sentence = f"Read by the clinic&#39;s own thresholds {own}."
    assert sentence in page
    assert "Looks like COVID-19" in page
    assert "COVID-19: calibrated probability" in page  # how often such verdicts are right is not known
    assert (own in ada.get(before).text, own in plain) == (False, False)
    key = study.rsplit("/", 1)[1]
    assert sentence in ada.get(f"/studies/{key}/report").text
    assert own in "".join(texts_of(ada.get(f"/studies/{key}/report.pdf").data, tmp_path))
    rows = list(csv.DictReader(io.StringIO(ada.post("/studies.csv", "/studies").text)))
    assert {row["identifier"]: row["thresholds"] for row in rows} == {"H-1": "", "H-2": own}
    assert own in ada.get("/audit").text
    _check_programs(clinic, clock, ada_person, key, own)
    _check_objects(ada, page, own, tmp_path)
    with clinic.database.writing() as session:
        Wiring(settings, FilmStore(settings), clock).over(session).thresholds.go_back(ben, AS_SHIPPED)
    assert sentence in ada.get(study).text
    assert "own thresholds" not in ada.get(ada.upload(film(3, 2), identifier="H-3")).text


def _check_programs(app: Lungwise, clock: Clock, person: Person, key: str, own: str) -> None:
    with app.database.session(writes=True) as session:
        token = Tokens(session, clock, AuditTrail(session, clock)).add(person, "script", [Scope.EXPORT], 30)[1]
        session.commit()
    client, headers = app.test_client(), {"Authorization": f"Bearer {token}"}

    def ask(path: str) -> Any:
        answer = client.get(f"/api/v1{path}", headers=headers)
        assert answer.status_code == 200, answer.text
        return json.loads(answer.text)

    reading = ask(f"/studies/{key}")["films"][0]["reading"]
    assert reading["thresholds"]["id"] == own
    assert reading["thresholds"]["findings"][0]["slope"] == OWN.slope
    said = ask("/thresholds")["thresholds"]
    assert (said["id"], said["approved_by"]) == (own, ["Ada", "Ben"])
    observations = [entry["resource"] for entry in ask(f"/studies/{key}/report.fhir")["entry"]]
    assert any(f"thresholds {own}" in one.get("method", {}).get("text", "") for one in observations)


def _check_objects(ada: Visitor, page: str, own: str, folder: Path) -> None:
    address = page.split('/results.zip"')[0].rsplit('"', 1)[1] + "/results.zip"
    with zipfile.ZipFile(io.BytesIO(ada.get(address).data)) as files:
        report = dcmread(io.BytesIO(files.read("structured-report.dcm")))
    assert f"thresholds {own}" in dumped(report, folder)
    assert errors_of(report, folder) == []
