from __future__ import annotations

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungwise.films.dicom.elements import Element, Elements, Encoding
from lungwise.films.dicom.text import PersonName, TextDecoder

NAME, CHARACTER_SET = 0x00100010, 0x00080005


def decoder(value: bytes, character_set: bytes = b"") -> TextDecoder:
    little = Encoding(order="<", explicit=True)
    return TextDecoder(
        Elements(
            {
                CHARACTER_SET: Element(value=memoryview(character_set), vr=b"CS", encoding=little),
                NAME: Element(value=memoryview(value), vr=b"PN", encoding=little),
            }
        )
    )


GROUPS = ("alphabetic", "ideographic", "phonetic")
KANJI = b"=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J"
"""Yamada Tarou: PS3.5, annex H."""


@pytest.mark.parametrize(
    ("value", "character_set", "name"),
    [
        (
            b"Yamada^Tarou" + KANJI.replace(b"\x1b(J", b"\x1b(B"),
            rb"\ISO 2022 IR 87",
            ("Yamada Tarou", "山田 太郎", "やまだ たろう"),
        ),
        (
            b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3" + KANJI,
            rb"ISO 2022 IR 13\ISO 2022 IR 87",
            ("ﾔﾏﾀﾞ ﾀﾛｳ", "山田 太郎", "やまだ たろう"),
        ),
        (b"Yamada^Tarou" + KANJI, b"", ("Yamada Tarou", "山田 太郎", "やまだ たろう")),
        (b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3", b"ISO_IR 13", ("ﾔﾏﾀﾞ ﾀﾛｳ",)),
        (
            b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
            rb"\ISO 2022 IR 149",
            ("Hong Gildong", "洪 吉洞", "홍 길동"),
        ),
        ("Wang^XiaoDong=王^小东=".encode("gb18030"), b"GB18030", ("Wang XiaoDong", "王 小东")),
        ("Wang^XiaoDong=王^小東".encode(), b"ISO_IR 192", ("Wang XiaoDong", "王 小東")),
        ("Müller^Jörg".encode(), b"", ("Müller Jörg",)),
        ("Müller^Jörg".encode("latin-1"), b"", ("Müller Jörg",)),
        ("Müller^Jörg".encode("latin-1"), b"ISO_IR 192", ("Müller Jörg",)),
        ("Müller^Jörg".encode("latin-1"), b"ISO-IR 100 ", ("Müller Jörg",)),
        ("Жюли".encode("iso8859_5"), b"ISO_IR 144", ("Жюли",)),
        ("قباني^لنزار".encode("iso8859_6"), b"ISO 2022 IR 127", ("قباني لنزار",)),
        ("Διονυσιος".encode("iso8859_7"), b"ISO_IR 126", ("Διονυσιος",)),
        ("שרון^דבורה".encode("iso8859_8"), b"ISO_IR 138", ("שרון דבורה",)),
        ("Çavuş^İpek".encode("iso8859_9"), b"ISO_IR 148", ("Çavuş İpek",)),
        ("นามสกุล".encode("tis-620"), b"ISO_IR 166", ("นามสกุล",)),
        ("सुनीता^शर्मा".encode(), b"ISO_IR 192", ("सुनीता शर्मा",)),
        (b"Doe^\x1b-A\xc9mile^Ren\xe9", rb"\ISO 2022 IR 100", ("Doe Émile René",)),
        (b"Doe^J\x00 ", b"", ("Doe J",)),
        (b"\x1b%Zplain", b"ISO_IR 100", ("plain",)),
        (b"One^A\\Two^B", b"", ("One A",)),
    ],
)
def test_names_are_read_in_every_script(value: bytes, character_set: bytes, name: tuple[str, ...]) -> None:
    assert decoder(value, character_set).name(NAME) == PersonName(**dict(zip(GROUPS, name, strict=False)))


def test_the_name_that_is_shown_is_the_first_group_that_there_is() -> None:
    assert str(decoder("=山田^太郎=".encode()).name(NAME)) == "山田 太郎"


@given(st.binary(max_size=80), st.sampled_from([b"", b"ISO_IR 13", rb"\ISO 2022 IR 87", b"GB18030", b"UTF-8", b"zip"]))
def test_any_bytes_give_a_line_that_can_be_shown_and_no_warning(value: bytes, character_set: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        line = decoder(value, character_set).line(NAME)
    assert not any(ord(letter) < 32 or letter in "\u202a\u202e" for letter in line)


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_any_name_of_a_character_set_is_taken(value: bytes, character_set: bytes) -> None:
    decoder(value, character_set).name(NAME)
