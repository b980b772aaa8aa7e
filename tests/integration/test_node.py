"""The node as a process, with real peers."""

from __future__ import annotations

import io
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    RLELossless,
    SecondaryCaptureImageStorage,
    generate_uid,
)
from pynetdicom import AE
from sqlalchemy import select

from dicom_files import compressed_file, dicom_bytes, dicom_file, film_dataset, jpeg_2000
from dicom_peers import CR, DX, NodeProcess, RawPeer, make_certificate, part, running_node, status, store_command
from lungwise.films.dicom.pixel_data import TRANSFER_SYNTAXES
from lungwise.settings import Settings
from lungwise.store import Database, FilmStore, check_keys
from lungwise.store.migrations import upgrade
from lungwise.studies.models import FilmRecord, Study
from synthetic_films import chest_bytes, chest_words

if TYPE_CHECKING:
    from conftest import Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise

BYTES = chest_bytes()
ENCODERS = {
    "50": ("dcmcjpeg", "+eb"),
    "51": ("dcmcjpeg", "+ee"),
    "53": ("dcmcjpeg", "+es"),
    "55": ("dcmcjpeg", "+ep"),
    "57": ("dcmcjpeg", "+el"),
    "70": ("dcmcjpeg", "+e1"),
    "80": ("dcmcjpls", "+el"),
    "81": ("dcmcjpls", "+en"),
}
"""The compressed transfer syntaxes that dcmtk writes, by the end of their UID."""


def named(**more: Any) -> dict[str, Any]:
    """Identify a film of its own."""
    return {
        "SOPClassUID": DX,
        "SOPInstanceUID": generate_uid(),
        "StudyInstanceUID": generate_uid(),
        "SeriesInstanceUID": generate_uid(),
        "PatientID": "P1",
        **more,
    }


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """The node over SQLite, for all tests of this module."""
    settings = Settings(data_folder=tmp_path_factory.mktemp("node"))
    database = Database(settings)
    upgrade(database.engine)
    check_keys(database)
    database.close()
    with running_node(settings) as running:
        yield running


def kept(node: NodeProcess, instance: str) -> bytes:
    """Give the file that the node keeps of an instance."""
    with node.database.reading() as session:
        film = session.scalars(select(FilmRecord).where(FilmRecord.instance_uid == instance)).one()
        return FilmStore(node.settings).get(film.study.key, film.sha256)


def in_syntax(syntax: str, folder: Path, **facts: Any) -> Path:
    """Write the drawn film in a transfer syntax."""
    plain, file = folder / "plain.dcm", folder / "film.dcm"
    if syntax == RLELossless:
        film = film_dataset(BYTES, **facts)
        dicom_bytes(film)
        film.compress(RLELossless, generate_instance_uid=False)
        file.write_bytes(dicom_bytes(film, RLELossless))
    elif encoder := ENCODERS.get(syntax.removeprefix("1.2.840.10008.1.2.4.")):
        plain.write_bytes(dicom_file(BYTES, **facts))
        subprocess.run([*encoder, plain, file], check=True, timeout=240)
        whole = dcmread(file)
        whole.SOPInstanceUID = whole.file_meta.MediaStorageSOPInstanceUID = facts["SOPInstanceUID"]
        whole.save_as(file)
    elif syntax.startswith("1.2.840.10008.1.2.4."):
        file.write_bytes(compressed_file(jpeg_2000(BYTES), BYTES, syntax, **facts))
    else:
        file.write_bytes(dicom_file(chest_words(), syntax, **facts))
    return file


@pytest.mark.parametrize("syntax", sorted(TRANSFER_SYNTAXES))
def test_a_film_comes_in_every_transfer_syntax_that_is_read(node: NodeProcess, syntax: str, tmp_path: Path) -> None:
    facts = named()
    file = in_syntax(syntax, tmp_path, **facts)
    if syntax >= HTJ2KLossless:  # dcmtk does not know these yet
        assert sent_by_pynetdicom(node.port, dcmread(file)) == 0
    else:
        sent = node.run("storescu", "-xf", profile_of(syntax, tmp_path), "Film", file)
        assert sent.returncode == 0, sent.stderr
    stored, sent_film = dcmread(io.BytesIO(kept(node, facts["SOPInstanceUID"]))), dcmread(file)
    assert stored.file_meta.TransferSyntaxUID == sent_film.file_meta.TransferSyntaxUID == syntax
    assert stored.PixelData == sent_film.PixelData


