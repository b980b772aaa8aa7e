from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from dicom_files import dicom_file
from lungwise.films import Photographed, Refusal, open_film
from lungwise.films.work_limit import in_process
from synthetic_films import chest_bytes, chest_words, picture

BYTES, WORDS = chest_bytes(), chest_words(bits=12)
WHOLE = Photographed(corners=((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)))


def output(task: str, data: bytes, about: Any = None) -> bytes:
    command = [sys.executable, "-P", "-m", "lungwise.films.film_process", task, "20", json.dumps(about)]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def test_its_output_is_a_line_of_json_and_the_array() -> None:
    head, array = output("film", picture(BYTES, "PNG")).split(b"\n", 1)

    assert json.loads(head)["shape"] == list(BYTES.shape)
    assert np.array_equal(
        np.frombuffer(array, json.loads(head)["dtype"]), open_film(picture(BYTES, "PNG")).pixels.ravel()
    )


def test_a_film_comes_with_its_facts() -> None:
    data = dicom_file(WORDS, PatientAge="004Y", BodyPartExamined="HAND", PixelSpacing=[0.1, 0.2])
    pixels, facts = in_process("film", data, 20)

    assert np.array_equal(pixels, open_film(data).pixels)
    assert (facts["age"], facts["pixel_spacing"], facts["warnings"]) == (4.0, [0.1, 0.2], ["body-part"])


def test_a_photograph_is_cut_at_its_corners() -> None:
    data = picture(np.stack([BYTES] * 3, -1), "PNG")
    pixels, facts = in_process("film", data, 20, asdict(WHOLE))

    assert facts["photograph"]
    assert np.array_equal(pixels, open_film(data, WHOLE).pixels)


def test_stored_words_are_not_made_grey() -> None:
    words, facts = in_process("words", dicom_file(WORDS), 20)

    assert np.array_equal(words, WORDS)
    assert facts == {}


def test_a_refusal_comes_with_its_values() -> None:
    with pytest.raises(Refusal) as refused:
        in_process("film", picture(BYTES[:40, :50], "PNG"), 20)

    assert (refused.value.code, refused.value.values["width"]) == ("too-small", 50)
