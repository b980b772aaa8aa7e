from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from lungwise.store.disk import write_atomically, write_once, written_whole


def test_a_file_is_replaced_as_a_whole_and_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "file"
    write_atomically(file, b"old")
    write_atomically(file, b"new")
    assert file.read_bytes() == b"new"
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_handle: int) -> None:
        raise OSError("No space left on device")

    file = tmp_path / "file"
    write_atomically(file, b"old")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(file, b"new")
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_large_file_lies_under_its_name_when_it_is_whole(tmp_path: Path) -> None:
    file, unfinished = tmp_path / "file", tmp_path / "file.part"
    unfinished.write_bytes(b"what a process that was killed has left")
    unfinished.chmod(0o644)
    with written_whole(file) as out:
        out.write(b"old")
        with pytest.raises(BlockingIOError, match="Another process"), written_whole(file):
            pass
        assert not file.exists()
    assert file.read_bytes() == b"old"
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(KeyError), written_whole(file) as out:
        out.write(b"new")
        raise KeyError
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_of_many_that_write_once_one_does(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "file"
    begin = threading.Barrier(8)

    def write(number: int) -> None:
        begin.wait()
        write_once(file, bytes([number]) * 100)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first = file.read_bytes()
    assert len(first) == 100
    assert len(set(first)) == 1
    write_once(file, b"later")
    assert file.read_bytes() == first
    assert list(file.parent.iterdir()) == [file]
