"""Each language has one term for one thing: its catalogue is held to its glossary."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from lungwise.languages import LANGUAGES, TRANSLATIONS

GLOSSARY = Path(__file__).parents[2] / "docs/glossary"
OTHERS = [language for language in LANGUAGES if language != "en"]


@dataclass(frozen=True)
class Term:
    """A row of a glossary."""

    english: str
    forms: str
    never: str


def terms(language: str) -> list[Term]:
    rows = re.findall(
        r"^\| (.*) \| .* \| (.*?) \| ?(.*?) ?\|$", (GLOSSARY / f"{language}.md").read_text(), re.MULTILINE
    )
    return [Term(*row) for row in rows if row[0] != "English"]


def found(words: str, text: str) -> str | None:
    """The first of some words that a text has: whole words, or beginnings of words."""
    for word in words.split(", ") if words else ():
        end = "" if word.endswith("…") else r"(?![\w\u0900-\u0963\u0966-\u097f])"
        if re.search(rf"(?<![\w\u0900-\u0963\u0966-\u097f]){re.escape(word.rstrip('…'))}{end}", text, re.IGNORECASE):
            return word
    return None


def sentences(language: str) -> list[tuple[str, str]]:
    """Each sentence with its translation, without the places of values and the names of settings."""
    with (Path(TRANSLATIONS) / language / "LC_MESSAGES/messages.po").open("rb") as file:
        pairs = [(_forms(one.id), _forms(one.string)) for one in read_po(file) if one.id]
    return [(_bare(text), _bare(said)) for texts, all_said in pairs for text, said in zip(texts, all_said, strict=True)]


def _forms(text: object) -> tuple[str, ...]:
    return tuple(map(str, text)) if isinstance(text, tuple | list) else (str(text),)


def _bare(text: str) -> str:
    return re.sub(r"%\(\w+\)[sd]|\w+_\w+", "", text)


@pytest.mark.parametrize("language", OTHERS)
def test_a_thing_is_called_by_its_term_wherever_it_is_named(language: str) -> None:
    wrong = [
        (term.english, english, translated)
        for term in terms(language)
        for english, translated in sentences(language)
        if found(term.english, english) and not found(term.forms, translated)
    ]
    assert wrong == []


@pytest.mark.parametrize("language", OTHERS)
def test_no_second_term_is_used(language: str) -> None:
    texts = sentences(language)
    wrong = [
        (word, translated)
        for term in terms(language)
        for _, translated in texts
        if (word := found(term.never, translated))
    ]
    assert wrong == []


def test_every_glossary_has_the_same_terms() -> None:
    assert len({tuple(term.english for term in terms(language)) for language in OTHERS}) == 1
    assert len(terms("hi")) > 30
