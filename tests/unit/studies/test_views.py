from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update

from conftest import known_of, open_app
from dated_films import BRIGHT, DARK, dated_film
from dicom_files import dicom_file
from lungwise.access import Person, Role
from lungwise.clinics.models import Clinic
from lungwise.patients.models import Patient
from lungwise.reading.artefact import shipped_card
from lungwise.store import utc_now
from lungwise.studies.dispatch_models import Dispatch
from lungwise.studies.lookup_models import AccessionLookup
from lungwise.studies.models import Job, JobState, ReadingRecord, Study
from lungwise.studies.recipients import Recipients
from lungwise.studies.report_identifiers import report_identifiers
from synthetic_films import chest_words

if TYPE_CHECKING:
    from conftest import Clock, Visitor
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise


@pytest.fixture
def without_readers(settings: Settings, clock: Clock, migrate: Callable[[Settings], None]) -> Iterator[Lungwise]:
    """Give the application where nobody reads films."""
    migrate(settings)
    yield from open_app(settings.model_copy(update={"readers": 0}), clock)


def test_a_study_that_waits_has_a_script_and_a_link_that_load_it_again(
    without_readers: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], film: Callable[..., bytes]
) -> None:
    enrol(without_readers, "Ada")
    ada = visit(without_readers)
    ada.sign_in("ada@example.org")
    study = ada.upload(film(1))
    page = ada.client.get(study).text
    assert "waiting.js" in page
    assert re.search(f'<noscript><p><a class="button" href="{study}">Reload this page</a>', page)
    assert "http-equiv" not in page


def test_every_part_that_readings_change_is_there_while_they_are_waited_for(
    without_readers: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], film: Callable[..., bytes]
) -> None:
    enrol(without_readers, "Ada")
    with without_readers.database.writing() as session:
        session.execute(update(Clinic).values(sampled=1))
    ada = visit(without_readers)
    ada.sign_in("ada@example.org")
    study = ada.upload(film(1), film(2))
    ada.post(f"{study}/opinions", page="/studies/new", note="came coughing")
    waiting = ada.client.get(study).text
    list(without_readers.worker.read_all())
    read = ada.client.get(study).text

    def parts(page: str) -> set[str]:
        return {tag for tag in re.findall(r"<[^>]*data-answer[^>]*>", page)}

    def names(page: str) -> set[str]:
        return {name for tag in parts(page) for name in re.findall(r' id="([^"]+)"', tag)}

    assert "drawn" in names(waiting) and "opinions" in names(waiting)
    assert names(read) <= names(waiting)
    assert len(names(waiting)) == len(parts(waiting))
    drawn = "Drawn for a check: please test"
    assert (drawn in waiting, drawn in read) == (False, True)


def test_what_a_colleague_entered_meanwhile_is_shown_and_not_wiped(
    app: Lungwise, ada: Visitor, visit: Callable[..., Visitor], enrol: Callable[..., Person], film: Callable[..., bytes]
) -> None:
    study = ada.upload(film(1), symptoms=["fever"])
    opened = known_of(ada.get(study).text)
    enrol(app, "Bob")
    bob = visit(app)
    bob.sign_in("bob@example.org")
    bob.post(f"{study}/symptoms", page=study, symptoms=["fever"], spo2="85", known=opened)
    typed: dict[str, Any] = {"symptoms": ["fever", "cough"], "other_symptoms": "since Monday", "spo2": ""}

    answer = ada.post(f"{study}/symptoms", page=study, known=opened, **typed)

    assert answer.status_code == 409
    assert "Someone else changed this first: SpO2: 85." in answer.text
    assert re.search(r'name="spo2"[^>]*value="85"', answer.text)
    assert "since Monday" in answer.text and re.search(r'checked[^>]*value="cough"', answer.text)
    assert "85 %" in ada.get(study).text
    again = ada.post(f"{study}/symptoms", page=study, known=known_of(answer.text), **{**typed, "spo2": "85"})
    assert again.status_code == 302
    assert "Fever, Cough; since Monday" in ada.get(study).text
    wrong = ada.post(f"{study}/symptoms", page=study, known=opened, **{**typed, "spo2": "850"})
    assert known_of(wrong.text) == opened  # what is wrong with a field is said first
    both = ada.post(f"{study}/symptoms", page=study, known=opened, **{**typed, "spo2": "90"})
    assert both.status_code == 409
    assert re.search(r'name="spo2"[^>]*value="90"', both.text) and "SpO2: 85" in both.text


