"""Hostile peers: whatever they send, the node cuts them off, stays up and stays small."""

from __future__ import annotations

import random
import re
import socket
import struct
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from dicom_files import dicom_bytes, film_dataset
from dicom_peers import (
    CT,
    DX,
    NodeProcess,
    RawPeer,
    association_request,
    part,
    pdu,
    running_node,
    status,
    store_command,
)
from lungwise.settings import Settings
from lungwise.store import Database, check_keys
from lungwise.store.migrations import upgrade
from processes import until
from synthetic_films import chest_bytes

IDLE, MEGABYTES = 2, 4
ROOM = 200 << 20
"""Bytes that the node may grow by: far less than each of the attacks asks for."""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """The node with tight bounds, for all tests of this module."""
    settings = Settings(data_folder=tmp_path_factory.mktemp("node"))
    database = Database(settings)
    upgrade(database.engine)
    check_keys(database)
    database.close()
    bounds = {"LUNGWISE_NODE_IDLE_SECONDS": str(IDLE), "LUNGWISE_NODE_MEGABYTES": str(MEGABYTES)}
    with running_node(settings, **bounds, LUNGWISE_NODE_ASSOCIATIONS="4", LUNGWISE_NODE_WAIT_SECONDS="0") as running:
        yield running


@pytest.fixture(autouse=True)
def _up_and_small(node: NodeProcess) -> Iterator[None]:
    """After each attack the node answers, accepts a film and has not grown."""
    before = psutil.Process(node.process.pid).memory_info().rss
    yield
    end = time.monotonic() + 240
    while (echo := node.run("echoscu")).returncode != 0:  # until the attack's associations are given up
        assert time.monotonic() < end, echo.stderr
    instance = f"2.25.{random.getrandbits(100)}"
    film = film_dataset(chest_bytes(), SOPInstanceUID=instance, StudyInstanceUID="1.2.3")
    film.StudyInstanceUID = instance + ".1"
    assert store(node, instance, dicom_bytes(film, bare=True)) == 0
    assert psutil.Process(node.process.pid).memory_info().rss < before + ROOM


def store(node: NodeProcess, instance: str, data: bytes) -> int:
    with associated(node) as peer:
        peer.socket.sendall(part(3, store_command(instance)) + part(2, data))
        return status(peer.answer())


@contextmanager
def associated(node: NodeProcess, *classes: str) -> Iterator[RawPeer]:
    """Associate, once the node has let go of those that came before."""
    end = time.monotonic() + 240
    while True:
        with RawPeer(node.port) as peer:
            answer = peer.associate(*classes)
            if answer[:1] == b"\x02":
                yield peer
                return
        assert time.monotonic() < end, answer
        time.sleep(0.1)


def test_a_pdu_that_claims_four_gigabytes_reserves_nothing(node: NodeProcess) -> None:
    for kind in (0x01, 0x04):
        with RawPeer(node.port) as peer:
            peer.socket.sendall(struct.pack(">BBI", kind, 0, 0xFFFFFFFF) + bytes(100))
            assert peer.is_closed()
    with associated(node) as peer:
        peer.socket.sendall(struct.pack(">BBI", 4, 0, 0xFFFFFFFF) + bytes(100))
        assert peer.is_closed()


@pytest.mark.parametrize("control", [0, 1], ids=["data", "command"])
def test_a_message_without_an_end_is_cut_off(node: NodeProcess, control: int) -> None:
    with associated(node) as peer:
        if control == 0:
            peer.socket.sendall(part(3, store_command("1.2.3")))
        sent = flood(peer.socket, part(control, bytes(100_000)), 400 << 20)
        assert sent < 400 << 20


def flood(connection: socket.socket, data: bytes, most: int) -> int:
    """Send the same again and again until the other side has enough, and say how many bytes went."""
    sent = 0
    try:
        while sent < most:
            connection.sendall(data)
            sent += len(data)
    except OSError:
        pass
    return sent


def test_who_does_not_wait_for_answers_is_cut_off(node: NodeProcess) -> None:
    film = dicom_bytes(film_dataset(chest_bytes(), StudyInstanceUID="1.2.3"), bare=True)
    with associated(node) as peer:
        assert flood(peer.socket, part(3, store_command("1.2.3")) + part(2, film), 400 << 20) < 400 << 20


@pytest.mark.parametrize("begin", [b"", b"\x01", struct.pack(">BBI", 1, 0, 200) + b"\0\1"])
def test_who_connects_and_says_next_to_nothing_is_let_go(node: NodeProcess, begin: bytes) -> None:
    with RawPeer(node.port) as peer:
        peer.socket.sendall(begin)
        assert peer.is_closed()


def test_who_drips_byte_after_byte_is_let_go(node: NodeProcess) -> None:
    with associated(node) as peer:
        drip = part(3, store_command("1.2.3"))
        closed = False
        for byte in drip * 40:
            try:
                peer.socket.sendall(bytes([byte]))
            except OSError:
                closed = True
                break
            time.sleep(0.1)
        assert closed


def test_who_falls_silent_within_an_association_is_let_go(node: NodeProcess) -> None:
    with associated(node) as peer:
        assert peer.is_closed()


def test_associations_of_silent_peers_hardly_wake_the_node(node: NodeProcess) -> None:
    with ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(associated(node))
        before = wake_ups(node)
        time.sleep(1)
        assert wake_ups(node) - before < 1000  # looking a thousand times a second, they would be some 8000


