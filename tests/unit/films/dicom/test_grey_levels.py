from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicom_files import dicom_file, lut_item
from lungwise.films import Refusal, open_film
from synthetic_films import chest_bytes, chest_words

WORDS = chest_words(bits=12)


def pixels(words: NDArray[Any] = WORDS, syntax: str = ExplicitVRLittleEndian, **attributes: Any) -> NDArray[np.float32]:
    return open_film(dicom_file(words, syntax, **attributes)).pixels


def spread(values: NDArray[Any]) -> NDArray[np.float64]:
    values = values.astype(np.float64)
    return np.asarray((values - values.min()) / np.ptp(values), np.float64)


def test_monochrome1_is_turned_so_that_air_is_dark() -> None:
    assert np.allclose(pixels(PhotometricInterpretation="MONOCHROME1"), 1 - spread(WORDS), atol=1e-6)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (None, lambda x: (x - 1999.5) / 999 + 0.5),
        ("LINEAR", lambda x: (x - 1999.5) / 999 + 0.5),
        ("LINEAR_EXACT", lambda x: (x - 2000) / 1000 + 0.5),
        ("SIGMOID", lambda x: 1 / (1 + np.exp(-4 * (x - 2000) / 1000))),
    ],
)
def test_windows_of_the_standard(function: str | None, expected: Any) -> None:
    attributes: dict[str, Any] = {"WindowCenter": 2000, "WindowWidth": 1000} | (
        {"VOILUTFunction": function} if function else {}
    )
    assert np.allclose(pixels(**attributes), np.clip(expected(WORDS.astype(float)), 0, 1), atol=1e-6)


@pytest.mark.parametrize(
    "window",
    [
        {"WindowCenter": 127, "WindowWidth": 255, "PixelPaddingValue": 0},  # of 8 bits, where the values have 12
        {"WindowCenter": -5000, "WindowWidth": 100},
        {"WindowCenter": 90000, "WindowWidth": 100},
        {"WindowCenter": 2000, "WindowWidth": 1},
        {"WindowCenter": 90000, "WindowWidth": 100, "VOILUTFunction": "SIGMOID"},
        {"WindowCenter": 90000, "WindowWidth": 100, "VOILUTFunction": "LINEAR_EXACT"},
    ],
    ids=str,
)
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_window_off_the_values_is_left_aside(window: dict[str, Any], photometric: str) -> None:
    words = np.maximum(WORDS, 300)
    expected = spread(words) if photometric == "MONOCHROME2" else 1 - spread(words)
    assert np.allclose(pixels(words, PhotometricInterpretation=photometric, **window), expected, atol=1e-6)


@pytest.mark.parametrize("slope", ["0", "0.0", "-0", "1e308"])
def test_a_slope_that_cannot_be_meant_is_left_aside(slope: str) -> None:
    rescaled = pixels(RescaleSlope=slope, RescaleIntercept="1e308", WindowCenter=2000, WindowWidth=1000)
    assert np.array_equal(rescaled, pixels(WindowCenter=2000, WindowWidth=1000))


def test_padding_of_every_value_is_left_aside() -> None:
    all_of_them = pixels(PixelPaddingValue=0, PixelPaddingRangeLimit=4095)
    assert np.allclose(all_of_them, spread(WORDS), atol=1e-6)


def test_of_several_windows_the_first_counts() -> None:
    several = pixels(WindowCenter=[2000, 5], WindowWidth=[1000, 5])
    assert np.array_equal(several, pixels(WindowCenter=2000, WindowWidth=1000))


@pytest.mark.parametrize("width", [0, -5])
def test_a_window_without_width_is_none(width: int) -> None:
    assert np.allclose(pixels(WindowCenter=2000, WindowWidth=width), spread(WORDS), atol=1e-6)


def test_rescaled_values_pass_the_window() -> None:
    shown = pixels(RescaleSlope=2, RescaleIntercept=-1000, WindowCenter=3000, WindowWidth=2000)
    assert np.allclose(shown, np.clip((WORDS * 2.0 - 1000 - 2999.5) / 1999 + 0.5, 0, 1), atol=1e-6)


def test_a_negative_slope_turns_the_film() -> None:
    assert np.allclose(pixels(RescaleSlope=-1, RescaleIntercept=4095), 1 - spread(WORDS), atol=1e-6)


