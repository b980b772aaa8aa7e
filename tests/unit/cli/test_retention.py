from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from click.testing import CliRunner

from lungwise.cli import main
from lungwise.clinics.service import Clinic
from lungwise.patients.service import PatientFacts
from lungwise.studies.models import FilmRecord, ReadingRecord, Study

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from conftest import Services


DAYBREAK = {
    "Pacific/Tongatapu": datetime(2023, 9, 14, 11, 30, tzinfo=UTC),
    "Pacific/Honolulu": datetime(2023, 9, 14, 9, 30, tzinfo=UTC),
}
"""Half an hour after the day has begun in Tonga, and before it begins in Honolulu."""


def run(*arguments: str, ends: int = 0) -> str:
    result = CliRunner().invoke(main, [*arguments])
    assert result.exit_code == ends, result.output
    return result.output


def test_old_studies_are_shown_archived_and_removed(
    services: Services, film: Callable[..., bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUNGWISE_DATA_FOLDER", str(services.settings.data_folder))
    monkeypatch.setenv("LUNGWISE_ARCHIVE_FOLDER", str(tmp_path / "old"))
    services.clock.forward(days=-900)
    study = services.studies.open(services.person(), PatientFacts(identifier="7"), [("a", film(1, 8))])
    key = study.key
    services.read_all()
    for table in (Study, FilmRecord, ReadingRecord):
        services.session.query(table).update({"created_at": services.clock()})
    services.session.commit()
    assert "keeps every study" in run("retention", "preview")
    services.session.query(Clinic).update({"retention": "archive", "retention_days": 365})
    services.session.commit()
    assert "Kept although they are old (no backup): 1" in run("retention", "preview")
    run("db", "backup", str(tmp_path / "backup.tar"))
    told = json.loads(run("retention", "preview", "--json"))
    assert (told["due"], told["mode"]) == ([key], "archive")
    for zone, day in (("Pacific/Tongatapu", "2023-09-15"), ("Pacific/Honolulu", "2023-09-13")):
        services.session.query(Clinic).update({"time_zone": zone})
        services.session.query(Study).update({"created_at": DAYBREAK[zone]})
        services.session.commit()
        assert f"Study {key} of {day}, films: 1" in run("retention", "preview")
    told = json.loads(run("retention", "preview", "--json"))
    assert "Look again" in run("retention", "remove", "0" * 20, ends=1)
    assert "1 studies are removed." in run("retention", "remove", told["agreement"])
    (archived,) = (tmp_path / "old").iterdir()
    run("retention", "open", str(archived), str(tmp_path / "study.zip"))
    assert (tmp_path / "study.zip").read_bytes().startswith(b"PK")
    assert json.loads(run("retention", "preview", "--json"))["due"] == []