@pytest.mark.parametrize(("born", "says"), [("1970-03-25", True), ("2024-03-25", False)])
def test_how_often_a_verdict_is_right_is_said_of_adults_alone(
    born: str, says: bool, app: Lungwise, ada: Visitor, film: Callable[..., bytes]
) -> None:
    study = ada.upload(film(1, 8), identifier="H-1", birth_date=born)
    ada.get(study)  # waits for the reading
    with app.database.writing() as session:
        session.execute(update(ReadingRecord).values(model=shipped_card().name, version=shipped_card().version))
    page = ada.get(study).text
    assert ("Not made for children." in page) is not says
    assert ("positives are correct" in page) is says


def test_a_remark_on_a_film_that_was_read_is_not_in_alarm_red(
    app: Lungwise, ada: Visitor, film: Callable[..., bytes]
) -> None:
    study = ada.upload(film(1, 8), identifier="H-1")
    ada.get(study)  # waits for the reading
    with app.database.writing() as session:
        session.execute(update(ReadingRecord).values(warnings=["photograph"]))
    page = ada.get(study).text
    assert re.search(r'<p class="notice">This is a photograph of a film', page)


def test_a_study_says_the_extent_of_opacity_and_what_changed_since_an_earlier_film(ada: Visitor) -> None:
    first = ada.upload(dated_film("20260301", DARK))
    study = ada.upload(dated_film("20260310", BRIGHT))
    (earlier,) = {*re.findall(r'data-film="/films/(\w{20})', ada.get(first).text)}

    page = ada.get(study).text

    assert re.search(r"More opacity than on the film of 1 Mar 2026: .* beyond repeatability \(±10 points\)", page)
    assert f"beside={earlier}" in page
    assert re.search(r"Opacities cover \d\d % of the lung fields \(Brixia score \d+ of 18\)", page)
    assert "opacity than on" not in ada.get(first).text
    assert "More opacity than on the film of 2026-03-01" in ada.get(f"{study}/report").text


@pytest.mark.parametrize(
    ("state", "answer", "said"),
    [
        ("answered", "found", "The accession number is from the modality worklist of RIS, "),
        ("answered", "none", "has no order for this study"),
        ("answered", "several", "has several orders that this study may answer. No accession number was filled in."),
        ("answered", "other", "has another name, birth date or sex"),
        ("answered", "unnumbered", "worklist has no accession number."),
        ("answered", "taken", "has other films already"),
        ("queued", "", "is being asked for the accession number"),
        ("failed", "", "could not be asked for the accession number. Tell your administrator."),
    ],
)
def test_a_study_says_where_its_accession_number_is_from_or_why_it_has_none(
    ada: Visitor, app: Lungwise, state: str, answer: str, said: str
) -> None:
    page = ada.upload(dicom(AccessionNumber="A7"))
    assert re.search(r"<dt>Accession number</dt><dd>A7</dd>", ada.get(page).text)
    with app.database.writing() as session:
        study = session.scalars(select(Study)).one()
        moments = {"created_at": study.created_at, "due_at": study.created_at}
        about = {"study_uid": "1.2", "state": state, "answer": answer, "source": "RIS"}
        study.accession_lookups.append(AccessionLookup(**about, **moments))
    assert said in html.unescape(ada.get(page).text)


def test_a_study_is_deleted_only_when_one_is_sure(app: Lungwise, ada: Visitor, film: Callable[..., bytes]) -> None:
    study = ada.upload(film(1))
    page = ada.get(study).text
    assert "to these systems" not in page and "to these archives" not in page
    sent_everywhere(app)
    patient = re.findall(r"/patients/\w{20}", page)[0]
    for deleting in (study, patient):
        said = html.unescape(ada.get(deleting).text)
        assert "to these systems: fhir." in said and "to these archives: A@a:1." in said
    assert "Tick this first" in ada.post(f"{study}/delete", page=study).text
    assert "The study is deleted" in ada.post(f"{study}/delete", page=study, sure="y", follow=True).text
    assert ada.get(study).status_code == 404
    queue = ada.get("/queue").text
    assert f"Withdrawal of the report of the deleted study {study.rpartition('/')[2]}" in queue
    assert "→ fhir" in queue and "A@a:1" not in queue


