from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungwise.patients.identity import IdentityRules, PatientFacts, contradictions, full_identity, is_same_name
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
