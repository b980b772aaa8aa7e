from __future__ import annotations

from types import SimpleNamespace

from lungwise.reports.typesetting.embedding import EmbeddedFonts
from lungwise.reports.typesetting.shaping import Glyph
from lungwise.reports.typesetting.typefaces import Typefaces


def test_a_glyph_has_one_code_for_the_same_letters_and_another_for_others() -> None:
    fonts, document = EmbeddedFonts(), SimpleNamespace(delayedFonts=[])
    typeface = Typefaces().of("a", None)
    assert typeface is not None
    assert fonts.name(typeface, document) == fonts.name(typeface, document) == "N1"
    assert document.delayedFonts == [fonts]
    first, other = (Glyph(number=7, text=text, x=0, y=0) for text in "ab")
    assert fonts.code(typeface, first, 500) == fonts.code(typeface, first, 500) == 1
    assert fonts.code(typeface, other, 500) == 2
