from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from dicom_files import dicom_bytes, dicom_file, film_dataset, lut_item
from lungwise.films import Refusal, open_film
from lungwise.films.dicom.full_depth import FullDepth, read_full_depth, reduced
from lungwise.films.dicom.geometry import read_geometry
from synthetic_films import chest_words

WORDS = chest_words(bits=12)


def depth(words: NDArray[Any] = WORDS, **attributes: Any) -> FullDepth:
    found = read_full_depth(dicom_file(words, **attributes))
    assert found is not None
    return found


def numbers(found: FullDepth) -> NDArray[np.float64]:
    return np.asarray(found.slope * found.values.astype(np.float64) + found.intercept)


def shown(found: FullDepth) -> NDArray[np.float64]:
    """What a viewer shows at first: through the curve, else through the first window, else all greys."""
    if found.curve:
        steps = np.linspace(0, found.top, len(found.curve))
        return np.asarray(np.interp(found.values, steps, found.curve))
    low, high = (found.windows[0].low, found.windows[0].high) if found.windows else (0, found.top)
    return np.clip((found.values.astype(np.float64) - low) / (high - low), 0, 1)


def test_every_number_of_twelve_bits_is_kept() -> None:
    found = depth(BitsStored=12, RescaleSlope="1", RescaleIntercept="-100")
    assert (numbers(found) == WORDS.astype(np.int64) - 100).all()
    assert found.bits == 12 and found.top == int(WORDS.max()) - int(WORDS.min())


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"WindowCenter": "2000", "WindowWidth": "1000"},
        {"WindowCenter": "2000", "WindowWidth": "1000", "VOILUTFunction": "LINEAR_EXACT"},
        {"WindowCenter": "2000", "WindowWidth": "1000", "VOILUTFunction": "SIGMOID"},
        {"VOILUTSequence": [lut_item(0, (np.arange(4096) ** 2 // 4096).astype(np.uint16), 12)]},
        {"RescaleSlope": "0.37", "RescaleIntercept": "5"},
        {"PixelPaddingValue": 0},
    ],
    ids=["nothing", "window", "exact", "sigmoid", "table", "slope", "padding"],
)
def test_a_viewer_shows_at_first_what_the_page_shows(photometric: str, asked: dict[str, Any]) -> None:
    file = dicom_file(WORDS, PhotometricInterpretation=photometric, **asked)
    found = read_full_depth(file)
    assert found is not None
    assert np.abs(shown(found) - open_film(file).pixels).max() < 2 / 255


def test_the_windows_of_a_file_come_with_their_names() -> None:
    found = depth(
        WindowCenter=["2000", "1500"], WindowWidth=["1000", "400"], WindowCenterWidthExplanation=["NORMAL", "<b>HARD"]
    )
    assert [window.name for window in found.windows] == ["NORMAL", "?b?HARD"]
    hard = found.windows[1]
    assert found.slope * hard.low + found.intercept == pytest.approx(1499.5 - 399 / 2)
    assert found.slope * hard.high + found.intercept == pytest.approx(1499.5 + 399 / 2)


def test_padding_is_black_also_where_the_greatest_number_is() -> None:
    words = WORDS.copy()
    words[:20] = 4095
    found = depth(words, PhotometricInterpretation="MONOCHROME1", PixelPaddingValue=4095)
    assert (found.values[:20] == 0).all() and found.values[20:].max() == found.top


def test_colours_and_a_film_of_one_grey_have_no_depth() -> None:
    assert read_full_depth(dicom_file(np.zeros((80, 80, 3), np.uint8))) is None
    assert read_full_depth(dicom_file(np.full((80, 80), 7, np.uint16))) is None


def test_a_file_that_is_cut_is_refused() -> None:
    with pytest.raises(Refusal):
        read_full_depth(dicom_file(WORDS)[:-1000])


def test_reduced_values_keep_their_depth() -> None:
    values = np.arange(200 * 300, dtype=np.uint16).reshape(200, 300)
    small = reduced(values, 150)
    assert small.shape == (100, 150) and small.dtype == np.uint16
    assert abs(int(small[50, 75]) - int(values[100:102, 150:152].mean())) <= 1
    assert reduced(values, 300) is values


def test_a_picture_is_no_dicom_film() -> None:
    out = io.BytesIO()
    Image.new("L", (100, 100)).save(out, "PNG")
    with pytest.raises(Refusal):
        read_full_depth(out.getvalue())


NUMBERS = st.floats(allow_nan=False, allow_infinity=False).map(lambda number: f"{number:.7g}")


@given(
    slope=NUMBERS,
    intercept=NUMBERS,
    centers=st.lists(NUMBERS, min_size=1, max_size=3),
    widths=st.lists(NUMBERS, min_size=1, max_size=3),
    function=st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"]),
    photometric=st.sampled_from(["MONOCHROME1", "MONOCHROME2"]),
)
@example(
    slope="1",
    intercept="0",
    centers=["2000"],
    widths=["1e-300"],
    function="LINEAR_EXACT",
    photometric="MONOCHROME2",
)
def test_whatever_numbers_a_header_states_what_a_viewer_gets_is_finite(
    slope: str, intercept: str, centers: list[str], widths: list[str], function: str, photometric: str
) -> None:
    stated = {"RescaleSlope": slope, "RescaleIntercept": intercept, "WindowCenter": centers, "WindowWidth": widths}
    film = film_dataset(WORDS, PhotometricInterpretation=photometric, VOILUTFunction=function)
    for name, value in stated.items():
        film.add_new(name, "LO", value)  # also what is no decimal string of 16 signs
    found = read_full_depth(dicom_bytes(film))
    if found is None:
        return
    assert found.top >= 1 and found.values.max() == found.top
    assert np.isfinite([found.slope, found.intercept]).all()
    assert all(np.isfinite([window.low, window.high]).all() and window.low < window.high for window in found.windows)
    assert found.curve is None or (np.isfinite(found.curve).all() and 0 <= min(found.curve) <= max(found.curve) <= 1)


@given(at=st.integers(132, 1200), byte=st.integers(0, 255))
def test_a_file_with_a_wrong_byte_is_read_or_refused(at: int, byte: int) -> None:
    data = bytearray(dicom_file(WORDS, WindowCenter="2000", WindowWidth="1000", ImagerPixelSpacing=["0.2", "0.2"]))
    data[at] = byte
    with contextlib.suppress(Refusal):
        read_full_depth(bytes(data))
    found = read_geometry(bytes(data))
    assert found.width is None or 0 < found.width < 1e8
