from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from lungwise.patients.search import PAGE
from lungwise.patients.service import PatientFacts
from lungwise.studies.worklist import WorklistQuery
from plans import explained, rows_read, statements

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services


WALKS_THE_CLINIC = re.compile(r"SEARCH (?!orders)\w+ [^\n]*\(clinic_id=\?\)|SCAN (patients|studies)")
"""Whether there are orders at all is known by the first."""


@pytest.mark.parametrize(
    "text",
    [
        "bartok", "BÉLA", "bela bartok", "Bartók, Béla", "bar", "b b", "h-17", "17", "H17", "h-0017", "0017",
        "सुनीता", "सुनी",
    ],
)  # fmt: skip
def test_a_patient_is_found_by_the_beginnings_of_words(text: str, services: Services) -> None:
    person = services.person()
    services.patients.match_or_add(person, PatientFacts(identifier="H-17", name="Béla Bartók सुनीता"))
    services.patients.match_or_add(person, PatientFacts(identifier="K-20", name="Clara Wieck"))
    assert [patient.identifier for patient in services.patients.search.page(person, text)] == ["H-17"]


@pytest.mark.parametrize(
    ("identifier", "text"),
    [
        ("000123", "123"), ("123", "000123"), ("P-000123", "123"), ("P-000123", "p123"), ("123", "P-000123"),
        ("P-123", "P000123"), ("AB/2024/17", "2024"), ("AB/2024/17", "ab 17"), ("P-000123", "00012"),
    ],
)  # fmt: skip
def test_an_identifier_is_found_with_and_without_its_zeros_and_letters(
    identifier: str, text: str, services: Services
) -> None:
    person = services.person()
    services.patients.match_or_add(person, PatientFacts(identifier=identifier, name="Béla"))
    services.patients.match_or_add(person, PatientFacts(identifier="X-9", name="Clara"))
    assert [patient.identifier for patient in services.patients.search.page(person, text)] == [identifier]


def test_a_name_is_found_in_each_of_its_scripts(services: Services) -> None:
    person = services.person()
    services.patients.match_or_add(
        person, PatientFacts(identifier="7", name="Yamada Tarou", ideographic="山田 太郎", phonetic="やまだ たろう")
    )
    for text in ("yam", "山", "太郎", "やま", "ヤマダ", "ﾔﾏﾀﾞ"):
        assert len(services.patients.search.page(person, text)) == 1, text


@pytest.mark.parametrize("text", ["artok", "%", "bela wieck", "' OR 1=1 --", "\n", "#17"])
def test_what_begins_no_word_finds_nobody(text: str, services: Services) -> None:
    person = services.person()
    services.patients.match_or_add(person, PatientFacts(identifier="H-17", name="Béla Bartók"))
    services.patients.match_or_add(person, PatientFacts(identifier="K-20", name="Clara Wieck"))
    found = services.patients.search.page(person, text)
    assert len(found) == (2 if text == "\n" else 0)  # no word is no search


def test_pages_of_a_search_are_in_the_order_of_the_newest(services: Services) -> None:
    person = services.person()
    added = [
        services.patients.match_or_add(person, PatientFacts(identifier=f"H-{number}", name="Béla")).patient.id
        for number in range(PAGE + 5)
    ]
    first = services.patients.search.page(person, "bela")
    second = services.patients.search.page(person, "bela", after=first[-1].id)
    assert [patient.id for patient in (*first, *second)] == added[::-1]
    services.patients.decisions.merge(person, second[0], first[0])
    assert services.patients.search.page(person, "h0054 béla") == [second[0]]


def test_a_changed_name_is_found_and_the_old_one_is_not(services: Services) -> None:
    person = services.person()
    patient = services.patients.match_or_add(person, PatientFacts(identifier="1", name="Clara Wieck")).patient
    services.patients.change(person, patient.key, PatientFacts(identifier="1", name="Clara Schumann"))
    assert len(services.patients.search.page(person, "schumann")) == 1
    assert services.patients.search.page(person, "wieck") == []


@pytest.mark.parametrize("text", ["bartok", "bela bartok", "S-17", "nobody"])
def test_sqlite_begins_a_search_with_the_words_though_it_never_counted_its_rows(text: str, services: Services) -> None:
    person = services.person()
    services.patients.match_or_add(person, PatientFacts(identifier="9", name="Grace"))
    services.patients.search.page(person, "grace")  # the clinic's names are in memory from here on

    def search() -> None:
        services.patients.search.page(person, text)
        services.worklist.page(person, WorklistQuery(text=text))

    plans = [explained(services.session, statement) for statement in statements(services.session, search)]
    assert any("studies USING INDEX ix_studies_patient_id" in plan for plan in plans)
    assert any("patients USING INTEGER PRIMARY KEY" in plan for plan in plans)
    assert not [plan for plan in plans if "(clinic_id=?)" in plan or re.search(r"SCAN (patients|studies)", plan)]


def test_a_search_reads_little_more_than_it_finds(large: Services) -> None:
    person = large.accounts.everyone()[0].person
    with_word = len(large.patients.search.page(person, "bartok"))
    found = len(large.patients.search.page(person, "bela bartok"))
    assert 0 < found < with_word <= PAGE

    def search() -> None:
        large.patients.search.page(person, "bela bartok")
        large.worklist.page(person, WorklistQuery(text="bela bartok"))

    if large.session.get_bind().dialect.name == "mysql":
        everybody = rows_read(large.session, lambda: list(large.worklist.all(person, WorklistQuery())))
        assert 0 < rows_read(large.session, search) < everybody / 2
    else:
        assert not any(
            WALKS_THE_CLINIC.search(explained(large.session, one)) for one in statements(large.session, search)
        )


def test_a_word_that_nearly_everybody_has_is_found_too(
    services: Services, film: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lungwise.studies.worklist.FEW", 2)
    person = services.person()
    for number in range(4):
        services.studies.open(person, PatientFacts(identifier=f"H-{number}", name="Béla"), [("a", film(number))])
    assert len(services.patients.search.page(person, "bela")) == 4
    assert len(services.worklist.page(person, WorklistQuery(text="bela")).rows) == 4
    assert len(services.worklist.page(person, WorklistQuery(text="bela 3")).rows) == 1