@pytest.mark.parametrize("bits", [12, 16])
def test_signed_values(bits: int) -> None:
    signed = (WORDS.astype(np.int32) - 2048).astype(np.int16)
    stored = signed if bits == 16 else (signed.view(np.uint16) & 0x0FFF).view(np.int16)
    assert np.allclose(pixels(stored, BitsStored=bits), spread(WORDS), atol=1e-6)


def test_bits_beside_the_stored_ones_are_ignored() -> None:
    marked = WORDS | np.uint16(0x8000)
    assert np.allclose(pixels(marked, BitsStored=12), spread(WORDS), atol=1e-6)
    assert np.allclose(pixels(WORDS << 4, BitsStored=12, HighBit=15), spread(WORDS), atol=1e-6)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_becomes_air_and_does_not_count_for_the_range(photometric: str) -> None:
    padded = WORDS.copy()
    padded[:20] = 65535
    shown = pixels(padded, PixelPaddingValue=65535, PhotometricInterpretation=photometric)
    inside = spread(WORDS[20:])
    assert (shown[:20] == 0).all()
    assert np.allclose(shown[20:], inside if photometric == "MONOCHROME2" else 1 - inside, atol=1e-6)


def test_a_range_of_padding_in_signed_values() -> None:
    signed = WORDS.astype(np.int16)
    signed[:20, :64], signed[:20, 64:] = -2000, -1500
    shown = pixels(signed, PixelPaddingValue=-2000, PixelPaddingRangeLimit=-1000)
    assert (shown[:20] == 0).all()
    assert np.allclose(shown[20:], spread(WORDS[20:]), atol=1e-6)


def test_a_film_of_padding_alone_is_air() -> None:
    assert (pixels(np.full((64, 64), 7, np.uint16), PixelPaddingValue=7) == 0).all()


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_a_voi_lut_comes_before_the_window(syntax: str) -> None:
    entries = (np.linspace(0, 1, 3000) ** 2 * 65535).astype(np.uint16)
    shown = pixels(syntax=syntax, VOILUTSequence=[lut_item(500, entries)], WindowCenter=1, WindowWidth=1)
    index = np.clip(WORDS.astype(int) - 500, 0, 2999)
    assert np.allclose(shown, entries[index] / 65535, atol=1e-6)


def test_a_modality_lut_comes_before_the_window() -> None:
    entries = np.sqrt(np.arange(4096) * 4096).astype(np.uint16)
    shown = pixels(ModalityLUTSequence=[lut_item(0, entries)], WindowCenter=2000, WindowWidth=1000)
    assert np.allclose(shown, np.clip((entries[WORDS] - 1999.5) / 999 + 0.5, 0, 1), atol=1e-6)


def test_a_lut_of_65536_entries_is_described_by_0() -> None:
    entries = np.arange(65536, dtype=np.uint16)[::-1].copy()
    assert np.allclose(pixels(VOILUTSequence=[lut_item(0, entries)]), 1 - WORDS / 65535, atol=1e-6)


def broken_luts() -> dict[str, Dataset]:
    short, empty, headless, level, shapeless, beside = (lut_item(0, np.arange(4096, dtype=np.uint16)) for _ in range(6))
    short.LUTData = short.LUTData[:-2]
    empty.LUTData, empty.LUTDescriptor = b"", None
    del headless.LUTDescriptor
    level.LUTData = bytes(8192)
    shapeless.LUTDescriptor = [4096, 0]
    beside.LUTDescriptor = [4096, 60000, 12]  # all values lie before its first, and so become black
    return {"short": short, "empty": empty, "headless": headless, "of one level": level, "shapeless": shapeless} | {
        "off the values": beside,
        "nothing": Dataset(),
    }


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("name", broken_luts())
def test_a_broken_voi_lut_is_left_aside(name: str, syntax: str) -> None:
    window: dict[str, Any] = {"WindowCenter": 2000, "WindowWidth": 1000}
    broken = broken_luts()[name]
    assert np.array_equal(pixels(VOILUTSequence=[broken], syntax=syntax, **window), pixels(**window))
    assert np.allclose(pixels(VOILUTSequence=[broken], syntax=syntax), spread(WORDS), atol=1e-6)


