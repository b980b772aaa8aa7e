from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from conftest import known_of
from dicom_files import dicom_file
from synthetic_films import chest_words

if TYPE_CHECKING:
    from conftest import Visitor


def test_a_patient_is_found_changed_and_deleted(ada: Visitor, film: Callable[..., bytes]) -> None:
    study = ada.upload(film(1), name="Clara Wieck", identifier="H-1")
    (page,) = re.findall(r"/patients/\w{20}", ada.post("/patients", text="wieck", follow=True).text)
    change = ada.get(f"{page}/change").text
    assert all(f'name="{name}"' in change for name in ("identifier", "birth_date", "issuer", "ideographic", "phonetic"))
    fields = {"identifier": "H-1", "name": "Clara Schumann", "issuer": "Hill"}
    shown = ada.post(f"{page}/change", follow=True, **fields).text
    assert "Clara Schumann" in shown and "H-1 (Hill)" in shown and "Clara Wieck" in shown  # the history
    assert "Tick this first" in ada.post(f"{page}/delete", page=page).text
    ada.post(f"{page}/delete", page=page, sure="y")
    assert ada.get(page).status_code == ada.get(study).status_code == 404


def test_a_birth_date_that_a_film_filled_in_meanwhile_stays(ada: Visitor, film: Callable[..., bytes]) -> None:
    ada.upload(film(1), name="Clara Wiek", identifier="H-1")
    (page,) = re.findall(r"/patients/\w{20}", ada.post("/patients", text="wiek", follow=True).text)
    opened = known_of(ada.get(f"{page}/change").text)
    ada.upload(film(2), name="Clara Wiek", identifier="H-1", birth_date="2019-09-13", sex="F")
    fields: dict[str, Any] = {"identifier": "H-1", "name": "Clara Wieck", "sex": "", "birth_date": ""}

    answer = ada.post(f"{page}/change", known=opened, **fields)

    assert answer.status_code == 409
    assert "Someone else changed this first: Sex: Female; Birth date: 13 Sep 2019." in answer.text
    assert all(f'value="{value}"' in answer.text for value in ("Clara Wieck", "2019-09-13"))
    assert re.search(r'<option selected value="F"', answer.text)
    fields |= {"sex": "F", "birth_date": "2019-09-13", "known": known_of(answer.text)}
    assert "13 Sep 2019" in ada.post(f"{page}/change", follow=True, **fields).text
    assert ada.post(f"{page}/change", **(fields | {"known": '{"of": "another release"}'})).status_code == 302


def test_whose_films_they_are_is_asked_and_decided(ada: Visitor, film: Callable[..., bytes]) -> None:
    ada.upload(film(1), name="Clara Wieck", identifier="H-1")
    question = ada.upload(film(2), name="Two Bob", identifier="H-1")
    assert question.endswith("/whose") and "Clara Wieck" in ada.get(question).text
    patient = question.removesuffix("/whose")
    assert "now another person" in ada.post(f"{patient}/separate", page=question, follow=True).text
    assert "Two Bob" in ada.get("/patients/unclear").text
    assert "Undone." in ada.post(f"{patient}/take-back", page="/patients/unclear", follow=True).text


def test_an_administrator_finds_where_a_merge_is_undone(ada: Visitor, film: Callable[..., bytes]) -> None:
    studies = [ada.get(ada.upload(film(number), identifier=f"H-{number}")).text for number in (1, 2)]
    kept, other = (re.findall(r"/patients/\w{20}", page)[0] for page in studies)
    for page in ("/patients", kept):
        assert 'href="/patients/unclear"' in ada.get(page).text
    ada.post(f"{kept}/merged", page=kept, other=other.rsplit("/", 1)[1], sure="y")
    assert "H-2" in ada.get("/patients/unclear").text


def test_known_patients_are_suggested_to_who_is_typing(ada: Visitor, film: Callable[..., bytes]) -> None:
    ada.upload(film(1), name="Clara Wieck", identifier="H-1", birth_date="1970-03-25", sex="F")
    (patient,) = ada.post("/patients/suggestions", page="/studies/new", text="wie").json or []
    assert patient == {
        "identifier": "H-1",
        "name": "Clara Wieck",
        "sex": "F",
        "birth_date": "1970-03-25",
        "label": "Clara Wieck · H-1 · 1970-03-25",
    }
    for text in ("nobody", ""):
        assert ada.post("/patients/suggestions", page="/studies/new", text=text).json == []


def test_a_patients_page_lists_what_is_still_ordered_and_what_a_study_answers(ada: Visitor) -> None:
    uids = {"StudyInstanceUID": "1.2.3", "SOPInstanceUID": "1.2.3.1", "AccessionNumber": "A-1"}
    first = ada.get(ada.upload(dicom_file(chest_words(), PatientID="7", SOPInstanceUID="1.2.1.1"))).text
    patient = re.findall(r'href="(/patients/\w+)"', first)[0]
    assert "Open orders" not in ada.get(patient).text
    orders = [
        str(ada.post(f"{patient}/order", urgency="stat", modality="DX", accession=number).location)
        for number in ("A-1", "A-2", "A-3")
    ]
    ada.post(f"{orders[2]}/cancel", page=orders[2])
    ada.get(ada.upload(dicom_file(chest_words(seed=2), PatientID="7", **uids)))
    page = ada.get(patient).text
    table, studies = page[page.index("Open orders") :].split("<h2>Studies</h2>")
    assert re.findall(r'href="(/orders/\w+)"', table) == [orders[1]] and "Immediate" in table
    assert re.findall(r'href="(/orders/\w+)"', studies) == [orders[0]]
