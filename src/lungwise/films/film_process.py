"""A large film in a process of its own: the file on standard input, its pixels on standard output.

Started by `work_limit.py` as `python -P -m lungwise.films.film_process TASK SECONDS ABOUT`. First comes a line
of JSON, a refusal or the array's shape and type, and then the array. Nothing that comes from a
decoder of foreign bytes is unpickled.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np

from lungwise.films.decode import decode_film
from lungwise.films.dicom.elements import read_elements
from lungwise.films.dicom.image_pixel import read_image_pixel
from lungwise.films.dicom.pixel_data import stored_words
from lungwise.films.film import Film, photographed_from
from lungwise.films.gdcm_process import limit_memory, limit_time
from lungwise.films.refusals import Refusal
from lungwise.films.work_limit import Decoded, refused_errors

_MEMORY_BYTES = 2 * 2**30
Task = Callable[[bytes, dict[str, Any] | None], Decoded]


def main(task: str, seconds: float, about: dict[str, Any] | None) -> None:
    """Do one task on standard input."""
    limit_time(seconds)
    limit_memory(_MEMORY_BYTES)
    work = _TASKS[task]
    try:
        with refused_errors():
            array, facts = work(sys.stdin.buffer.read(), about)
    except Refusal as refused:
        _write_head({"refusal": [refused.code, dict(refused.values)]})
        return
    _write_head({"shape": array.shape, "dtype": array.dtype.str, "facts": facts})
    sys.stdout.buffer.write(np.ascontiguousarray(array).data)


def _write_head(head: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n")


def _film(data: bytes, about: dict[str, Any] | None) -> Decoded:
    film = decode_film(data, photographed_from(about["corners"]) if about else None)
    return film.pixels, {part.name: getattr(film, part.name) for part in fields(Film) if part.name != "pixels"}


def _words(data: bytes, _about: dict[str, Any] | None) -> Decoded:
    syntax, elements = read_elements(data)
    return stored_words(elements, syntax, read_image_pixel(elements)), {}


_TASKS: dict[str, Task] = {"film": _film, "words": _words}

if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), json.loads(sys.argv[3]))