def sent_everywhere(app: Lungwise) -> None:
    """Let an archive and a system have the one study, and let something wait for others that have none of it."""
    places: dict[str, dict[str, Any]] = {
        "fhir": {"state": "sent"},
        "webhook": {"state": "queued"},
        "A@a:1": {"state": "queued", "accepted": ["1.2"]},
        "B@b:2": {"state": "queued"},
    }
    with app.database.writing() as session:
        study = session.scalars(select(Study)).one()
        moments = {"created_at": study.created_at, "due_at": study.created_at}
        study.dispatches += [Dispatch(destination=name, **given, **moments) for name, given in places.items()]
        patient = session.get_one(Patient, study.patient_id)
        Recipients(session, utc_now).note(study.clinic_id, "fhir", report_identifiers(study, patient, []))


def dicom(bits: int = 12, **attributes: Any) -> bytes:
    """Draw a DICOM film of a named patient."""
    about: dict[str, Any] = {"PatientID": "H-7", "PatientName": "Okafor^Amara", "BitsStored": bits} | attributes
    return dicom_file(chest_words(bits=bits), **about)


def film_of(page: str) -> str:
    return str(re.findall(r"/films/(\w{20})", page)[0])


def test_the_patient_stands_above_every_page_of_theirs(ada: Visitor) -> None:
    study = ada.upload(dicom(PatientBirthDate="19800102"))
    page = ada.get(study).text
    patient = re.findall(r"/patients/(\w{20})", page)[0]
    for path in (
        *(study, f"{study}/report", f"/films/{film_of(page)}"),
        *(f"/patients/{patient}", f"/patients/{patient}/change"),
    ):
        banner = re.search(r'<section class="patient".*?</section>', ada.get(path).text, re.DOTALL)
        assert banner and "Okafor Amara" in banner[0] and "H-7" in banner[0] and "2 Jan 1980" in banner[0], path


def test_one_goes_on_to_the_next_unread_study(ada: Visitor, film: Callable[..., bytes]) -> None:
    first, second = ada.upload(film(1), identifier="H-1"), ada.upload(film(2), identifier="H-2")
    for study in (first, second):
        ada._wait_for_readings(study, 20)
    ada.get("/studies")  # what is shown right after its upload stays unread
    assert ada.get(f"{first}/next").headers["Location"] == second
    assert f"{first}/next" in ada.get(first).text
    ada.get(second)
    assert f"{second}/next" not in ada.get(second).text
    assert ada.get(f"{second}/next").headers["Location"] == "/studies"


def test_the_list_says_how_many_studies_there_are(ada: Visitor, film: Callable[..., bytes]) -> None:
    for seed in range(2):
        ada.upload(film(seed), identifier=f"H-{seed}")
    assert "2 studies" in ada.get("/studies").text
    assert ada.get("/studies/total").json == {"said": "2 studies"}
    assert ada.get("/studies/total?standing=refused").json == {"said": "0 studies"}
    found = ada.post("/studies", text="H-1").headers["Location"]
    assert ada.get(found.replace("/studies?", "/studies/total?")).json == {"said": "1 study"}


def test_a_film_is_listed_by_the_day_on_which_it_was_taken(ada: Visitor) -> None:
    ada.upload(dicom(PatientID="P-1", StudyDate="20250714"))
    assert "14 Jul 2025" in ada.get("/studies").text
    assert "P-1" in ada.get("/studies?until=2025-07-14").text
    assert "P-1" not in ada.get("/studies?since=2025-07-15").text


