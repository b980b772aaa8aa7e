from __future__ import annotations

import re
from datetime import date

import pytest

from lungwise.languages import LANGUAGES, words_of
from lungwise.monitoring.alarm_words import letter, numbers, sentence
from lungwise.monitoring.answer_changes import JumpCause
from lungwise.monitoring.models import ANSWERS, Alarm
from lungwise.reading.pattern import COVID


def alarm(finding: str, sort: str) -> Alarm:
    return Alarm(finding=finding, sort=sort, films=12, wrong=9, expected=2.6)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_alarm_is_a_sentence_of_its_own_for_each_sort_and_language(language: str) -> None:
    words = words_of(language)
    findings, sorts = ("tuberculosis", "normal"), ("misses", "false alarms")
    said = {sentence(alarm(finding, sort), words) for finding in findings for sort in sorts}
    assert len(said) == 4
    assert all("%" not in one for one in said)
    assert re.findall(r"\d+", numbers(alarm("normal", "misses"), words)) in (["12", "9", "3"], ["12", "3", "9"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_jump_of_the_answers_says_how_far_since_when_and_why(language: str) -> None:
    words = words_of(language)
    day = date(2026, 11, 16)
    said = set()
    for cause in JumpCause:
        jumped = Alarm(finding=COVID, sort=ANSWERS, films=120, wrong=0, expected=0.27, distance=0.41, cause=cause.value)
        jumped.result = day.toordinal()
        said.add(numbers(jumped, words))
        assert all(part in numbers(jumped, words) for part in ("120", "2026-11-16", "0.41", "0.27"))
        assert "%" not in sentence(jumped, words)
    assert len(said) == len(JumpCause)


def test_how_far_answers_jumped_is_told_apart_from_what_chance_makes() -> None:
    jumped = Alarm(finding=COVID, sort=ANSWERS, films=120, wrong=0, expected=0.2563, distance=0.2571, cause="both")
    jumped.result = date(2026, 11, 16).toordinal()
    assert "a distance of 0.257 from those before; chance alone seldom makes 0.256." in numbers(jumped, str)


def test_a_mail_links_to_the_page_where_its_address_is_known() -> None:
    with_link, without = (letter([alarm("normal", "misses")], page, str)[1] for page in ("https://a.org/drift", ""))
    assert "https://a.org/drift" in with_link
    assert "https" not in without
