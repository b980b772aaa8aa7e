from __future__ import annotations

import pytest

from lungwise.reports.typesetting.bidi import in_visual_order, is_right_to_left, levels


def seen(text: str) -> str:
    """The letters of a line from left to right."""
    return "".join(text[at] for at in in_visual_order(levels(text, int(is_right_to_left(text)))))


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Ada", "Ada"),
        ("אבג", "גבא"),
        ("Name: אבג, 7", "Name: 7 ,גבא"),
        ("אבג 12-3 abc", "abc 12-3 גבא"),
        ("محمد ١٢", "١٢ دمحم"),
        ("محمد 12,5", "12,5 دمحم"),
        ("abc אב 5% גד", "abc דג 5% בא"),
        ("אב (ג)", ")ג( בא"),
        ("", ""),
        ("Name: \u2068אבג\u2069, 12-3", "Name: \u2068גבא\u2069, 12-3"),
        ("\u2068אבג\u2069 · 12-3", "\u2068גבא\u2069 · 12-3"),
        ("אב \u2068abc 12\u2069 גד", "דג \u2069abc 12\u2068 בא"),
        ("אבג\u2069, 12-3", "גבא\u2069, 12-3"),
        ("Name: \u2068אב", "Name: \u2068בא"),
    ],
)
def test_letters_stand_as_the_standard_says(said: str, shown: str) -> None:
    assert seen(said) == shown


def test_spaces_at_the_end_stand_at_the_lines_end() -> None:
    assert levels("אב ", 0) == [1, 1, 0]
    assert levels("ab ", 1) == [2, 2, 1]


def test_a_paragraph_runs_as_its_first_letter_does() -> None:
    assert is_right_to_left("7 - محمد abc")
    assert not is_right_to_left("7 - abc محمد")
    assert not is_right_to_left("7")
