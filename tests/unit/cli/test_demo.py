from __future__ import annotations

from pathlib import Path

from sqlalchemy import create_engine, text

from commands import Run


def test_in_a_demonstration_a_patient_comes_again_as_the_same(run: type[Run], tmp_path: Path) -> None:
    run("demo", "--studies", "9").ok()
    engine = create_engine(f"sqlite:///{tmp_path}/data/lungwise.sqlite")
    with engine.begin() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM patients")).scalar() == 8
    engine.dispose()
