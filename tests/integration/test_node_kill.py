"""A node killed while films come in: what was acknowledged is there afterwards, and is read."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydicom.uid import generate_uid
from sqlalchemy import select

from dicom_files import dicom_bytes, film_dataset
from dicom_peers import running_node, until
from lungwise.audit.service import AuditTrail
from lungwise.settings import Settings
from lungwise.store import FilmStore, utc_now
from lungwise.store.backup import check_films
from lungwise.studies.models import FilmRecord, Study

SENDS, SENDERS, KILLED_AFTER = 300, 4, 100


def write_films(folder: Path) -> None:
    """Write three hundred films of 64 x 64 pixels in sixty studies, each named by its SOP Instance UID."""
    luck = np.random.default_rng(0)
    folder.mkdir()
    for number in range(SENDS):
        instance, visit = generate_uid(), number // 5
        facts = {"SOPInstanceUID": instance, "StudyInstanceUID": f"1.2.3.{visit + 1}", "PatientID": f"P{visit}"}
        film = film_dataset(luck.integers(0, 255, (64, 64), np.uint8), **facts)
        (folder / instance).write_bytes(dicom_bytes(film))


def acknowledged(said: list[Path]) -> list[str]:
    """Read from what storescu says which films were answered with success."""
    found = []
    for text in (file.read_text() for file in said):
        # "Sending file: PATH", and before the next one "Received Store Response (Success)"
        parts = text.split("Sending file: ")[1:]
        found += [Path(part.split()[0]).name for part in parts if re.search(r"Store Response \(Success\)", part)]
    return found


def test_a_kill_during_three_hundred_sends_loses_nothing_acknowledged(
    either: Settings, migrate: Callable[[Settings], None], tmp_path: Path
) -> None:
    migrate(either)
    write_films(tmp_path / "films")
    films = sorted((tmp_path / "films").iterdir())
    said = [tmp_path / f"sender-{n}" for n in range(SENDERS)]
    with running_node(either) as node:
        command = ["storescu", "-v", "-aec", "LUNGWISE", "127.0.0.1", str(node.port)]
        senders = []
        for n, file in enumerate(said):
            with file.open("w") as out:
                senders.append(subprocess.Popen([*command, *films[n::SENDERS]], stdout=out, stderr=out))
        until(lambda: len(acknowledged(said)) >= KILLED_AFTER)
        node.process.send_signal(signal.SIGKILL)
        for sender in senders:
            sender.wait(240)
    known = acknowledged(said)
    assert KILLED_AFTER <= len(known) < SENDS

    with running_node(either) as node:
        node.until_read()
        with node.database.reading() as session:
            kept = list(session.scalars(select(FilmRecord.instance_uid)))
            assert set(known) <= set(kept)
            assert len(kept) == len(set(kept))
            found = check_films(node.database, FilmStore(either))
            assert (found.missing, found.damaged, found.films) == ([], [], len(kept))
            assert all(len(film.readings) == 1 for film in session.scalars(select(FilmRecord)))
            assert all(study.status != "waiting" for study in session.scalars(select(Study)))
            assert AuditTrail(session, utc_now).verify() is None
