from __future__ import annotations

from datetime import timedelta
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
    command = ("results", str(table), "--by", "ada@example.org")
    first = run(*command)
    shown = first.output
    assert first.result.exit_code == 3
    assert f"line 2: study {key}, pcr, positive" in shown
    assert "line 3: No study of your clinic" in shown and "Nothing is kept yet: give --keep and --only-good" in shown
    refused = run(*command, "--keep").no()
    assert "Nothing was kept" in refused and "--only-good" in refused and "1 of 2 rows cannot be kept." in refused
    kept = run(*command, "--keep", "--only-good")
    assert kept.result.exit_code == 3 and "1 kept.\n1 of 2 rows" in kept.output
    none = run(*command)
    assert none.result.exit_code == 3 and "already" in none.output
    assert "0 kept.\n2 of 2 rows" in none.output and "--keep" not in none.output
    table.write_text(f"{HEAD}{key},PCR,positive,{today - timedelta(days=1)},contact\n")
    assert "Nothing is kept yet: give --keep.\n" in run(*command).ok()
    table.write_bytes(b"\x00")
    run(*command).no()
    assert "no account" in run("results", str(table), "--by", "eve@example.org").no()
