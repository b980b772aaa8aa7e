"""A report says the same on the page, in the PDF, in FHIR and in JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from dicom_files import dicom_bytes, film_dataset
from lungwise.access import Role
from lungwise.accounts.tokens import Scope, Tokens
from lungwise.audit.service import AuditTrail
from lungwise.patients.models import Patient
from lungwise.reading.artefact import shipped_card
from lungwise.reports.service import Reports
from lungwise.store import FilmStore, utc_now
from lungwise.studies.models import ReadingRecord, Study
from lungwise.wiring import Wiring
from report_texts import text_of_page, text_of_pdf
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Visitor
    from lungwise.access import Person
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise


def strings(value: Any) -> Iterator[str]:
    """Every text and number in JSON."""
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from strings(part)
    else:
        yield str(value)


def test_a_sentence_or_number_of_the_report_is_in_all_four(
    app: Lungwise,
    settings: Settings,
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
    film: Callable[..., bytes],
    blank: bytes,
) -> None:
    person = enrol(app, "Ada", role=Role.ADMINISTRATOR)
    ada = visit(app)
    ada.sign_in("ada@example.org")
    dicom_film = dicom_bytes(
        film_dataset(chest_bytes(seed=1), PatientID="P-1", PatientName="Lovelace^Ada", PatientAge="007Y")
    )
    study = ada.upload(dicom_film, blank)
    ada.upload(film(2), identifier="P-9", name="Somebody Else")
    list(app.worker.read_all())
    ada.post(f"{study}/opinions", page=study, agrees="no", conclusion="other", other="fibrosis", note="an old scar")
    ada.post(f"{study}/results", page=study, kind="xpert", result="positive", tested_on="2026-03-01")
    ada.post(f"{study}/symptoms", page=study, symptoms=["fever"], other_symptoms="since Monday", spo2="91")
    card, key = shipped_card(), study.split("/")[-1]
    with app.database.writing() as session:  # as if the shipped model had read them
        other = next(one.id for one in session.scalars(select(Patient)) if one.name == "Somebody Else")
        session.execute(update(Study).where(Study.key == key).values(patient_id=other))
        session.execute(update(ReadingRecord).values(model=card.name, version=card.version))
        token = Tokens(session, utc_now, AuditTrail(session, utc_now)).add(person, "script", tuple(Scope), 30)[1]
    with app.database.reading() as session:
        studies = Wiring(settings, FilmStore(settings)).over(session).studies
        report = Reports(studies, str, settings).of(person, key, "Hill")
        read, refused = report.films
        assert all((read.header, read.uncertainty_range, read.warnings, refused.refusal))
        headline = report.headline
        assert headline.cautions and headline.source
        said = [report.clinic, *headline.cautions, *headline.sentences, headline.advice]
        said += [report.limits, report.patient.identifier]
        said += [sentence for one in report.films for sentence in one.sentences]
        said += ["an old scar", "fibrosis", "since Monday", "91"]
        (test,) = report.tests
        assert test == ("Xpert (tuberculosis)", "Positive, 2026-03-01")
        said += [test[0], "2026-03-01"]
        written, number = read.probability, read.record.reading.probability if read.record.reading else None
        assert number is not None

    program = app.test_client(use_cookies=False)
    address, headers = f"/api/v1/studies/{key}/report", {"Authorization": f"Bearer {token}"}
    documents = {
        "page": text_of_page(ada.get(f"{study}/report").text),
        "pdf": text_of_pdf(ada.get(f"{study}/report.pdf").data),
        "fhir": "\n".join(strings(program.get(f"{address}.fhir", headers=headers).json)),
        "json": "\n".join(strings(program.get(address, headers=headers).json)),
    }
    assert [(name, one) for name, text in documents.items() for one in said if one not in text] == []
    assert written in documents["page"] and written in documents["pdf"]
    assert str(round(number, 4)) in documents["fhir"] and str(number) in documents["json"]