def wake_ups(node: NodeProcess) -> int:
    """How often the node's threads have slept."""
    slept = 0
    for file in Path(f"/proc/{node.process.pid}/task").glob("*/status"):
        with suppress(OSError):  # the thread has ended
            slept += int(re.findall(r"^voluntary_ctxt_switches:\s*(\d+)", file.read_text(), re.M)[0])
    return slept


def test_associations_leave_no_file_open_however_they_end(node: NodeProcess) -> None:
    process = psutil.Process(node.process.pid)
    before = process.num_fds()
    for _ in range(8):
        assert node.run("echoscu").returncode == 0
        with associated(node) as peer:  # ends without a word
            peer.socket.sendall(part(3, b"\0"))
        with associated(node) as peer:
            peer.socket.sendall(pdu(0x07, bytes(4)))  # A-ABORT
        with associated(node) as peer:
            peer.socket.sendall(pdu(0x04, b"\xff" * 8))  # no P-DATA
        RawPeer(node.port).socket.close()
    until(lambda: process.num_fds() <= before + 3)


def test_a_crowd_of_connections_is_held_at_bay_and_passes(node: NodeProcess) -> None:
    before = psutil.Process(node.process.pid).num_threads()
    crowd = [socket.create_connection(("127.0.0.1", node.port), timeout=120) for _ in range(200)]
    assert psutil.Process(node.process.pid).num_threads() < before + 100
    for connection in crowd:
        connection.close()


def test_one_association_too_many_is_told_to_come_later(node: NodeProcess) -> None:
    too_many = pdu(0x03, bytes([0, 2, 3, 2]))  # transient, by the provider, local limit exceeded: PS3.8, 9.3.4

    def answers() -> set[bytes]:
        with ExitStack() as stack, ThreadPoolExecutor(6) as pool:
            asked = pool.map(lambda _: stack.enter_context(RawPeer(node.port)).associate(), range(6))
            return set(filter(None, asked))  # a busy machine lets go of some before it has heard them

    def one_is_told() -> bool:
        said = answers()
        assert {answer[0] for answer in said} <= {0x02, 0x03}
        assert {answer for answer in said if answer[0] == 0x03} <= {too_many}
        return too_many in said

    until(one_is_told)


def test_other_modalities_and_services_are_refused(node: NodeProcess) -> None:
    with associated(node, CT) as peer:
        peer.socket.sendall(part(3, store_command("1.2.3", CT)) + part(2, b"\0" * 100))
        assert peer.is_closed()
    for field in (0x0020, 0x0010, 0x0021, 0x0100, 0x0130, 0x0FFF, 0x8001, 0xFFFF):  # C-FIND, C-GET, ..., nonsense
        with associated(node) as peer:
            peer.socket.sendall(part(3, store_command("1.2.3", field=field)) + part(2, b"\0" * 100))
            assert peer.is_closed()


def mutated(seed: int, data: bytes) -> bytes:
    """Damage some bytes, and cut or repeat some."""
    luck, changed = random.Random(seed), bytearray(data)
    for _ in range(luck.randint(1, 12)):
        changed[luck.randrange(len(changed))] = luck.randrange(256)
    start = luck.randrange(len(changed))
    if luck.random() < 0.3:
        del changed[start : start + luck.randint(1, 40)]
    if luck.random() < 0.3:
        changed[start:start] = changed[start : start + luck.randint(1, 400)]
    return bytes(changed)


@pytest.fixture
def conversation() -> list[bytes]:
    """What a peer says to store a small film, PDU by PDU, with the end of the association."""
    film = dicom_bytes(film_dataset(chest_bytes(64, 64), StudyInstanceUID="1.2.3", SOPInstanceUID="1.2.4"), bare=True)
    said = [association_request(DX), part(3, store_command("1.2.4"))]
    said += [part(0, film[:2000]), part(2, film[2000:]), pdu(0x05, bytes(4)), pdu(0x07, bytes(4))]
    return said


def test_fuzzed_pdus_end_their_own_association_alone(node: NodeProcess, conversation: list[bytes]) -> None:
    for seed in range(300):
        luck = random.Random(seed)
        target = luck.randrange(len(conversation))
        with RawPeer(node.port) as peer:
            try:
                for number, said in enumerate(conversation):
                    peer.socket.sendall(mutated(seed, said) if number == target else said)
                    if number == 0 and target:
                        peer.answer()
            except OSError:
                pass  # cut off already: so it should be


def test_random_bytes_are_no_association(node: NodeProcess) -> None:
    for seed in range(60):
        luck = random.Random(seed)
        with RawPeer(node.port) as peer, suppress(OSError):
            peer.socket.sendall(bytes([luck.randrange(9)]) + luck.randbytes(luck.randint(1, 3000)))
            peer.socket.shutdown(socket.SHUT_WR)
            assert peer.answer()[:1] != b"\x02"  # an association that was accepted


def test_the_bounds_are_the_settings(settings: Settings, migrate: Callable[[Settings], None]) -> None:
    migrate(settings)
    with running_node(settings, LUNGWISE_NODE_MEGABYTES="1") as node, associated(node) as peer:
        peer.socket.sendall(part(3, store_command("1.2.3")))
        assert flood(peer.socket, part(0, bytes(100_000)), 40 << 20) < 40 << 20
