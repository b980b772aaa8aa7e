from __future__ import annotations

from datetime import date

import pytest

from lungwise.dicomweb.query import LARGEST_LIMIT, MOST_PARAMETERS, _is_named, narrowed, parse
from lungwise.errors import Rejected
from lungwise.studies.archive import ArchiveSearch


def test_attributes_are_named_by_keyword_or_tag() -> None:
    query = parse([("PatientID", "7"), ("00100010", "Lovelace*"), ("includefield", "all,StudyDate")])
    assert query.match == {"00100020": "7", "00100010": "Lovelace*"}
    assert query.everything and query.include == ["00080020"]


def test_a_limit_is_not_exceeded() -> None:
    assert (parse([("limit", "7"), ("offset", "3")]).limit, parse([("limit", "99999")]).limit) == (7, LARGEST_LIMIT)


@pytest.mark.parametrize(
    "parameters",
    [
        [("Nonsense", "1")],
        [("limit", "-1")],
        [("offset", "x")],
        [("fuzzymatching", "maybe")],
        [("PatientName", "?" * 17)],
        [("StudyInstanceUID", "1," * 3000)],
        [("PatientID", "1")] * (MOST_PARAMETERS + 1),
    ],
)
def test_what_is_not_a_search_is_rejected(parameters: list[tuple[str, str]]) -> None:
    with pytest.raises(Rejected):
        parse(parameters)


@pytest.mark.parametrize(
    ("text", "is_meant"),
    [
        ("SMI*", True),
        ("S?ITH*", True),
        ("smith^jo*", True),
        ("Smith", True),  # the other components are not asked for
        ("Smith^^Paul", True),
        ("*john*", True),
        ("Smith^John^Paul^^Sr", False),
        ("Smit", False),
        ("John", False),
        ("S??TH^P*", False),
    ],
)
def test_a_name_is_matched_as_a_whole_or_by_its_components(text: str, is_meant: bool) -> None:
    assert _is_named("Smith^John^Paul^^", text) == is_meant


def test_what_indexes_can_answer_is_asked_of_them() -> None:
    search = narrowed({"00100010": "S?ITH*^JO*", "00100020": "H-1*", "00080050": "A-1", "00080020": "20260301-"})
    assert (search.words, search.patient_id, search.accession) == ("S JO H-1", "", "A-1")
    assert search.days == (date(2026, 3, 1), None)
    assert narrowed({"00100010": "*smith", "00080050": "A*", "00080020": "-", "0020000D": "1.2,1.3"}) == ArchiveSearch(
        studies=frozenset({"1.2", "1.3"})
    )
