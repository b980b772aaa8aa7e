from __future__ import annotations

import pytest

from lungwise.reports.typesetting.shaping import line, lines
from lungwise.reports.typesetting.typefaces import Typefaces

FACES = Typefaces()


def texts(text: str, width: float) -> list[str]:
    return ["".join(run.text for run in runs) for runs in lines(text, width, FACES)]


def test_vowel_signs_move_before_their_letter_and_letters_join() -> None:
    (run,) = line("कि", 0, FACES)
    (cluster,) = run.clusters
    assert cluster.text == "कि"
    first, second = cluster.glyphs
    assert first.x < second.x
    assert first.number == line("ि", 0, FACES)[0].clusters[0].glyphs[0].number or first.number != second.number
    (joined,) = line("क्ष", 0, FACES)[0].clusters
    assert len(joined.glyphs) == 1


def test_arabic_letters_have_the_form_of_their_place_and_run_to_the_left() -> None:
    (run,) = line("ببب", 1, FACES)
    assert run.is_backwards
    assert len({cluster.glyphs[0].number for cluster in run.clusters}) == 3


def test_each_letter_is_in_a_font_that_has_it() -> None:
    runs = line("Ada सुनीता 王", 0, FACES)
    assert [run.typeface.name for run in runs] == ["NotoSans", "NotoSansDevanagari", "NotoSansSC"]
    assert all(glyph.number for run in runs for cluster in run.clusters for glyph in cluster.glyphs)


def test_lines_end_after_words_between_ideographs_and_within_what_is_too_long() -> None:
    assert texts("one two three", 4) == ["one two", "three"]
    assert texts("one\ntwo", 40) == ["one", "two"]
    assert texts("王小明王小明", 3.1) == ["王小明", "王小明"]
    assert "".join(texts("a" * 40, 5)) == "a" * 40
    assert texts("", 5) == [""]


@pytest.mark.parametrize("text", ["one two three four", "सुनीता शर्मा सुनीता", "محمد علي محمد علي"])
def test_no_line_is_wider_than_it_may_be(text: str) -> None:
    assert all(runs[-1].end <= 5 for runs in lines(text, 5, FACES))


def test_a_line_holds_as_many_words_as_fit_with_what_lies_between_them() -> None:
    """The sum of the words' widths only says where a line need not be measured."""
    text = "AVATAR To AWAY 10 yes, " * 8
    for width in (9.3, 20.0, 33.7):
        found = texts(text, width)
        assert " ".join(found) == text.strip()
        for at, shown in enumerate(found[:-1]):
            following = found[at + 1].split(" ")[0]
            assert line(shown, 0, FACES)[-1].end <= width < line(f"{shown} {following}", 0, FACES)[-1].end


@pytest.mark.parametrize("text", ["SpO2 94 %, 38.5 °C", "10-12 (80 %) / a_b", "कमला 12 A", "1 2 3"])
def test_plain_letters_are_shaped_as_among_others(text: str) -> None:
    """What is written in ASCII alone takes a shorter way."""
    plain = text.encode("ascii", "ignore").decode()

    alone, among = line(plain, 0, FACES), line(f"{plain}é", 0, FACES)

    for run, other in zip(alone, among, strict=True):
        assert run.typeface is other.typeface
        assert run.clusters == other.clusters[: len(run.clusters)]