def profile_of(syntax: str, folder: Path) -> Path:
    """Write a profile for storescu that proposes this transfer syntax alone: it has no option for some."""
    file = folder / "storescu.cfg"
    file.write_text(
        f"[[TransferSyntaxes]]\n[Own]\nTransferSyntax1 = {syntax}\n"
        f"[[PresentationContexts]]\n[Film]\nPresentationContext1 = {DX}\\Own\n"
        "[[Profiles]]\n[Film]\nPresentationContexts = Film\n"
    )
    return file


def sent_by_pynetdicom(port: int, film: Dataset, **options: Any) -> int:
    entity = AE("CR1")
    entity.add_requested_context(film.SOPClassUID, film.file_meta.TransferSyntaxUID)
    association = entity.associate("127.0.0.1", port, ae_title="LUNGWISE", **options)
    assert association.is_established
    answer = association.send_c_store(film)
    association.release()
    return int(answer.Status)


def test_an_echo_is_answered_and_another_name_is_rejected(node: NodeProcess) -> None:
    assert node.run("echoscu").returncode == 0
    wrong = subprocess.run(
        ["echoscu", "-aec", "OTHER", "127.0.0.1", str(node.port)], capture_output=True, text=True, timeout=240
    )
    assert "Called AE Title Not Recognized" in wrong.stderr


def test_several_send_at_once_and_again_and_each_film_is_kept_and_read_once(node: NodeProcess, tmp_path: Path) -> None:
    study, instances = generate_uid(), [generate_uid() for _ in range(12)]
    for number, instance in enumerate(instances):
        facts = named(StudyInstanceUID=study, SOPInstanceUID=instance, SOPClassUID=CR)
        (tmp_path / f"{number}.dcm").write_bytes(dicom_file(chest_bytes(seed=number), **facts))
    files = sorted(tmp_path.glob("*.dcm"))
    with ThreadPoolExecutor(4) as senders:
        runs = list(senders.map(lambda _n: node.run("storescu", *files), range(4)))
    assert [run.stderr for run in runs if run.returncode] == []
    node.until_read()
    with node.database.reading() as session:
        found = session.scalars(select(Study).where(Study.study_uid == study)).one()
        assert sorted(str(film.instance_uid) for film in found.films) == sorted(instances)
        assert all(len(film.readings) == 1 for film in found.films)


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"Modality": "US"}, "not-a-radiograph"),
        ({"SOPClassUID": SecondaryCaptureImageStorage, "Rows": 2}, "too-small"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7.2", "NumberOfFrames": 2}, "several-frames"),
    ],
)
def test_what_is_no_chest_film_is_kept_and_says_why_it_is_not_read(
    node: NodeProcess, facts: dict[str, Any], code: str, tmp_path: Path
) -> None:
    who = named(**facts)
    (tmp_path / "odd.dcm").write_bytes(dicom_file(BYTES, **who))
    sent = node.run("dcmsend", tmp_path / "odd.dcm")
    assert sent.returncode == 0, sent.stderr
    node.until_read()
    with node.database.reading() as session:
        film = session.scalars(select(FilmRecord).where(FilmRecord.instance_uid == who["SOPInstanceUID"])).one()
        assert film.reading is not None
        assert film.reading.refusal_code == code
        assert film.study.status == "refused"


def test_another_kind_of_object_is_not_taken(node: NodeProcess, tmp_path: Path) -> None:
    (tmp_path / "ct.dcm").write_bytes(dicom_file(BYTES, **named(SOPClassUID="1.2.840.10008.5.1.4.1.1.2")))
    sent = node.run("storescu", tmp_path / "ct.dcm")
    assert sent.returncode != 0
    assert "No presentation context for: (CT)" in sent.stderr


def test_the_bytes_are_kept_as_they_came(node: NodeProcess) -> None:
    facts = named()
    film = film_dataset(BYTES, **facts)
    film.add_new(0x00091001, "UN", b"\x01\x02odd")
    data = dicom_bytes(film, bare=True)
    with RawPeer(node.port) as peer:
        assert peer.associate()[0] == 2
        peer.socket.sendall(part(3, store_command(facts["SOPInstanceUID"])))
        for start in range(0, len(data), 10_000):
            peer.socket.sendall(part(2 if start + 10_000 >= len(data) else 0, data[start : start + 10_000]))
        assert status(peer.answer()) == 0
    stored = kept(node, facts["SOPInstanceUID"])
    assert stored.endswith(data)
    meta = dcmread(io.BytesIO(stored)).file_meta
    assert meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert meta.MediaStorageSOPInstanceUID == facts["SOPInstanceUID"]


