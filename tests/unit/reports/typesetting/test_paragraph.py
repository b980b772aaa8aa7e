from __future__ import annotations

import io
from pathlib import Path

import pytest
from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import SimpleDocTemplate

from lungwise.reports.typesetting.paragraph import Typesetter
from lungwise.reports.typesetting.typefaces import Typefaces
from pdf_text import missing_glyphs, texts_of

STYLE = ParagraphStyle("style", fontSize=11, leading=16)
NAMES = (
    *("Béla Bartók-Müller", "सुनीता शर्मा", "कृष्णमूर्ति विद्यार्थी", "محمد علي اللطيف", "مُحَمَّد الأحمد", "王小明 李雪琴"),
    *("עמית כהן", "স্বপ্না চট্টোপাধ্যায়", "ሰላም ተስፋዬ", "Nguyễn Thị Hồng", "สมชาย ใจดี", "Иванов"),
)


def written(*paragraphs: str) -> bytes:
    typesetter, out = Typesetter(Typefaces()), io.BytesIO()
    SimpleDocTemplate(out, invariant=1).build([typesetter.paragraph(text, STYLE) for text in paragraphs])
    return out.getvalue()


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_any_script_is_read_from_the_file_as_it_was_written(name: str, tmp_path: Path) -> None:
    pdf = written(name)
    assert [text.strip() for text in texts_of(pdf, tmp_path)] == [name, name]
    assert missing_glyphs(pdf) == 0


def test_a_long_text_goes_on_over_lines_and_pages(tmp_path: Path) -> None:
    words = " ".join(f"word{n}" for n in range(2000))
    for text in texts_of(written(words), tmp_path):
        assert text.split() == words.split()


def test_an_empty_text_takes_a_line_and_writes_nothing() -> None:
    paragraph = Typesetter(Typefaces()).paragraph("", STYLE)
    assert paragraph.wrap(200, 100) == (200, 16)
    assert b"TJ" not in written("")
