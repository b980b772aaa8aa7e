"""The fonts of one PDF: of each typeface the glyphs that were used, and the letters that they stand for."""

from __future__ import annotations

from typing import Any

import uharfbuzz as hb
from reportlab.pdfbase import pdfdoc

from lungwise.reports.typesetting.shaping import Glyph
from lungwise.reports.typesetting.typefaces import Typeface

_SYMBOLIC = 4
_MAP = """/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <FFFF>
endcodespacerange
{letters}
endcmap
CMapName currentdict /CMap defineresource pop
end
end
"""
_MOST_IN_A_BLOCK = 100
_Key = tuple[int, str, int]
"""A glyph's number, the letters that it stands for, and how far it moves the pen, in thousandths of an em."""


class EmbeddedFonts:
    """Gives each glyph of a document a code, and writes the fonts when the document is finished.

    A glyph that stands for other letters in another place has another code there, so that a reader of the file finds
    the letters that were written, in every script.
    """

    def __init__(self) -> None:
        self._codes: dict[Typeface, dict[_Key, int]] = {}
        self._documents: list[Any] = []

    def name(self, typeface: Typeface, document: Any) -> str:  # noqa: ANN401 - ReportLab is untyped
        """Return what a typeface is called in a document."""
        if document not in self._documents:
            self._documents.append(document)
            document.delayedFonts.append(self)
        self._codes.setdefault(typeface, {})
        return f"N{list(self._codes).index(typeface) + 1}"

    def code(self, typeface: Typeface, glyph: Glyph, advance: int) -> int:
        """Return the code of a glyph that moves the pen so far."""
        codes = self._codes[typeface]
        return codes.setdefault((glyph.number, glyph.text, advance), len(codes) + 1)

    def addObjects(self, document: Any) -> None:  # noqa: ANN401, N802 - so ReportLab calls it
        """Write the fonts: ReportLab calls this before it writes the document."""
        for number, (typeface, codes) in enumerate(self._codes.items(), start=1):
            document.idToObject["BasicFonts"].dict[f"N{number}"] = _font(document, typeface, codes, number)


def _font(document: Any, typeface: Typeface, codes: dict[_Key, int], number: int) -> Any:  # noqa: ANN401
    name = pdfdoc.PDFName(f"LUNG{chr(64 + number // 26 + 1)}{chr(65 + number % 26)}+{typeface.name}")
    widths = [advance for _number, _text, advance in codes]
    descendant = {
        "Type": "/Font",
        "Subtype": "/CIDFontType2",
        "BaseFont": name,
        "CIDSystemInfo": pdfdoc.PDFDictionary(
            {"Registry": pdfdoc.PDFString("Adobe"), "Ordering": pdfdoc.PDFString("Identity"), "Supplement": 0}
        ),
        "FontDescriptor": document.Reference(_descriptor(document, typeface, codes, name)),
        "W": pdfdoc.PDFArray([1, pdfdoc.PDFArray(widths)]),
        "CIDToGIDMap": document.Reference(_stream(document, _glyphs_of(codes))),
    }
    whole = {
        "Type": "/Font",
        "Subtype": "/Type0",
        "BaseFont": name,
        "Encoding": "/Identity-H",
        "DescendantFonts": pdfdoc.PDFArray([document.Reference(pdfdoc.PDFDictionary(descendant))]),
        "ToUnicode": document.Reference(_stream(document, _letters_of(codes))),
    }
    return document.Reference(pdfdoc.PDFDictionary(whole))


def _descriptor(document: Any, typeface: Typeface, codes: dict[_Key, int], name: Any) -> Any:  # noqa: ANN401
    extents, scale = typeface.font.get_font_extents("ltr"), 1000 / typeface.upem
    up, down = round(extents.ascender * scale), round(extents.descender * scale)
    return pdfdoc.PDFDictionary(
        {
            "Type": "/FontDescriptor",
            "FontName": name,
            "Flags": _SYMBOLIC,
            "FontBBox": pdfdoc.PDFArray([-1000, down, 2000, up]),
            "ItalicAngle": 0,
            "Ascent": up,
            "Descent": down,
            "CapHeight": 714,
            "StemV": 80,
            "FontFile2": document.Reference(_stream(document, _subset(typeface, codes), lengths=True)),
        }
    )


def _subset(typeface: Typeface, codes: dict[_Key, int]) -> bytes:
    wanted = hb.SubsetInput()
    wanted.glyph_set.update(hb.Set({number for number, _text, _advance in codes}))
    wanted.flags = hb.SubsetFlags.RETAIN_GIDS | hb.SubsetFlags.NO_LAYOUT_CLOSURE | hb.SubsetFlags.NO_HINTING
    dropped = {int.from_bytes(tag.encode(), "big") for tag in ("GSUB", "GPOS", "GDEF", "cmap", "name", "post", "OS/2")}
    wanted.drop_table_tag_set.update(hb.Set(dropped))
    return bytes(hb.subset(typeface.font.face, wanted).blob.data)


def _glyphs_of(codes: dict[_Key, int]) -> bytes:
    return b"\0\0" + b"".join(number.to_bytes(2, "big") for number, _text, _advance in codes)


def _letters_of(codes: dict[_Key, int]) -> bytes:
    rows = [
        f"<{code:04X}> <{text.encode('utf-16-be').hex().upper()}>" for (_number, text, _advance), code in codes.items()
    ]
    blocks = [rows[at : at + _MOST_IN_A_BLOCK] for at in range(0, len(rows), _MOST_IN_A_BLOCK)]
    letters = "\n".join(f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar" for block in blocks)
    return _MAP.replace("{letters}", letters).encode()


def _stream(document: Any, content: bytes, *, lengths: bool = False) -> Any:  # noqa: ANN401
    stream = pdfdoc.PDFStream(content=content)
    if lengths:
        stream.dictionary["Length1"] = len(content)
    if document.compression:
        stream.filters = [pdfdoc.PDFZCompress]
    return stream
