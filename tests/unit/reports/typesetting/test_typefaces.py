from __future__ import annotations

from pathlib import Path

import pytest

from lungwise.languages import LANGUAGES, words_of
from lungwise.reports.typesetting.typefaces import FOLDER, Typefaces, writable
from lungwise.studies.labels import LIMITS

DEJAVU = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")


@pytest.mark.parametrize(
    "name",
    [
        *("Béla Bartók", "Nguyễn Thị Hồng", "Καζαντζάκης", "Иванов", "सुनीता शर्मा", "محمد علي", "王小明", "עמית כהן"),
        *("স্বপ্না", "சுப்பிரமணியன்", "తెలుగు", "ગુજરાતી", "ਗੁਰਮੁਖੀ", "ಕನ್ನಡ", "മലയാളം", "ଓଡ଼ିଆ", "සිංහල", "ไทย"),
        *("ລາວ", "ខ្មែរ", "မြန်မာ", "አማርኛ", "Հայերեն", "ქართული", "ひらがな"),
    ],
)
def test_the_fonts_that_are_shipped_have_the_scripts_of_names(name: str) -> None:
    assert Typefaces().lacking(name) == ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_fonts_that_are_shipped_have_every_language_of_the_pages(language: str) -> None:
    assert Typefaces().lacking(words_of(language)(LIMITS)) == ""


def test_letters_that_no_font_has_are_named_once_and_what_is_not_seen_is_left_out() -> None:
    assert Typefaces().lacking("a\U000f0001b\U000f0001\n\u202e\u200b\x07") == "\U000f0001"
    assert writable("a\u202eb\u200d\x07\nc\ufe0f") == "ab\u200d\nc"


def test_the_clinics_own_font_is_asked_before_those_of_other_scripts(tmp_path: Path) -> None:
    known = Typefaces(DEJAVU).of("\u0634", None)
    assert known is not None and known.name == "DejaVuSans"
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"no font")
    for path in (broken, tmp_path / "none.ttf"):
        assert Typefaces(path).lacking("\u0634") == ""


def test_the_fonts_take_at_most_two_megabytes_and_have_their_licence() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 2 << 20
    assert "SIL OPEN FONT LICENSE" in (FOLDER / "OFL.txt").read_text(encoding="utf-8").upper()