@pytest.mark.parametrize("name", sorted(broken_luts().keys() - {"off the values"}))
def test_a_broken_modality_lut_is_left_aside(name: str) -> None:
    rescaled: dict[str, Any] = {"RescaleSlope": 2, "RescaleIntercept": -100, "WindowCenter": 2000, "WindowWidth": 1000}
    assert np.array_equal(pixels(ModalityLUTSequence=[broken_luts()[name]], **rescaled), pixels(**rescaled))


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
def test_a_lut_of_fewer_bits_than_it_says_is_as_bright_as_its_entries(bits: int) -> None:
    entries = (np.linspace(0, 1, 4096) ** 0.5 * (2**bits - 1)).astype(np.uint16)
    honest, declared_16 = (pixels(VOILUTSequence=[lut_item(0, entries, said)]) for said in (bits, 16))
    assert np.array_equal(declared_16, honest)
    assert declared_16.max() > 0.9


@pytest.mark.parametrize("number", ["nan", "inf", "1e400", "odd", ""])
def test_numbers_that_are_none_are_left_out(number: str) -> None:
    file = dicom_file(WORDS, WindowCenter="12345678", WindowWidth="1000", RescaleSlope="1", RescaleIntercept="0")
    odd = file.replace(b"12345678", number.encode().ljust(8))
    assert np.allclose(open_film(odd).pixels, spread(WORDS), atol=1e-6)


@pytest.mark.parametrize("slope", ["0", "1e308", "-1e308", "1e-320"])
def test_hostile_slopes_give_a_film_in_the_unit_range_or_a_refusal(slope: str) -> None:
    file = dicom_file(WORDS, RescaleSlope="12345678", RescaleIntercept="0").replace(
        b"12345678", slope.encode().ljust(8)
    )
    try:
        shown = open_film(file).pixels
    except Refusal as refused:
        assert refused.code == "damaged"
    else:
        assert shown.min() >= 0
        assert shown.max() <= 1


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_palette_is_looked_up(syntax: str, bits: int) -> None:
    ramps = [np.arange(256), np.arange(256)[::-1], np.full(256, 77)]
    palette: dict[str, Any] = {}
    for colour, ramp in zip(("Red", "Green", "Blue"), ramps, strict=True):
        entries = (ramp * (257 if bits == 16 else 1)).astype(np.uint16)
        palette[f"{colour}PaletteColorLookupTableDescriptor"] = [256, 0, bits]
        order = ">u2" if syntax == ExplicitVRBigEndian else "<u2"
        palette[f"{colour}PaletteColorLookupTableData"] = entries.astype(order).tobytes()
    shown = pixels(chest_bytes(), syntax, PhotometricInterpretation="PALETTE COLOR", **palette)
    expected = (
        sum(weight * ramp[chest_bytes()] for weight, ramp in zip((0.299, 0.587, 0.114), ramps, strict=True)) / 255
    )
    assert np.abs(shown - expected).max() < 1e-5


def test_a_palette_that_is_missing_is_unsupported() -> None:
    with pytest.raises(Refusal) as refused:
        pixels(chest_bytes(), PhotometricInterpretation="PALETTE COLOR")
    assert refused.value.code == "unsupported"


RGB = np.stack([chest_bytes(seed=n) for n in range(3)], -1)


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("scale", [1, 257])
def test_colours_become_their_luma(planar: int, scale: int) -> None:
    rgb = RGB if scale == 1 else RGB.astype(np.uint16) * np.uint16(scale)
    stored = np.ascontiguousarray(np.moveaxis(rgb, -1, 0)) if planar else rgb
    shown = pixels(rgb, PlanarConfiguration=planar, PixelData=stored.tobytes())
    assert np.allclose(shown, RGB @ [0.299, 0.587, 0.114] / 255, atol=1e-5)


def test_of_ybr_the_y_is_the_grey() -> None:
    assert np.allclose(pixels(RGB, PhotometricInterpretation="YBR_FULL"), RGB[..., 0] / 255, atol=1e-6)
    pairs = RGB[..., 0].reshape(-1, 2)
    halved = np.column_stack([pairs, np.full_like(pairs, 128)])
    shown = pixels(RGB, PhotometricInterpretation="YBR_FULL_422", PixelData=halved.tobytes())
    assert np.allclose(shown, RGB[..., 0] / 255, atol=1e-6)
