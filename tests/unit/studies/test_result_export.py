from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from lungwise.access import Role
from lungwise.errors import NotFound
from lungwise.patients.service import PatientFacts
from lungwise.studies.reference_tests import EnteredResult, Outcome, Reason, ReferenceTest
from lungwise.studies.result_export import ResultExport
from lungwise.studies.result_table import read_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services

PCR = EnteredResult(kind=ReferenceTest.PCR, result=Outcome.POSITIVE, tested_on=date(2026, 3, 1), reason=Reason.SYMPTOMS)


def test_what_is_written_is_read_again_and_holds_no_formula(services: Services, film: Callable[..., bytes]) -> None:
    ada, zoe = services.person(), services.person("Zoe", "Valley")
    study = services.studies.open(ada, PatientFacts(identifier='=HYPERLINK("x")'), [("a", film(1))])
    other = services.studies.open(zoe, PatientFacts(identifier="V-1"), [("a", film(2))])
    services.reference_results.add(ada, study.key, PCR)
    services.reference_results.add(zoe, other.key, PCR)
    text = ResultExport(services.session).table(ada)
    (row,) = read_table(text.encode())
    assert (row.study, row.entered) == (study.key, PCR)
    assert "'=HYPERLINK" in text and "V-1" not in text
    with pytest.raises(NotFound):
        ResultExport(services.session).table(services.person("Hana", role=Role.HEALTH_WORKER))
