from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from dicom_files import dicom_file
from lungwise.films import Film, Refusal, open_film, open_path
from lungwise.films.limits import MAX_BYTES
from synthetic_films import chest_bytes, picture

MAGICS = [
    b"",
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"II*\0",
    b"MM\0*",
    b"BM",
    b"RIFF\0\0\0\0WEBP",
    bytes(128) + b"DICM",
]


def refusal(data: bytes) -> Refusal:
    with pytest.raises(Refusal) as refused:
        open_film(data)
    return refused.value


def test_nothing_is_empty() -> None:
    assert refusal(b"").code == "empty"


def test_a_file_beyond_any_film_is_too_large() -> None:
    assert refusal(bytes(MAX_BYTES + 1)).code == "too-large"


@pytest.mark.parametrize(
    "data",
    [b"%PDF-1.7 encrypted", b"PK\x03\x04zip", b"GIF89a", b"BM is what this text starts with", bytes(5000), b"\x08\0"],
)
def test_other_files_are_no_images(data: bytes) -> None:
    refused = refusal(data)
    assert refused.code == "not-an-image"
    assert "JPEG" in refused.reason


def test_dicom_is_told_before_the_magic_in_its_preamble() -> None:
    file = dicom_file(chest_bytes())
    assert open_film(b"II*\0" + file[4:]).kind == "DICOM"


@pytest.mark.parametrize("magic", MAGICS[1:])
def test_a_magic_without_a_picture_is_no_film(magic: bytes) -> None:
    assert refusal(magic + bytes(500)).code in ("damaged", "not-an-image", "not-a-radiograph")


def test_any_surprise_of_a_decoder_is_a_refusal_that_names_it() -> None:
    refused = refusal(picture(chest_bytes(), "PNG")[:200])
    assert refused.code == "damaged"
    assert refused.reason.endswith(".")


def path_refusal(path: Path) -> Refusal:
    with pytest.raises(Refusal) as refused:
        open_path(path)
    return refused.value


def test_a_file_is_read_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "film"
    path.write_bytes(picture(chest_bytes(), "PNG"))
    assert np.array_equal(open_path(path).pixels, open_film(path.read_bytes()).pixels)


def test_a_large_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    with path.open("wb") as file:
        file.truncate(2**43)  # sparse, and beyond any memory
    assert path_refusal(path).code == "too-large"


def test_what_cannot_be_opened_is_unreachable_and_says_why(tmp_path: Path) -> None:
    for path, why in ((tmp_path / "none.png", "it does not exist"), (tmp_path, "it is not a regular file")):
        refused = path_refusal(path)
        assert refused.code == "unreachable"
        assert refused.reason == f"The file cannot be opened: {why}. Check the path and its permissions."


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes and devices among its files")
def test_a_pipe_or_a_device_is_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        assert path_refusal(path).code == "unreachable"


@pytest.mark.skipif(sys.platform != "linux", reason="the bound on memory is Linux's")
def test_a_film_beyond_the_memory_there_is_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "film.png"
    path.write_bytes(picture(Image.new("L", (7000, 7000)), "PNG"))
    code = (
        "import pathlib, resource, sys; from lungwise.films import Refusal, open_path\n"
        "pages = int(pathlib.Path('/proc/self/statm').read_text().split()[0])\n"
        "most = pages * resource.getpagesize() + 2**27\n"
        "resource.setrlimit(resource.RLIMIT_AS, (most, most))\n"
        "try: open_path(pathlib.Path(sys.argv[1]))\n"
        "except Refusal as refused: print(refused.code)"
    )
    run = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, check=True, text=True)
    assert run.stdout.strip() == "too-large"


@given(st.sampled_from(MAGICS), st.binary(max_size=600))
@example(bytes(128) + b"DICM", b"\x02\0\0\0")
def test_any_bytes_give_a_film_or_a_refusal(magic: bytes, rest: bytes) -> None:
    try:
        assert isinstance(open_film(magic + rest), Film)
    except Refusal as refused:
        assert refused.code
        assert refused.reason.endswith(".")
