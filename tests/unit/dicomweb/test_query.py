from __future__ import annotations

import pytest

from lungwise.dicomweb.query import LARGEST_LIMIT, MOST_PARAMETERS, parse
from lungwise.errors import Rejected


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