def test_what_a_radiologist_saw_stands_on_the_study_and_in_the_worklist(
    ada: Visitor, film: Callable[..., bytes]
) -> None:
    study = ada.upload(film(1))
    day = "2026-03-02"
    ada.post(f"{study}/results", page=study, kind="radiologist", result="COVID-19", tested_on=day, reason="sample")
    assert "Radiologist's reading: COVID-19" in ada.get("/studies").text
    page = ada.get(study).text
    assert "Radiologist's reading: COVID-19" in page
    assert "Drawn by lot for a check" in page


def test_a_line_says_whose_film_it_is_and_who_sent_it(ada: Visitor) -> None:
    study = ada.upload(
        dicom(
            PatientID="P-1",
            PatientName="Okafor^Amara",
            PatientBirthDate="19800301",
            PatientSex="F",
            StudyDate="20250714",
        )
    )
    page = re.sub(r"\s+", " ", ada.get("/studies").text)
    assert "P-1 · 45 years · Female" in page
    assert "<td>Ada</td>" in page
    viewer = re.search(r'href="(/films/\w+)', ada.get(study).text)
    assert viewer
    for place in (study, f"{study}/report", viewer[1]):  # each says how old she was when the film was taken
        assert "(45 years)" in ada.get(place).text


def test_a_study_that_a_fault_keeps_from_being_read_says_so_in_every_list(
    without_readers: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], film: Callable[..., bytes]
) -> None:
    enrol(without_readers, "Ada")
    ada = visit(without_readers)
    ada.sign_in("ada@example.org")
    study = ada.upload(film(1), identifier="H-1")
    see = partial(ada.client.get, buffered=True)  # a visitor would wait until it is read
    pages = [study, "/studies", *set(re.findall(r'"(/films/\w{20})"', see(study).text))]
    assert all("Being read." in see(page).text for page in pages)
    with without_readers.database.writing() as session:
        session.execute(update(Job).values(state=JobState.FAILED, attempts=5))
    for page in map(see, pages):
        assert "Not read." in page.text and "Being read." not in page.text
    assert "waiting.js" not in see(study).text


def test_the_list_is_filtered_by_what_films_look_like_and_sorted_by_urgency(
    without_readers: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], film: Callable[..., bytes]
) -> None:
    enrol(without_readers, "Ada")
    ada = visit(without_readers)
    ada.sign_in("ada@example.org")
    for number, pattern in enumerate(("", "tuberculosis", "COVID-19")):
        study = ada.upload(film(number), identifier=f"H-{number}")
        with without_readers.database.writing() as session:
            found = update(Study).where(Study.key == study.rsplit("/", 1)[1])
            session.execute(
                found.values(status="negative", pattern=pattern, named_findings=pattern, urgency=float(number % 2))
            )
    listed = ada.get("/studies?finding=tuberculosis").text
    assert "H-1" in listed and "H-0" not in listed and "H-2" not in listed
    assert "1 study" in listed
    first = re.findall(r"H-\d", ada.get("/studies?order=urgent").text)[0]
    assert first == "H-1"
    assert re.findall(r'<label for="standing"[^>]*>([^<]*)', listed) == ["COVID-19 verdict"]  # H-1 is "negative"


