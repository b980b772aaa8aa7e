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
from numpy.typing import NDArray

from lungwise.films.decode import decode_film
from lungwise.films.dicom.elements import read_elements
from lungwise.films.dicom.gdcm_process import bound_memory, bound_time
from lungwise.films.dicom.image_pixel import read_image_pixel
from lungwise.films.dicom.pixel_data import stored_words
from lungwise.films.film import Film, photographed_from
from lungwise.films.limits import damaged, too_little_memory
from lungwise.films.refusals import Refusal

_MEMORY = 2 * 2**30
Task = Callable[[bytes, dict[str, Any] | None], tuple[NDArray[Any], dict[str, Any]]]


def main(task: str, seconds: float, about: dict[str, Any] | None) -> None:
    """Do one task on standard input."""
    bound_time(seconds)
    bound_memory(_MEMORY)
    work = _TASKS[task]
    try:
        array, facts = _done(work, sys.stdin.buffer.read(), about)
    except Refusal as refused:
        _say({"refusal": [refused.code, dict(refused.values)]})
        return
    _say({"shape": array.shape, "dtype": array.dtype.str, "facts": facts})
    sys.stdout.buffer.write(np.ascontiguousarray(array).data)


def _done(work: Task, data: bytes, about: dict[str, Any] | None) -> tuple[NDArray[Any], dict[str, Any]]:
    try:
        return work(data, about)
    except Refusal:
        raise
    except MemoryError as error:
        raise too_little_memory() from error
    except Exception as error:  # decoders of foreign bytes raise anything
        raise damaged("pixels") from error


def _say(what: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(what).encode() + b"\n")


def _film(data: bytes, about: dict[str, Any] | None) -> tuple[NDArray[Any], dict[str, Any]]:
    film = decode_film(data, photographed_from(about["corners"]) if about else None)
    return film.pixels, {part.name: getattr(film, part.name) for part in fields(Film) if part.name != "pixels"}


def _words(data: bytes, _about: dict[str, Any] | None) -> tuple[NDArray[Any], dict[str, Any]]:
    syntax, elements = read_elements(data)
    return stored_words(elements, syntax, read_image_pixel(elements)), {}


_TASKS: dict[str, Task] = {"film": _film, "words": _words}

if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), json.loads(sys.argv[3]))
