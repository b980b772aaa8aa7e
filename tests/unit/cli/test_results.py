from __future__ import annotations

from pathlib import Path

from commands import ADA, Run
from lungwise.cli.bootstrap import open_services
from lungwise.patients.service import PatientFacts
from lungwise.store import new_key, utc_now
from lungwise.studies.models import Study, StudyStatus

HEAD = "study,test,result,date,reason\n"


def add_study() -> str:
    """Give Ada's clinic a study, without a film."""
    with open_services(writes=True) as services:
        person = services.account("ada@example.org").person
        patient = services.patients.match_or_add(person, PatientFacts(identifier="H-1")).patient
        study = Study(
            key=new_key(),
            clinic_id=person.clinic_id,
            patient_id=patient.id,
            created_at=utc_now(),
            unread=True,
            status=StudyStatus.NEGATIVE,
            probability=0.1,
        )
        services.session.add(study)
        services.session.flush()
        return study.key


def test_a_table_of_results_is_shown_and_then_kept(run: type[Run], tmp_path: Path) -> None:
    run("db", "upgrade").ok()
    run(*ADA).ok()
    key, today = add_study(), utc_now().date()
    table = tmp_path / "results.csv"
    table.write_text(f"{HEAD}{key},PCR,positive,{today},contact\nunknown,PCR,negative,{today},\n")
    shown = run("results", str(table), "--by", "ada@example.org").ok()
    assert f"line 2: study {key}, pcr, positive" in shown
    assert "line 3: No study of your clinic" in shown and "Nothing is kept yet" in shown
    assert "Nothing was kept" in run("results", str(table), "--by", "ada@example.org", "--keep").no()
    assert "1 kept." in run("results", str(table), "--by", "ada@example.org", "--keep", "--only-good").ok()
    assert "already" in run("results", str(table), "--by", "ada@example.org").ok()
    table.write_bytes(b"\x00")
    run("results", str(table), "--by", "ada@example.org").no()
    assert "no account" in run("results", str(table), "--by", "eve@example.org").no()
