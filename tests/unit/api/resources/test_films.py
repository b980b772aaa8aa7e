from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lungwise.audit.models import AuditEntry

if TYPE_CHECKING:
    from collections.abc import Callable

    from lungwise.web_app import Lungwise


def test_a_film_has_a_reading_a_heat_map_and_its_file(program: Any, film: Callable[..., bytes]) -> None:
    key = program.upload(film(1, 8))["films"][0]["key"]
    assert program.get(f"/films/{key}")["reading"]["verdict"] == "positive"
    assert program.get(f"/films/{key}/heat")["side"] == 17
    assert program.ask("GET", f"/films/{key}/heat.png").mimetype == "image/png"
    assert program.ask("GET", f"/films/{key}/original").data == film(1, 8)


def test_a_refused_film_has_no_heat_map(program: Any, blank: bytes) -> None:
    key = program.upload(blank)["films"][0]["key"]
    assert program.get(f"/films/{key}")["reading"]["refusal"]["reason"]
    assert program.ask("GET", f"/films/{key}/heat").status_code == 404


def test_a_heat_map_that_is_looked_at_alone_is_in_the_trail(
    app: Lungwise, program: Any, film: Callable[..., bytes]
) -> None:
    key = program.upload(film(1, 8))["films"][0]["key"]
    with app.database.writing() as session:
        session.query(AuditEntry).filter_by(action="saw").delete()  # the upload's answer shows the study
    for heat in ("heat", "heat.png"):
        program.ask("GET", f"/films/{key}/{heat}")
    with app.database.reading() as session:
        entries = session.query(AuditEntry).filter_by(action="saw")
        assert [(entry.subject, entry.subject_key) for entry in entries] == [("film", key)]
