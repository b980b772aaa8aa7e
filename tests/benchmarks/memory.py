"""Measure what memory a server holds after many uploads of all formats: `python tests/benchmarks/memory.py`.

Starts a server of its own with the shipped model. Some people at once upload drawn films as JPEG, PNG, WebP, TIFF,
BMP, DICOM in its transfer syntaxes and ZIP, and look at each study, its pictures and its report. Prints the memory
that the server process holds, again and again; ends with 1 where it holds more than the bound.
"""

from __future__ import annotations

import io
import itertools
import random
import re
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import jpeg_ls
import numpy as np
import psutil
from numpy.typing import NDArray
from PIL import Image
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)

sys.path.insert(0, str(Path(__file__).parents[1]))

from dicom_files import compressed_file, dicom_bytes, dicom_file, film_dataset, jpeg_2000
from live_server import add_account
from lungwise.access import Role
from lungwise.settings import Settings
from lungwise.store import Database, check_keys, utc_now
from lungwise.store.migrations import upgrade
from processes import Sender, running
from servers import free_port
from synthetic_films import chest_bytes, chest_words, picture

BOUND = 450
SIDES = ((1024, 1024), (2048, 1680), (2500, 2048), (3000, 2500))
Maker = Callable[[int, int], bytes]


def _pictures() -> dict[str, Maker]:
    def of(kind: str, **options: object) -> Maker:
        return lambda height, width: picture(chest_bytes(height, width), kind, **options)

    def words(height: int, width: int) -> bytes:
        return picture(Image.fromarray(chest_words(height, width)), "PNG", compress_level=1)

    def colours(height: int, width: int) -> bytes:
        return picture(np.stack([chest_bytes(height, width)] * 3, axis=-1), "JPEG", quality=90)

    return {
        "JPEG": of("JPEG", quality=90),
        "JPEG in colours": colours,
        "PNG": of("PNG", compress_level=1),
        "PNG of 16 bits": words,
        "WebP": of("WebP", quality=85, method=0),
        "TIFF": of("TIFF"),
        "BMP": of("BMP"),
    }


def _dicom() -> dict[str, Maker]:
    def plain(syntax: str) -> Maker:
        return lambda height, width: dicom_file(chest_words(height, width, bits=12), syntax, **_new(), BitsStored=12)

    def packed(syntax: str, encode: Callable[[NDArray[np.uint8]], bytes]) -> Maker:
        def make(height: int, width: int) -> bytes:
            pixels = chest_bytes(height, width)
            return compressed_file(encode(pixels), pixels, syntax, **_new())

        return make

    syntaxes = (
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
    )
    return {
        **{syntax.name: plain(syntax) for syntax in syntaxes},
        JPEGBaseline8Bit.name: packed(JPEGBaseline8Bit, lambda pixels: picture(pixels, "JPEG", quality=92)),
        JPEGLSLossless.name: packed(JPEGLSLossless, lambda pixels: bytes(jpeg_ls.encode_array(pixels))),
        JPEG2000Lossless.name: packed(JPEG2000Lossless, jpeg_2000),
        RLELossless.name: _run_lengths,
    }


def _run_lengths(height: int, width: int) -> bytes:
    film = film_dataset(chest_bytes(height, width), **_new())
    dicom_bytes(film)
    film.compress(RLELossless, generate_instance_uid=False)
    return dicom_bytes(film, RLELossless)


def _new() -> dict[str, str]:
    return {"SOPInstanceUID": generate_uid(), "StudyInstanceUID": generate_uid(), "PatientID": "M-1"}


