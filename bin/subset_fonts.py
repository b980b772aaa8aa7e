"""Subset the fonts of the PDF reports, and of pages in Hindi: called by bin/fonts, which fetches them."""

from __future__ import annotations

import hashlib
import io
import lzma
import struct
import sys
import zlib
from pathlib import Path

import uharfbuzz as hb
from fontTools.ttLib import TTFont

NOTO = "usr/share/fonts/truetype/noto"
WOFF = "package/files/noto-sans-sc-chinese-simplified-400-normal.woff"
SCRIPTS = (
    *("Devanagari", "Arabic", "Bengali", "Tamil", "Telugu", "Gujarati", "Gurmukhi", "Kannada", "Malayalam", "Oriya"),
    *("Sinhala", "Thai", "Lao", "Khmer", "Myanmar", "Ethiopic", "Hebrew", "Armenian", "Georgian"),
)
LATIN_GREEK_CYRILLIC = (
    *((0x20, 0x24F), (0x2B0, 0x2FF), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x52F), (0x1E00, 0x1EFF)),
    *((0x2000, 0x206F), (0x20A0, 0x20BF), (0x2100, 0x214F), (0x2190, 0x2193), (0x2200, 0x22FF)),
)
MOST_BYTES = 2 << 20
"""Of all fonts together."""
OF_PAGES = {
    "devanagari.woff2": {*range(0x900, 0x980), 0x200C, 0x200D, 0x20B9, 0x25CC},
    "hindi.woff2": set(map(ord, "हिन्दी")),
}
"""The letters of pages in Hindi, and those of the language's own name, which stands on the sign-in page of each."""
EXPECTED = "sources.sha256"
"""Lies beside the fonts: the hashes of what they were made of."""


def main(source: Path, destination: Path, static: Path) -> None:
    """Write the subsets, the licence and the hashes of the sources."""
    fonts = {"NotoSans": source / NOTO / "NotoSans-Regular.ttf"}
    fonts |= {f"NotoSans{script}": source / NOTO / f"NotoSans{script}-Regular.ttf" for script in SCRIPTS}
    fonts["NotoSansSC"] = source / WOFF
    destination.mkdir(exist_ok=True)
    sums = "".join(f"{_hash(path)}  {path.name}\n" for path in fonts.values())
    known = destination / EXPECTED
    if known.exists() and known.read_text() != sums:
        sys.exit(f"bin/fonts: the sources are not those of {known}. Delete it to take them all the same.")
    for name, path in fonts.items():
        (destination / f"{name}.ttf.xz").write_bytes(_packed(_subset(name, _sfnt(path.read_bytes()))))
    known.write_text(sums)
    (destination / "OFL.txt").write_bytes((source / "package/LICENSE").read_bytes())
    size = sum(path.stat().st_size for path in destination.glob("*.xz"))
    sys.stdout.write(f"{len(fonts)} fonts, {size / (1 << 20):.2f} MB of {MOST_BYTES >> 20}\n")
    if size > MOST_BYTES:
        sys.exit("bin/fonts: that is too large.")
    write_fonts_of_pages(destination, static)


def write_fonts_of_pages(packed: Path, static: Path) -> None:
    """Write the web fonts, from the packed font of the reports."""
    devanagari = lzma.decompress((packed / "NotoSansDevanagari.ttf.xz").read_bytes())
    for name, letters in OF_PAGES.items():
        font = TTFont(io.BytesIO(_with_letters(devanagari, letters, ["STAT"])), recalcTimestamp=False)
        font.flavor = "woff2"
        font.save(static / name)


def _subset(name: str, data: bytes) -> bytes:
    dropped = ["STAT", "vhea", "vmtx", "BASE", "GSUB", "GPOS"] if name == "NotoSansSC" else ["STAT"]
    return _with_letters(data, _letters(name, hb.Face(hb.Blob(data))), dropped)


def _with_letters(data: bytes, letters: set[int], dropped: list[str]) -> bytes:
    face, wanted = hb.Face(hb.Blob(data)), hb.SubsetInput()
    wanted.unicode_set.update(hb.Set(letters))
    wanted.flags = hb.SubsetFlags.NO_HINTING
    wanted.drop_table_tag_set.update(hb.Set({int.from_bytes(tag.encode(), "big") for tag in dropped}))
    return bytes(hb.subset(face, wanted).blob.data)


def _letters(name: str, face: hb.Face) -> set[int]:
    has = set(face.unicodes)
    if name != "NotoSans":
        return has
    return {letter for first, last in LATIN_GREEK_CYRILLIC for letter in range(first, last + 1)} & has


def _packed(data: bytes) -> bytes:
    return lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)


def _sfnt(data: bytes) -> bytes:
    """Unpack a WOFF file (W3C, WOFF 1.0): a TrueType file whose tables are compressed one by one."""
    if data[:4] != b"wOFF":
        return data
    flavour, count = struct.unpack(">4xL4xH", data[:14])
    entries = [struct.unpack_from(">4sLLLL", data, 44 + 20 * n) for n in range(count)]
    power = 1 << (count.bit_length() - 1)
    header = struct.pack(">LHHHH", flavour, count, 16 * power, power.bit_length() - 1, 16 * (count - power))
    place, directory, tables = 12 + 16 * count, b"", b""
    for tag, offset, packed, length, checksum in entries:
        table = data[offset : offset + packed]
        table = zlib.decompress(table) if packed < length else table
        directory += struct.pack(">4sLLL", tag, checksum, place + len(tables), length)
        tables += table + bytes(-length % 4)
    return header + directory + tables


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
