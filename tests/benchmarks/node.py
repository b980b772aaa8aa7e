"""Measure how many films a second the node takes, and in how much memory: `python tests/benchmarks/node.py`.

Real peers (dcmtk's storescu) send films of 8 MB over loopback; the node keeps each on disk and in the
database before it answers, and reads them with the shipped model meanwhile.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from pydicom.uid import generate_uid

from dicom_files import dicom_bytes, film_dataset
from lungwise.accounts.service import Accounts
from lungwise.audit.service import AuditTrail
from lungwise.jobs.queue import waiting_films
from lungwise.settings import Settings
from lungwise.store import Database, check_keys, utc_now
from lungwise.store.migrations import upgrade
from synthetic_films import chest_words

SIDE = 2048
"""2048 x 2048 films of 16 bits are 8 MB."""


@click.command()
@click.option("--films", default=200, show_default=True, help="Films to send, of 8 MB each.")
@click.option("--senders", default=2, show_default=True, help="Machines that send at once.")
@click.option("--readers", default=1, show_default=True, help="Films that the node reads meanwhile; 0 for none.")
def main(films: int, senders: int, readers: int) -> None:
    """Send films to a node of its own and say what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_folder=Path(folder) / "data")
        database = Database(settings)
        upgrade(database.engine)
        check_keys(database)
        with database.writing() as session:
            Accounts(session, utc_now, settings, AuditTrail(session, utc_now)).clinic("Bench")
        shares = _write_films(Path(folder) / "films", films, senders)
        node, port = _node(settings, readers)
        try:
            _measure(node, port, shares, films)
            with database.reading() as session:
                click.echo(f"{waiting_films(session).films} films wait to be read.")
        finally:
            node.terminate()
            node.wait(60)
            database.close()


def _write_films(folder: Path, films: int, senders: int) -> list[list[Path]]:
    """Write the films that each machine sends, every one with pixels and UIDs of its own."""
    words = chest_words(SIDE, SIDE)
    folder.mkdir()
    paths = []
    for number in range(films):
        words[0, 0] = number
        study = generate_uid()
        film = film_dataset(words, SOPInstanceUID=generate_uid(), StudyInstanceUID=study, PatientID=f"P{number}")
        paths.append(folder / f"{number}.dcm")
        paths[-1].write_bytes(dicom_bytes(film))
    return [paths[n::senders] for n in range(senders)]


def _node(settings: Settings, readers: int) -> tuple[subprocess.Popen[str], int]:
    environment = os.environ | {
        "LUNGWISE_DATA_FOLDER": str(settings.data_folder),
        "LUNGWISE_NODE_PORT": "0",
        "LUNGWISE_READERS": str(readers),
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, "-m", "lungwise", "node"]
    node = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert node.stdout is not None
    return node, int(node.stdout.readline().rsplit(":", 1)[1])


def _measure(node: subprocess.Popen[str], port: int, shares: list[list[Path]], films: int) -> None:
    process, seen = psutil.Process(node.pid), []
    before, began = sum(process.cpu_times()[:2]), time.perf_counter()
    command = ["storescu", "-pdu", "131072", "-aec", "LUNGWISE", "127.0.0.1", str(port)]
    senders = [subprocess.Popen([*command, *share]) for share in shares if share]
    while any(sender.poll() is None for sender in senders):
        seen.append(process.memory_info().rss >> 20)
        time.sleep(0.05)
    took, used = time.perf_counter() - began, process.cpu_times()
    if any(sender.returncode for sender in senders):
        raise click.ClickException("A sender failed.")
    quarter = max(len(seen) // 4, 1)
    click.echo(f"{films / took:.1f} films of 8 MB a second ({films} films from {len(senders)} senders, {took:.1f} s).")
    click.echo(f"The node's processor time: {(used.user + used.system - before) / films * 1000:.0f} ms a film.")
    click.echo(
        f"Memory of the node, most: {max(seen[:quarter])} MB in the first quarter, {max(seen)} MB in all, "
        f"{max(seen[-quarter:])} MB in the last quarter."
    )


if __name__ == "__main__":
    main()
