from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lungwise.films import Refusal, open_film
from lungwise.films.tiff_directory import film_page, walked_samples
from lungwise.films.work_limit import MAX_SAMPLES_HERE
from mutated import run_lengths_in_strips, tiff_of_tiles
from synthetic_films import chest_bytes, picture

SHORT, TEXT, LONG = 3, 2, 4


def tiff(*entries: tuple[int, int, int], order: str = "<", big: bool = False) -> bytes:
    """The directory of these tags, types and counts."""
    magic = {"<": b"II", ">": b"MM"}[order] + struct.pack(order + "H", 43 if big else 42)
    head, entry = ("HHQQ", "HHQQ") if big else ("IH", "HHII")
    start = (8, 0, 16, len(entries)) if big else (8, len(entries))
    return magic + struct.pack(order + head, *start) + b"".join(struct.pack(order + entry, *e, 0) for e in entries)


@pytest.mark.parametrize(("order", "big"), [("<", False), (">", False), ("<", True)])
@pytest.mark.parametrize(
    ("entries", "what"),
    [
        ([(256, SHORT, 1), (273, SHORT, 3_000_000)], "values"),
        ([(273, LONG, 1_100_000), (279, LONG, 1_100_000)], "values"),
        ([(256, SHORT, 1)] * 5000, "entries"),
    ],
)
def test_a_directory_beyond_any_film_is_damaged(
    entries: list[tuple[int, int, int]], what: str, order: str, big: bool
) -> None:
    with pytest.raises(Refusal, match=f"parts.*{what}") as refused:
        open_film(tiff(*entries, order=order, big=big))
    assert refused.value.code == "damaged"


@pytest.mark.parametrize("big", [False, True])
def test_a_film_in_strips_of_one_line_and_a_long_profile_passes(big: bool) -> None:
    file = tiff((273, LONG, 1_000_000), (279, LONG, 1_000_000), (34675, TEXT, 40_000_000), big=big)
    assert film_page(file) == file


@pytest.mark.parametrize("big", [False, True])
def test_a_directory_that_ends_early_is_damaged(big: bool) -> None:
    file = tiff((273, LONG, 5), (279, LONG, 5), big=big)
    for end in range(4, len(file)):
        with pytest.raises(Refusal) as refused:
            open_film(file[:end])
        assert refused.value.code == "damaged"


BYTES = chest_bytes()
FILM, SMALL = Image.fromarray(BYTES), Image.fromarray(np.ascontiguousarray(BYTES[::2, ::2]))
REDUCED, MASK, PAGE = {254: 1}, {254: 4}, {254: 2}


def pages(*each: tuple[Image.Image, dict[int, int]], big: bool = False) -> bytes:
    """A TIFF of these pages with these tags."""
    out = io.BytesIO()
    first, *rest = each
    for image, tags in each:
        image.encoderinfo = {"tiffinfo": tags}  # as Pillow itself notes the tags of each page
    first[0].save(
        out, "TIFF", save_all=True, append_images=[image for image, _ in rest], tiffinfo=first[1], big_tiff=big
    )
    return out.getvalue()


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("beside", [REDUCED, MASK, {255: 2}, {254: 5}], ids=str)
def test_a_thumbnail_or_mask_is_no_film(beside: dict[int, int], big: bool) -> None:
    for file in (pages((FILM, {}), (SMALL, beside), big=big), pages((SMALL, beside), (FILM, {}), big=big)):
        assert np.array_equal(open_film(file).pixels, open_film(picture(BYTES, "TIFF")).pixels)


def test_a_thumbnail_alone_is_the_picture() -> None:
    assert open_film(pages((SMALL, REDUCED))).pixels.shape == (80, 64)


@pytest.mark.parametrize("tags", [{}, PAGE], ids=str)
def test_two_films_are_several_frames(tags: dict[int, Any]) -> None:
    with pytest.raises(Refusal) as refused:
        open_film(pages((FILM, tags), (FILM.copy(), tags)))
    assert refused.value.code == "several-frames"


@pytest.mark.parametrize("after", ["itself", "nothing", "beyond", "pixels"])
def test_a_broken_pointer_to_another_page_costs_no_film(after: str) -> None:
    file = picture(BYTES, "TIFF")
    directory = int.from_bytes(file[4:8], "little")
    end = directory + 2 + 12 * int.from_bytes(file[directory : directory + 2], "little")
    where = {"itself": directory, "nothing": len(file), "beyond": 2**31, "pixels": 20}[after]
    broken = file[:end] + struct.pack("<I", where) + file[end + 4 :]
    assert np.array_equal(open_film(broken).pixels, open_film(file).pixels)


def test_64_bit_offsets_in_big_endian_order_are_unsupported() -> None:
    with pytest.raises(Refusal) as refused:
        open_film(tiff((256, SHORT, 1), order=">", big=True))
    assert refused.value.code == "unsupported"


@pytest.mark.parametrize("sizes", [(640, 64, 16, 2**24), (512, 512, 24_576, 24_576), (80, 64, 2048, 16)], ids=str)
def test_a_tile_larger_than_the_picture_is_damaged(sizes: tuple[int, int, int, int]) -> None:
    with pytest.raises(Refusal, match="pixels of a tile") as refused:
        open_film(tiff_of_tiles(*sizes))
    assert refused.value.code == "damaged"


@pytest.mark.parametrize("sizes", [(640, 512, 256, 256), (80, 64, 256, 256), (80, 64, 1024, 1024)], ids=str)
def test_tiles_reach_beyond_the_picture(sizes: tuple[int, int, int, int]) -> None:
    width, height, *_ = sizes
    assert open_film(tiff_of_tiles(*sizes)).pixels.shape == (height, width)


def test_strips_that_share_more_bytes_than_a_film_has_are_damaged() -> None:
    run_lengths = b"\x80" * 10**5 + b"\xc1\0"  # the first are of nothing
    assert open_film(run_lengths_in_strips(64, run_lengths)).pixels.shape == (64, 64)
    with pytest.raises(Refusal, match="bytes of strips") as refused:
        open_film(run_lengths_in_strips(2000, run_lengths))
    assert refused.value.code == "damaged"


@pytest.mark.parametrize(
    ("tags", "samples"),
    [
        ({256: 1000, 257: 800}, 800_000),
        ({256: 1000, 257: 800, 322: 256, 323: 512}, 1024 * 1024),
        ({256: 1000, 257: 800, 279: (70, 60)}, 800_030),
    ],
    ids=str,
)
def test_tiles_count_whole_and_shared_bytes_each_time(tags: dict[int, Any], samples: int) -> None:
    assert walked_samples(tags, 100) == samples


@pytest.mark.parametrize("compression", [6, 7])
def test_a_jpeg_in_a_tiff_needs_a_process_of_its_own(compression: int) -> None:
    assert walked_samples({256: 64, 257: 64, 259: compression}, 100) > MAX_SAMPLES_HERE


@pytest.mark.parametrize("entry", [struct.pack("<HHII", 322, LONG, 1, 16), struct.pack("<HHII", 257, 12, 1, 64)])
def test_a_measure_that_decoders_may_understand_differently_is_damaged(entry: bytes) -> None:
    file = tiff_of_tiles(640, 64, 16, 16)
    directory = int.from_bytes(file[4:8], "little")
    count = int.from_bytes(file[directory : directory + 2], "little")
    twice = file[:directory] + struct.pack("<H", count + 1) + entry + file[directory + 2 :]
    with pytest.raises(Refusal) as refused:
        film_page(twice)
    assert refused.value.code == "damaged"