def _zip(films: list[bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, film in enumerate(films):
            archive.writestr(f"{number}.jpg", film)
    return out.getvalue()


def _films() -> list[tuple[str, bytes]]:
    makers = _pictures() | _dicom()
    films = [(name, make(*side)) for (name, make), side in itertools.product(makers.items(), SIDES[:3])]
    films += [(name, makers[name](*SIDES[3])) for name in ("JPEG", "PNG", ExplicitVRLittleEndian.name)]
    jpegs = [film for name, film in films if name == "JPEG"]
    return [*films, ("ZIP", _zip(jpegs)), ("ZIP", _zip(jpegs[:2]))]


class Person:
    """Uploads films one after the other and looks at what became of them."""

    def __init__(self, port: int, films: list[tuple[str, bytes]]) -> None:
        self._films = films
        self._sender = Sender(port)
        self._sender.sign_in()
        self._token = self._sender.token("/studies/new")

    def visit(self, number: int) -> str:
        """Upload one film and look at its study; give the kinds of answers that were no good."""
        name, film = self._films[number % len(self._films)]
        status, said = self._sender.post("/studies/new", self._token, film)
        if status != 200:
            return f"{name}: {status} {said[:200]}"
        study = re.findall(r'"page":\s*"([^"]+)"', said)[0]
        end = time.monotonic() + 120
        while '"done":true' not in self._sender.ask("GET", f"{study}/progress")[2].replace(" ", ""):
            if time.monotonic() > end:
                return f"{name}: it is not read"
            time.sleep(0.05)
        page = self._sender.ask("GET", study)[2]
        for shown in re.findall(r'"(/films/\w+/\w+\.(?:jpg|png))"', page)[:4]:
            self._sender.ask("GET", shown)
        for viewer in re.findall(r'class="shot" href="(/films/\w+)"', page)[:1]:
            self._sender.ask("GET", f"{viewer}/picture.jpg")
        if number % 10 == 0:
            self._sender.ask("GET", f"{study}/report.pdf")
            self._sender.ask("GET", "/studies")
        return ""


@click.command()
@click.option("--uploads", default=2000, show_default=True, type=click.IntRange(1))
@click.option("--people", default=4, show_default=True, type=click.IntRange(1), help="Who upload at once.")
@click.option("--bound", default=BOUND, show_default=True, help="Megabytes that the server may hold.")
def main(uploads: int, people: int, bound: int) -> None:
    """Upload films to a server of its own and say what memory it holds."""
    films = _films()
    random.Random(0).shuffle(films)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_folder=Path(folder), port=free_port())
        database = Database(settings)
        upgrade(database.engine)
        check_keys(database)
        add_account(database, settings, utc_now, "Ada", "Hill", Role.DOCTOR)
        database.close()
        command = [sys.executable, "-m", "lungwise", "serve"]
        with running(command, settings, ready="Lungwise listens") as server:
            process = psutil.Process(server.pid)
            click.echo(
                f"{len(films)} films, {sum(len(film) for _, film in films) >> 20} MB; fresh: {_held(process)} MB"
            )
            most, wrong = _upload(settings.port, films, uploads, people, process)
            time.sleep(5)
            click.echo(f"at rest afterwards: {_held(process)} MB; at most {most} MB")
    for said in wrong[:10]:
        click.echo(said)
    sys.exit(most > bound or bool(wrong))


def _upload(
    port: int, films: list[tuple[str, bytes]], uploads: int, people: int, process: psutil.Process
) -> tuple[int, list[str]]:
    """Upload, tell of the memory now and then, and give the most that was held and what went wrong."""
    persons = [Person(port, films) for _ in range(people)]
    most, wrong, began = 0, [], time.monotonic()
    with ThreadPoolExecutor(people) as pool:
        for done, said in enumerate(_visits(pool, persons, uploads), start=1):
            most = max(most, _held(process))
            wrong += [said] if said else []
            if done % 100 == 0 or done in (1, 20, 50):
                seconds = time.monotonic() - began
                click.echo(f"{done:6} uploads   {_held(process):5} MB   at most {most:5} MB   {seconds:5.0f} s")
    return most, wrong


def _visits(pool: ThreadPoolExecutor, persons: list[Person], uploads: int) -> Iterator[str]:
    def one(which: int, number: int) -> str:
        return persons[which].visit(number)

    for first in range(0, uploads, len(persons)):
        numbers = range(first, min(first + len(persons), uploads))
        yield from pool.map(one, range(len(numbers)), numbers)


def _held(process: psutil.Process) -> int:
    return int(process.memory_info().rss >> 20)


if __name__ == "__main__":
    main()
