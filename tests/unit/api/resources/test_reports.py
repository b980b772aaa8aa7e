from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_report_comes_in_three_forms(program: Any, film: Callable[..., bytes]) -> None:
    study = program.upload(film(1, 8), identifier="H-7")
    report = program.get(f"/studies/{study['key']}/report")
    assert (report["clinic"], report["verdict"]) == ("Hill", "Looks like COVID-19 pneumonia.")
    assert [one["film"] for one in report["films"]] == [one["key"] for one in study["films"]]
    assert program.ask("GET", f"/studies/{study['key']}/report.pdf").data.startswith(b"%PDF")
    assert program.get(f"/studies/{study['key']}/report.fhir")["resourceType"] == "Bundle"


def test_statistics_count_the_clinics_studies(program: Any, film: Callable[..., bytes]) -> None:
    program.upload(film(1, 8))
    numbers = program.get("/statistics")
    assert (numbers["studies"], numbers["standings"]["positive"], len(numbers["weeks"])) == (1, 1, 26)
    assert numbers["agreement"] == {"count": 0, "total": 0, "value": None, "lower": 0.0, "upper": 1.0}
