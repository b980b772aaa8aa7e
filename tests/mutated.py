"""Inputs that no sound film has: mutated files of every format, bombs and hostile headers, from a fixed seed."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jpeg_ls
import numpy as np
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from dicom_files import compressed_file, dicom_bytes, dicom_file, film_dataset, jpeg_2000, lut_item
from synthetic_films import chest_bytes, chest_film, chest_words, picture

BYTES, WORDS = chest_bytes(), chest_words(bits=12)
RGB = np.stack([chest_bytes(seed=n) for n in range(3)], -1)
MAGICS = [
    b"\xff\xd8\xff\xe0",
    b"\x89PNG\r\n\x1a\n",
    b"II*\0",
    b"MM\0*",
    b"BM",
    b"RIFF\0\0\0\0WEBP",
    bytes(128) + b"DICM",
]
UNDEFINED = 0xFFFFFFFF


def mutated_inputs(count: int, seed: int = 20261123) -> Iterator[tuple[str, bytes]]:
    """`count` inputs, each with a name that says how it was made: first the hostile ones, then mutations."""
    hostile = _hostile()
    yield from hostile.items()
    chance = random.Random(seed)
    sound, slow = _pictures() | _dicom_films(), _films_for_processes()
    for number in range(count - len(hostile)):
        files = slow if number % 25 == 0 else sound  # these start a process each
        kind = chance.choice(sorted(files))
        change = chance.choice(CHANGES)
        yield f"{number}: {kind}, {change.__name__}", change(files[kind], chance)


def _pictures() -> dict[str, bytes]:
    paletted = Image.fromarray(BYTES).convert("P")
    return {
        "jpeg": picture(BYTES, "JPEG"),
        "jpeg, progressive": picture(RGB, "JPEG", progressive=True),
        "png": picture(BYTES, "PNG"),
        "png, 16 bits": picture(WORDS, "PNG"),
        "png, palette": picture(paletted, "PNG", transparency=b"\1\2\3"),
        "webp": picture(BYTES, "WebP"),
        "webp, lossless": picture(RGB, "WebP", lossless=True),
        "tiff": picture(BYTES, "TIFF"),
        "tiff, lzw": picture(WORDS, "TIFF", compression="tiff_lzw"),
        "tiff, reals": picture(chest_film().astype(np.float32), "TIFF"),
        "bmp": picture(BYTES, "BMP"),
    }


def _dicom_films() -> dict[str, bytes]:
    run_lengths = film_dataset(WORDS)
    dicom_bytes(run_lengths)
    run_lengths.compress(RLELossless, generate_instance_uid=False)
    table = lut_item(100, np.arange(4000, dtype=np.uint16))
    return {
        "dicom": dicom_file(WORDS, BitsStored=12, WindowCenter=2000, WindowWidth=1000, PixelPaddingValue=0),
        "dicom, implicit": dicom_file(
            WORDS, ImplicitVRLittleEndian, ModalityLUTSequence=[table], VOILUTSequence=[table]
        ),
        "dicom, big endian": dicom_file(WORDS, ExplicitVRBigEndian),
        "dicom, deflated": dicom_file(WORDS, DeflatedExplicitVRLittleEndian),
        "dicom, bare": dicom_bytes(film_dataset(BYTES), bare=True),
        "dicom, rgb": dicom_file(RGB),
        "dicom, rle": dicom_bytes(run_lengths, RLELossless),
        "dicom, jpeg": compressed_file(
            picture(RGB, "JPEG"), RGB, JPEGBaseline8Bit, PhotometricInterpretation="YBR_FULL_422"
        ),
        "dicom, jpeg 2000": compressed_file(jpeg_2000(WORDS), WORDS, JPEG2000Lossless),
        "dicom, jpeg 2000, rgb": compressed_file(jpeg_2000(RGB), RGB, JPEG2000Lossless),
        "dicom, jpeg-ls": compressed_file(bytes(jpeg_ls.encode_array(WORDS)), WORDS, JPEGLSLossless),
    }


def _films_for_processes() -> dict[str, bytes]:
    files = {"tiff, jpeg": picture(RGB, "TIFF", compression="jpeg")}
    for name in ("JPEG-LL.dcm", "JPGExtended.dcm"):
        files[name] = compressed_file(_frame(name), np.zeros((1024, 256), np.uint16), JPEGLosslessSV1)
    return files


def truncated(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def truncated_and_ended(data: bytes, chance: random.Random) -> bytes:
    return truncated(data, chance) + chance.choice([b"\xff\xd9", b"\0IEND\xaeB`\x82", b"\xfe\xff\xdd\xe0\0\0\0\0"])


def bits_flipped(data: bytes, chance: random.Random) -> bytes:
    flipped = bytearray(data)
    for _ in range(chance.choice([1, 2, 8, 64])):
        flipped[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(flipped)


def header_overwritten(data: bytes, chance: random.Random) -> bytes:
    written = bytearray(data)
    for _ in range(chance.choice([1, 2, 4])):
        at = chance.randrange(min(len(data), 1200))
        extreme = chance.choice([b"\xff", b"\0", b"\x7f", b"\x80"]) * chance.choice([1, 2, 4])
        written[at : at + len(extreme)] = extreme
    return bytes(written[: len(data)])


def codestream_overwritten(data: bytes, chance: random.Random) -> bytes:
    starts = [data.rfind(start) for start in (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\xe0\x7f\x10\0")]
    start = max(max(starts), 0)
    return data[:start] + header_overwritten(data[start:], chance)


def piece_removed(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + data[at + chance.randrange(1, 400) :]


def piece_repeated(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + data[at : at + chance.randrange(1, 400)] * chance.choice([2, 3, 50]) + data[at:]


def spliced(data: bytes, chance: random.Random) -> bytes:
    other = chance.choice([picture(BYTES, "JPEG"), picture(BYTES, "PNG"), dicom_file(WORDS)])
    return data[: chance.randrange(len(data))] + other[chance.randrange(len(other)) :]


def with_another_magic(data: bytes, chance: random.Random) -> bytes:
    magic = chance.choice(MAGICS)
    return magic + data[len(magic) :]


CHANGES: list[Callable[[bytes, random.Random], bytes]] = [
    truncated,
    truncated_and_ended,
    bits_flipped,
    header_overwritten,
    codestream_overwritten,
    piece_removed,
    piece_repeated,
    spliced,
    with_another_magic,
]


def element(tag: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    """One data element in explicit VR, with any declared length."""
    size = len(value) if length is None else length
    long = vr in (b"SQ", b"OW", b"OB", b"UN")
    return struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr) + struct.pack("<xxI" if long else "<H", size) + value


def _hostile() -> dict[str, bytes]:
    return _hostile_elements() | _hostile_headers() | _hostile_pixels() | _hostile_pictures()


def _hostile_elements() -> dict[str, bytes]:
    whole = dicom_file(BYTES)
    body = whole.index(b"\x08\0\x16\0UI")
    head, rest = whole[:body], whole[body:]
    sequence = element(0x00081110, b"SQ", b"", UNDEFINED)
    item = struct.pack("<HHI", 0xFFFE, 0xE000, UNDEFINED)
    implicit = struct.pack("<HHI", 0x0008, 0x1110, UNDEFINED)
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = deflater.compress(bytes(2**24)) + deflater.flush(zlib.Z_FULL_FLUSH)
    deflated_head = dicom_file(BYTES, DeflatedExplicitVRLittleEndian)
    deflated_head = deflated_head[: 144 + int.from_bytes(deflated_head[140:144], "little")]
    return {
        "bottomless sequences": head + (sequence + item) * 200_000,
        "bottomless sequences, implicit": head + (implicit + item) * 200_000,
        "endless items": head + sequence + item * 500_000,
        "endless elements": head + element(0x00080018, b"UI", b"") * 500_000 + rest,
        "endless ends": head + struct.pack("<HHI", 0xFFFE, 0xE00D, 0) * 100_000,
        "a huge length": head + element(0x00081110, b"UN", b"", UNDEFINED - 1) + rest,
        "undefined length without an end": head + element(0x00280010, b"OW", b"", UNDEFINED) + rest,
        "a deflate bomb": deflated_head + block * 300 + deflater.flush(),
        "a deflated film of 60 megapixels of nothing": dicom_file(
            np.broadcast_to(np.uint16(0), (8000, 7500)), DeflatedExplicitVRLittleEndian
        ),
        "a deflated tangle": deflated_head + bytes(range(256)) * 100,
        "meta information alone": head,
        "meta information of a huge length": whole[:140] + b"\xff\xff\xff\xff" + whole[144:],
        "zeros after the preamble": bytes(128) + b"DICM" + bytes(10**6),
    }


def _hostile_headers() -> dict[str, bytes]:
    lut = lut_item(0, np.arange(60_000, dtype=np.uint16))
    short = lut_item(0, np.arange(10, dtype=np.uint16))
    short.LUTDescriptor = [0, 0, 16]
    none = lut_item(0, np.arange(10, dtype=np.uint16))
    none.LUTDescriptor = [10, 0, 0]
    attributes: dict[str, dict[str, Any]] = {
        "no bits": {"BitsStored": 0},
        "more bits than a word": {"BitsStored": 65535, "HighBit": 65535},
        "a high bit beyond": {"HighBit": 65535},
        "no rows": {"Rows": 0},
        "no columns": {"Columns": 0},
        "all rows and columns": {"Rows": 65535, "Columns": 65535},
        "64 megapixels of nothing": {"Rows": 8000, "Columns": 8000},
        "many samples": {"SamplesPerPixel": 65535},
        "many frames": {"NumberOfFrames": 2_000_000_000},
        "a huge lut": {"VOILUTSequence": [lut] * 50, "ModalityLUTSequence": [lut] * 50},
        "a short lut": {"VOILUTSequence": [short]},
        "a lut of no bits": {"VOILUTSequence": [none]},
        "a palette that is none": {"PhotometricInterpretation": "PALETTE COLOR"},
        "a window of nothing": {"WindowCenter": "1e300", "WindowWidth": "1e-300", "VOILUTFunction": "SIGMOID"},
        "a slope of nothing": {"RescaleSlope": "0", "RescaleIntercept": "1e308"},
        "a slope beyond": {"RescaleSlope": "1e308", "RescaleIntercept": "-1e308"},
    }
    return {name: dicom_file(WORDS, **values) for name, values in attributes.items()}


def _hostile_pixels() -> dict[str, bytes]:
    nothing = np.broadcast_to(np.uint8(0), (8000, 8000))
    codestream = bytearray(jpeg_2000(BYTES))
    codestream[8:16] = codestream[24:32] = struct.pack(">II", 8000, 8000)
    style = codestream.index(b"\xff\x52")
    fine_blocks, fine_precincts = bytearray(codestream), bytearray(codestream)
    fine_blocks[style + 10 : style + 12] = b"\0\0"
    levels = codestream[style + 9]
    fine_precincts[style + 4] |= 1
    fine_precincts[style + 3] += levels + 1
    fine_precincts[style + 14 : style + 14] = b"\x11" * (levels + 1)
    tiny_tiles = bytearray(codestream)
    tiny_tiles[24:32] = struct.pack(">II", 40, 40)
    segment = struct.pack("<16I", 1, 64, *[0] * 14)
    lossless, extended = (_frame(name) for name in ("JPEG-LL.dcm", "JPGExtended.dcm"))
    deep = np.broadcast_to(np.uint16(0), (8000, 8000))
    return _overridden_coding_styles() | {
        "lossless jpeg, 64 megapixels of a small one": compressed_file(
            _declaring(lossless, b"\xff\xc3"), deep, JPEGLosslessSV1
        ),
        "12-bit jpeg, 64 megapixels of a small one": compressed_file(
            _declaring(extended, b"\xff\xc1"), deep, JPEGExtended12Bit
        ),
        "jpeg, 64 megapixels of a small one": compressed_file(
            _declaring(picture(BYTES, "JPEG"), b"\xff\xc0"), nothing, JPEGBaseline8Bit
        ),
        "jpeg-ls, 64 megapixels of a small one": compressed_file(
            _declaring(bytes(jpeg_ls.encode_array(BYTES)), b"\xff\xf7"), nothing, JPEGLSLossless
        ),
        "jpeg 2000, 64 megapixels of a small one": compressed_file(bytes(codestream), nothing, JPEG2000Lossless),
        "jpeg 2000, fine blocks": compressed_file(bytes(fine_blocks), nothing, JPEG2000Lossless),
        "jpeg 2000, fine precincts": compressed_file(bytes(fine_precincts), nothing, JPEG2000Lossless),
        "jpeg 2000, tiny tiles": compressed_file(bytes(tiny_tiles), nothing, JPEG2000Lossless),
        "an rle bomb": compressed_file(segment + b"\x81\0" * 2_000_000, BYTES, RLELossless),
        "rle without an end": compressed_file(segment + b"\x80" * 2_000_000, BYTES, RLELossless),
        "rle of 64 megapixels": compressed_file(segment + b"\x81\0" * 2, nothing, RLELossless),
        "a million fragments": compressed_file(b"\xff\xd8", BYTES, RLELossless)[:-8]
        + struct.pack("<HHI", 0xFFFE, 0xE000, 0) * 10**6,
        "jpeg, endless markers": compressed_file(
            b"\xff\xd8" + b"\xff\xe0\0\2" * 10**6 + b"\xff\xd9", BYTES, JPEGBaseline8Bit
        ),
        "jpeg, endless fill": compressed_file(b"\xff\xd8" + b"\xff" * 10**6 + b"\xff\xd9", BYTES, JPEGBaseline8Bit),
    }


def _frame(name: str) -> bytes:
    data = Path(str(get_testdata_file(name, download=False))).read_bytes()
    return data[data.index(b"\xff\xd8\xff") : data.rindex(b"\xff\xd9") + 2]


def _declaring(jpeg: bytes, marker: bytes) -> bytes:
    """The frame, whose header now declares 8000 x 8000 pixels."""
    at = jpeg.index(marker) + 5
    return jpeg[:at] + struct.pack(">HH", 8000, 8000) + jpeg[at + 4 :]


def _overridden_coding_styles() -> dict[str, bytes]:
    """JPEG 2000 whose main coding style is sound, and is overridden by precincts of 2 x 2."""
    like = np.broadcast_to(np.uint8(0), (2048, 2048))
    frame = bytearray(jpeg_2000(BYTES))
    frame[8:16] = frame[24:32] = struct.pack(">II", 2048, 2048)
    frame[-2:-2] = bytes(10_000)
    part = frame.index(b"\xff\x90")
    of_all = b"\xff\x52\0\x12\1\0\0\1\0\5\4\4\0\1" + b"\x11" * 6
    of_one = b"\xff\x53\0\x0f\0\1\5\4\4\0\1" + b"\x11" * 6
    files = {}
    for name, style in (("all components", of_all), ("one component", of_one)):
        for place, at in (("the main header", part), ("a tile-part", part + 12)):
            changed = frame[:at] + style + frame[at:]
            size = len(frame) - 2 - part + len(style) * (at > part)
            start = changed.index(b"\xff\x90")
            changed[start + 6 : start + 10] = struct.pack(">I", size)
            files[f"jpeg 2000, precincts of {name} in {place}"] = compressed_file(
                bytes(changed), like, JPEG2000Lossless
            )
    return files


def _hostile_pictures() -> dict[str, bytes]:
    png, bmp = picture(BYTES, "PNG"), bytearray(picture(BYTES, "BMP"))
    size = png[16:24]
    chunk = b"IHDR" + struct.pack(">II", 60_000, 60_000) + png[24:29]
    bomb = png.replace(b"IHDR" + size + png[24:33], chunk + struct.pack(">I", zlib.crc32(chunk)))
    text = b"zTXtx\0\0" + zlib.compress(bytes(2**26))
    inflating = png[:33] + struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text)) + png[33:]
    jpeg = picture(BYTES, "JPEG", progressive=True)
    scan = jpeg.rindex(b"\xff\xda")
    run_lengths = bytearray(bmp)
    run_lengths[18:26], run_lengths[30] = struct.pack("<II", 8000, 8000), 1
    tiff = picture(BYTES, "TIFF")
    directory = int.from_bytes(tiff[4:8], "little")
    return {
        "png, 3.6 gigapixels": bomb,
        "png, an inflating text": inflating,
        "jpeg, endless scans": jpeg[:-2] + jpeg[scan:-2] * 5000 + b"\xff\xd9",
        "bmp, run lengths of 64 megapixels": bytes(run_lengths),
        "bmp, 2 gigapixels": bytes(bmp[:18] + struct.pack("<ii", 46_000, -46_000) + bmp[26:]),
        "tiff, a directory of everything": tiff[:directory] + b"\xff\xff" + bytes(range(256)) * 3200,
        "tiff, a directory in a circle": tiff + struct.pack("<HI", 0, directory),
        "tiff, 20 million strips": _tiff_of_values(20_000_000),
        "tiff, 20 million strips, 64 bits": _tiff_of_values(20_000_000, big=True),
        "png, exif of 20 million values": png[:33] + _chunk(b"eXIf", _tiff_of_values(20_000_000, tag=274)) + png[33:],
        "png, 64 megapixels of 64 bits": png[:8]
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", 8000, 8000, 16, 6, 0, 0, 0))
        + _chunk(b"IDAT", png[41:])
        + png[-12:],
        "jpeg, fill bytes before the header": jpeg[:2] + b"\xff" * 10**7 + jpeg[2:],
        "jpeg, junk before the header": jpeg[:2] + b"\xff\xe0\0\2" + b"\1" * 10**7 + jpeg[2:],
        "jpeg, stuffed bytes before the header": jpeg[:2] + b"\xff\xe0\0\2" + b"\xff\0" * 5 * 10**6 + jpeg[2:],
        "jpeg, segments of nothing": jpeg[:2] + b"\xff\xe0\0\2" * 3 * 10**6 + jpeg[2:],
        "jpeg, restart markers before the header": jpeg[:2] + b"\xff\xe0\0\2" + b"\xff\xd0" * 5 * 10**6 + jpeg[2:],
        "jpeg, markers between scans": jpeg[:-2] + b"\xff\1" * 5 * 10**6 + b"\xff\xd9",
        "png, chunks of nothing": png[:33] + _chunk(b"IDAT", b"") * 10**6 + png[33:],
        "png, an inflating profile": png[:33] + _chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(2**26))) + png[33:],
        "png, 49 megapixels": picture(Image.new("L", (7000, 7000)), "PNG"),
        "tiff, a chain of pages": _chain_of_pages(100_000),
        "tiff, every strip the whole file": run_lengths_in_strips(100_000, b"\x80\0" * 2**22),
        "tiff, every strip a million times nothing": run_lengths_in_strips(100_000, b"\x80" * 10**6 + b"\xc1\0"),
        "tiff, tiles of 4 gigapixels": tiff_of_tiles(640, 64, 16, 2**28),
        "tiff, a tile of 600 megapixels": tiff_of_tiles(512, 512, 24_576, 24_576),
        "tiff, endless scans": _tiff_of_scans(8000, 2400, 90),
        "webp, an empty canvas": b"RIFF\x1e\0\0\0WEBPVP8X\n\0\0\0\x10\0\0\0\xff\xff\xff\xff\xff\xff" + bytes(8),
    }


def _chain_of_pages(count: int) -> bytes:
    """A TIFF of thumbnails without number."""
    entries = struct.pack("<H", 3) + b"".join(struct.pack("<HHII", tag, 4, 1, 64) for tag in (254, 256, 257))
    size = len(entries) + 4
    return b"II*\0\x08\0\0\0" + b"".join(entries + struct.pack("<I", 8 + size * (n + 1)) for n in range(count))


def run_lengths_in_strips(rows: int, pixels: bytes) -> bytes:
    """A TIFF of strips of one line of 64 pixels each, all of which are these run lengths."""
    return _tiff_of_parts({256: 64, 257: rows, 259: 32773, 278: 1}, (273, 279), rows, pixels)


def tiff_of_tiles(width: int, height: int, tile_width: int, tile_height: int) -> bytes:
    """A TIFF of tiles, all of which are the same bytes: zeros, of 16 million pixels at the most, deflated."""
    pixels = zlib.compress(bytes(min(tile_width * tile_height, 2**24)))
    tags = {256: width, 257: height, 259: 8, 322: tile_width, 323: tile_height}
    return _tiff_of_parts(tags, (324, 325), -(-width // tile_width) * -(-height // tile_height), pixels)


def _tiff_of_scans(width: int, height: int, more: int) -> bytes:
    """A TIFF that is one progressive JPEG, with so many scans more than it needs."""
    jpeg = picture(Image.new("L", (width, height)), "JPEG", progressive=True)
    pixels = jpeg[:-2] + jpeg[jpeg.rindex(b"\xff\xda") : -2] * more + jpeg[-2:]
    return _tiff_of_parts({256: width, 257: height, 259: 7, 278: height}, (273, 279), 1, pixels)


def _tiff_of_parts(tags: dict[int, int], places: tuple[int, int], parts: int, pixels: bytes) -> bytes:
    """A grey TIFF of so many strips or tiles, all of which are the same bytes."""
    tags = {258: 8, 262: 1, 277: 1} | tags
    start = 8 + 2 + 12 * (len(tags) + 2) + 4
    where = (start, start + 4 * parts) if parts > 1 else (start + 8, len(pixels))  # a single value stands in its entry
    entries = {tag: struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items()}
    entries |= {tag: struct.pack("<HHII", tag, 4, parts, at) for tag, at in zip(places, where, strict=True)}
    head = b"II*\0" + struct.pack("<IH", 8, len(entries)) + b"".join(entries[tag] for tag in sorted(entries)) + bytes(4)
    return head + struct.pack("<I", start + 8 * parts) * parts + struct.pack("<I", len(pixels)) * parts + pixels


def _chunk(kind: bytes, value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + kind + value + struct.pack(">I", zlib.crc32(kind + value))


def _tiff_of_values(count: int, *, tag: int = 273, big: bool = False) -> bytes:
    """A TIFF whose one entry has `count` values of 16 bits."""
    if big:
        head = b"II+\0\x08\0\0\0" + struct.pack("<QQHHQQQ", 16, 1, tag, 3, count, 52, 0)
    else:
        head = b"II*\0" + struct.pack("<IHHHIII", 8, 1, tag, 3, count, 26, 0)
    return head + bytes(2 * count)
