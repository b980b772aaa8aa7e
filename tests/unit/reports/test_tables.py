from __future__ import annotations

import csv
import io
from datetime import date
from typing import TYPE_CHECKING

from lungwise.patients.service import PatientFacts
from lungwise.reports.tables import worklist_csv
from lungwise.studies.worklist import WorklistQuery

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services


def test_a_row_is_a_study_and_no_name_a_formula(services: Services, film: Callable[..., bytes]) -> None:
    person = services.person()
    facts = PatientFacts(identifier="7", name="=1+1", sex="F", birth_date=date(1970, 3, 25))
    key = services.studies.open(person, facts, [("a", film(1, 8))]).key
    services.read_all()
    (row,) = csv.DictReader(io.StringIO(worklist_csv(services.worklist.all(person, WorklistQuery()))))
    assert (row["study"], row["name"], row["birth date"]) == (key, "'=1+1", "1970-03-25")
    assert (row["verdict"], row["conclusion"]) == ("positive", "")
    assert 0 < float(row["probability"]) <= 1
