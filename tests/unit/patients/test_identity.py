from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungwise.patients.identity import (
    IdentityRules,
    PatientFacts,
    contradictions,
    differences,
    full_identity,
    is_same_name,
)
from lungwise.settings import Settings

RULES = IdentityRules.of(["Hill", "HILL HOSPITAL"], Settings().nobody_list)
ADA = PatientFacts(identifier="P-1", name="Lovelace Ada", sex="F", birth_date=date(1980, 5, 1))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Lovelace Ada", "LOVELACE ADA"),
        ("Lovelace Ada", "Ada Lovelace"),
        ("Lovelace Ada", "Ada Mary Lovelace"),
        ("Lovelace Ada", "Lovelace, A."),
        ("Lovelace Ada", "Lovelace"),
        ("Müller Jörg", "Muller Jorg"),
        ("Müller Jörg", "Mueller Joerg"),
        ("Müller Jörg", "MÜLLER JÖRG"),
        ("Groß Uwe", "Gross Uwe"),
        ("Sørensen Åse", "Sorensen Ase"),
        ("O'Brien Anne-Marie", "Obrien Annemarie"),
        ("García Márquez Gabriel", "Garcia Marquez Gabriel José"),
        ("ﾔﾏﾀﾞ ﾀﾛｳ", "やまだ たろう"),
        ("山田 太郎", "山田太郎"),
        ("सुनीता शर्मा", "शर्मा सुनीता"),
        ("Иванов Алёша", "ИВАНОВ Алеша"),
    ],
)
def test_small_differences_of_writing_are_no_contradiction(one: str, other: str) -> None:
    assert is_same_name([one], [other]) and is_same_name([other], [one])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Lovelace Ada", "Byron Ada"),
        ("Lovelace Ada", "Lovelace Anna"),
        ("Smith John Paul", "Smith John Peter"),
        ("Smith J", "Smith Kate"),
        ("Sharma Amit", "Sharma Sunita"),
        ("शर्मा अमित", "शर्मा सुनीता"),
        ("山田 太郎", "山田 花子"),
        ("Yamada Tarou", "山田 太郎"),
        ("王 小", "王 小明"),
    ],
)
def test_other_names_contradict(one: str, other: str) -> None:
    assert not is_same_name([one], [other])


def test_a_name_in_two_scripts_agrees_in_every_one_that_both_have() -> None:
    assert is_same_name(["Yamada Tarou", "山田 太郎"], ["山田 太郎"])
    assert not is_same_name(["Yamada Tarou", "山田 太郎"], ["Yamada Tarou", "山田 多朗"])


def test_what_is_absent_contradicts_nothing() -> None:
    assert contradictions(ADA, PatientFacts(identifier="P-1")) == []
    assert contradictions(
        ADA, PatientFacts(identifier="P-1", name="Two Bob", sex="M", birth_date=date(1950, 1, 1))
    ) == ["name", "birth date", "sex"]


@pytest.mark.parametrize(
    "nobody", ["0", "000", "1", "unknown", "ANONYMOUS", "Anon.", "n/a", "-", "???", "No ID", "null"]
)
def test_what_stands_in_for_an_identifier_in_a_header_identifies_nobody(nobody: str) -> None:
    assert RULES.stated(PatientFacts(identifier=nobody, name="Lovelace Ada")).identifier == ""
    assert RULES.stated(PatientFacts(identifier="P-1", name=nobody)).name == ""


@pytest.mark.parametrize("somebody", ["10", "P-1", "0001", "K1", "१"])
def test_any_other_identifier_identifies(somebody: str) -> None:
    assert RULES.stated(PatientFacts(identifier=somebody)).identifier == somebody


def test_an_identifier_counts_within_its_issuer() -> None:
    of = {
        issuer: PatientFacts(identifier="P-1", name="Lovelace Ada", issuer=issuer)
        for issuer in ("Hill", "hill hospital", "Valley", "")
    }
    assert RULES.nearness(of["Hill"], of["hill hospital"]) > RULES.nearness(of["Hill"], of[""]) > 0
    assert RULES.nearness(of["Hill"], of["Valley"]) == 0
    assert RULES.nearness(of["Valley"], of[""]) > 0
    assert RULES.nearness(of["Valley"], PatientFacts(identifier="P-1", name="Two Bob")) == 0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2.16.840.1.113883.3.1.11", "2.16.840.1.113883.3.11.1"),
        ("urn:oid:2.16.840.1.113883.3.1.11", "urn:oid:2.16.840.1.113883.3.11.1"),
        ("1.2", "12"),
        ("HOSP&1.2.3&ISO", "HOSP&1.23&ISO"),
        ("https://records.example.org/a/bc", "https://records.example.org/ab/c"),
        ("https://records.example.org/a-b", "https://records.example.org/a_b"),
        ("urn:uuid:a-bc", "urn:uuid:ab-c"),
        ("st.mary.example.org", "st.maryexample.org"),
        ("Clinic 1.11", "Clinic 11.1"),
    ],
)
def test_issuers_that_differ_in_punctuation_alone_are_two_where_it_tells_them_apart(one: str, other: str) -> None:
    here, there = (PatientFacts(identifier="7", issuer=issuer) for issuer in (one, other))
    assert RULES.is_of_another_issuer(here, there) and RULES.nearness(here, there) == 0
    assert differences(here, there) == ["issuer"]
    own = IdentityRules.of([one], [])
    assert (own.is_own(here), own.is_own(there)) == (True, False)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("OpenMRS ID", "OpenMRS-ID"),
        ("Mt. St. Mary", "MT ST MARY"),
        ("St.Mary", "St Mary"),
        ("C.H.U.", "CHU"),
        ("C.H.U", "CHU"),
        ("URN:OID:1.2.3", " urn:oid:1.2.3 "),
        ("1.2. 3", "1.2.3"),
        ("https://Records.example.org/mrn/", "https://records.example.org/mrn"),
    ],
)
def test_case_and_blanks_and_the_punctuation_of_a_free_name_make_no_other_issuer(one: str, other: str) -> None:
    here, there = (PatientFacts(identifier="7", issuer=issuer) for issuer in (one, other))
    assert RULES.nearness(here, there) == 9 and differences(here, there) == []
    assert IdentityRules.of([one], []).is_own(there)


def test_an_identifier_of_other_punctuation_is_shown_as_another() -> None:
    assert differences(PatientFacts(identifier="1.11"), PatientFacts(identifier="11.1")) == ["identifier"]
    assert differences(PatientFacts(identifier="p 1"), PatientFacts(identifier="P1")) == []


def test_the_same_identity_is_written_the_same() -> None:
    other = PatientFacts(identifier="P-1", name="ADA LOVELACE", sex="F", birth_date=date(1980, 5, 1))
    assert (
        full_identity(ADA, "")
        == full_identity(other, "")
        != full_identity(PatientFacts(identifier="P-1", name="Two Bob"), "")
    )


@given(st.text(max_size=30), st.text(max_size=30))
def test_names_compare_both_ways_and_with_themselves(one: str, other: str) -> None:
    assert is_same_name([one], [other]) == is_same_name([other], [one])
    assert not contradictions(PatientFacts(name=one), PatientFacts(name=one)) or not any(map(str.isalnum, one))