def test_one_goes_through_the_pages_of_a_list(
    ada: Visitor, film: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lungwise.studies.worklist.PAGE", 1)
    for seed in range(3):
        ada.upload(film(seed), identifier=f"H-{seed}")
    address, seen = "/studies?standing=", list[str]()
    while address:
        page = ada.get(address).text
        seen += re.findall(r">(H-\d)</a>", page)
        address = "".join(re.findall(r'href="([^"]+)">Next page', page)).replace("&amp;", "&")
    assert sorted(seen) == ["H-0", "H-1", "H-2"]
    assert ada.get("/studies/total").json == {"said": "3 studies"}


def scan(number: int, **attributes: str) -> bytes:
    """A film of Béla Bartók, or of whom its attributes name."""
    uids = {"StudyInstanceUID": f"1.2.3.{number}", "SOPInstanceUID": f"1.2.3.{number}.1"}
    facts = {"PatientID": "7", "PatientName": "Bartok^Bela"}
    return dicom_file(chest_words(seed=number), **{**facts, **uids, **attributes})


def order_for(visitor: Visitor, study: str, **asked: str) -> str:
    """Order films of a study's patient, and give the order's address."""
    patient = re.search(r'href="(/patients/\w+)"', visitor.get(study).text)
    assert patient
    fields: dict[str, Any] = {"urgency": "routine", "modality": "DX", **asked}
    return str(visitor.post(f"{patient[1]}/order", **fields).location)


def test_a_study_says_which_order_it_answers(ada: Visitor) -> None:
    asked = {
        "accession": "A-1",
        "description": "Chest lateral",
        "referring_physician": "Kodály^Zoltán",
        "reason": "cough",
    }
    order = order_for(ada, ada.upload(scan(1)), **asked)
    study = ada.upload(scan(2, AccessionNumber="A-1"))
    for address in (study, f"{study}/report"):
        page = ada.get(address).text
        assert all(f"<dd>{said}</dd>" in page for said in ("Chest lateral", "Kodály Zoltán", "Ada"))
    assert f'<dd><a href="{order}">A-1</a> · Done</dd>' in ada.get(study).text
    assert "<dt>Reason, and what is known</dt><dd>cough</dd>" in ada.get(study).text


def test_who_sees_no_orders_sees_the_number_of_the_order_alone(
    app: Lungwise, ada: Visitor, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    order_for(ada, ada.upload(scan(1)), accession="A-1")
    enrol(app, "Wim", role=Role.HEALTH_WORKER)
    wim = visit(app)
    wim.sign_in("wim@example.org")
    page = wim.get(wim.upload(scan(2, AccessionNumber="A-1"))).text
    assert "<dd>A-1 · Done</dd>" in page and 'href="/orders' not in page


def test_lists_the_viewer_and_tables_doubt_whose_film_it_is_that_names_another_patients_order(ada: Visitor) -> None:
    order_for(ada, ada.upload(scan(1)), accession="A-1")
    clara = {"PatientID": "8", "PatientName": "Schumann^Clara"}
    study = ada.upload(scan(2, **clara, AccessionNumber="A-1"))
    ada.upload(scan(3, **clara))
    page = ada.get(study).text
    patient, film = (re.findall(f'href="(/{kind}/[0-9a-f]{{20}})"', page)[0] for kind in ("patients", "films"))
    lines = re.findall("<tr.*?</tr>", ada.get("/studies").text, re.DOTALL)
    for doubt in ("Identity unclear", 'class="level grey"'):
        assert [study in line for line in lines if doubt in line] == [True]
    assert ada.get(patient).text.count('class="level grey"') == 1
    viewer = ada.get(film).text
    assert 'class="level grey"' in viewer and '<span class="chip uncertain">Identity unclear</span>' in viewer
    table = ada.post("/studies.csv", page="/studies").get_data(as_text=True).splitlines()
    (doubted,) = [line for line in table if "Identity unclear" in line]
    assert doubted.startswith(study.rpartition("/")[2])


def test_a_study_that_names_another_patients_order_says_so_and_never_answers_it(
    app: Lungwise, ada: Visitor, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    order = order_for(ada, ada.upload(scan(1)), accession="A-1")
    clara = {"PatientID": "8", "PatientName": "Schumann^Clara", "AccessionNumber": "A-1"}
    study = ada.upload(scan(2, **clara))
    page = ada.get(study).text
    (alert,) = re.findall('<p class="alert">(.*?)</p>', page, re.DOTALL)
    assert "names the order A-1, which is another patient" in alert and f'href="{order}"' in alert
    assert '<span class="chip uncertain">Identity unclear</span>' in page
    said = "Identity unclear: make sure whose film this is."
    assert 'class="verdict grey"' in page and said in page
    assert "<dt>Order</dt>" not in page and "Requested" in ada.get(order).text
    assert "names the order A-1" in ada.get(f"{study}/report").text
    trail = ada.get("/audit").text
    assert set(re.findall("another patient's order: (study|order)<", trail)) == {"study", "order"}
    enrol(app, "Wim", role=Role.HEALTH_WORKER)
    wim = visit(app)
    wim.sign_in("wim@example.org")
    page = wim.get(wim.upload(scan(3, **clara))).text
    assert "names the order A-1" in page and "Bartok" not in page and order not in page