def test_an_object_that_is_not_what_was_announced_is_rejected(node: NodeProcess) -> None:
    data = dicom_bytes(film_dataset(BYTES, **named()), bare=True)
    for instance, content, expected in (("1.2.3", data, 0xA900), ("1.2.3", b"no DICOM at all!", 0xC000)):
        with RawPeer(node.port) as peer:
            peer.associate()
            peer.socket.sendall(part(3, store_command(instance)) + part(2, content))
            assert status(peer.answer()) == expected


def test_a_store_that_is_away_is_said_and_the_film_may_come_again(
    settings: Settings, migrate: Callable[[Settings], None], tmp_path: Path
) -> None:
    migrate(settings)
    facts = named()
    (tmp_path / "film.dcm").write_bytes(dicom_file(BYTES, **facts))
    with running_node(settings) as node:
        films = settings.films_folder
        films.rename(tmp_path / "away")
        films.write_text("where the films were mounted")
        refused = node.run("storescu", "-v", tmp_path / "film.dcm")
        assert "Received Store Response (Refused: OutOfResources)" in refused.stderr + refused.stdout
        films.unlink()
        (tmp_path / "away").rename(films)
        assert node.run("storescu", tmp_path / "film.dcm").returncode == 0
        assert dcmread(io.BytesIO(kept(node, facts["SOPInstanceUID"]))).PatientID == "P1"


def test_only_the_named_callers_send(settings: Settings, migrate: Callable[[Settings], None], tmp_path: Path) -> None:
    migrate(settings)
    (tmp_path / "film.dcm").write_bytes(dicom_file(BYTES, **named()))
    with running_node(settings, LUNGWISE_NODE_CALLERS="CR1, CR2") as node:
        for caller, code in (("CR1", 0), ("CR2", 0)):
            assert node.run("dcmsend", "-aet", caller, tmp_path / "film.dcm").returncode == code
        stranger = node.run("storescu", "-aet", "CR3", tmp_path / "film.dcm")
        assert "Calling AE Title Not Recognized" in stranger.stderr
        node.process.send_signal(signal.SIGTERM)
        said, _ = node.process.communicate(timeout=240)
        assert "The node has stopped." in said
        assert node.process.returncode == 0


def test_tls_lets_in_who_shows_a_certificate_and_nobody_else(
    settings: Settings, migrate: Callable[[Settings], None], tmp_path: Path
) -> None:
    migrate(settings)
    for name in ("node", "cr1", "stranger"):
        make_certificate(tmp_path, name)
    more = {
        "LUNGWISE_NODE_TLS_CERTIFICATE": str(tmp_path / "node.pem"),
        "LUNGWISE_NODE_TLS_KEY": str(tmp_path / "node.key"),
        "LUNGWISE_NODE_TLS_CLIENT_CA": str(tmp_path / "cr1.pem"),
    }
    with running_node(settings, **more) as node, RawPeer(node.port):  # one that never shakes hands holds nobody up

        def said(name: str, tool: str, *films: Path) -> int:
            own = (tmp_path / f"{name}.key", tmp_path / f"{name}.pem")
            return node.run(tool, "+tls", *own, "+cf", tmp_path / "node.pem", *films).returncode

        facts = named()
        (tmp_path / "film.dcm").write_bytes(dicom_file(BYTES, **facts))
        assert said("cr1", "echoscu") == 0
        assert said("stranger", "echoscu") != 0
        assert said("stranger", "storescu", tmp_path / "film.dcm") != 0
        assert node.run("echoscu").returncode != 0
        assert said("cr1", "storescu", tmp_path / "film.dcm") == 0
        assert kept(node, facts["SOPInstanceUID"])


def test_a_film_from_the_network_is_on_the_worklist_with_the_nodes_name(
    node: NodeProcess,
    settings: Settings,
    app: Lungwise,
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
    tmp_path: Path,
) -> None:
    enrol(app, "Ada")
    with running_node(settings) as own:
        for number, part in enumerate(("DX", "US")):
            facts = named(PatientID=f"P{number}", PatientName="Curie^Marie", Modality=part)
            (tmp_path / part).write_bytes(dicom_file(BYTES, **facts))
            assert own.run("dcmsend", tmp_path / part).returncode == 0
        own.until_read()
    ada = visit(app)
    ada.sign_in("ada@example.org")
    assert "Curie Marie" in ada.get("/studies").text
    with app.database.reading() as session:
        keys = list(session.scalars(select(Study.key).order_by(Study.id)))
    chest, other = (ada.get(f"/studies/{key}").text for key in keys)
    refused = "not an X-ray film: its modality is US"
    assert "LUNGWISE" in chest and refused not in chest
    assert refused in other


def test_the_tools_of_these_tests_are_there() -> None:
    assert all(map(shutil.which, ("storescu", "dcmsend", "echoscu", "dcmcjpeg", "dcmcjpls", "openssl")))
