from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Clock


def test_a_clinics_weeks_come_in_three_forms(program: Any, film: Callable[..., bytes], clock: Clock) -> None:
    program.upload(film(1, 8))
    clock.forward(days=7)
    (week,) = program.get("/aggregates?weeks=1")["weeks"]
    assert (week["period"], week["films"], week["covid_positives"]) == ("2026W10", 1, 1)
    table = program.ask("GET", "/aggregates.csv?weeks=1")
    assert table.text.splitlines()[1].startswith("2026W10,2026-03-02,1,0,1")
    missing = program.ask("GET", "/aggregates.dhis2")
    assert missing.status_code == 422
    assert "dhis2_data_elements" in missing.text
    for wrong in ("0", "105", "x", "-1"):
        assert program.ask("GET", f"/aggregates?weeks={wrong}").status_code == 422
