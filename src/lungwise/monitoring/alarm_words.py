"""What an alarm says: on a page, and in the mail to the administrators of its clinic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from lungwise.films.refusals import N_
from lungwise.monitoring.answer_changes import JumpCause
from lungwise.monitoring.drift import distance_decimals
from lungwise.monitoring.error_charts import Errors
from lungwise.monitoring.models import ANSWERS, Alarm
from lungwise.monitoring.shift import Cause
from lungwise.monitoring.watch_words import CAUSES
from lungwise.studies.labels import FINDINGS

SENTENCES: Final = {
    Errors.MISSES: N_("%(finding)s: the model misses more patients than before."),
    Errors.FALSE_ALARMS: N_("%(finding)s: the model raises more false alarms than before."),
}
"""What has happened to a finding."""
NORMAL_SENTENCES: Final = {
    Errors.MISSES: N_("The model calls fewer normal films normal than before."),
    Errors.FALSE_ALARMS: N_("The model calls more films normal that are not than before."),
}
"""The same of whether a film is normal."""
_NUMBERS = N_(
    "Of the last %(films)s films with a test result, the verdict was wrong on %(wrong)s; about %(expected)s were to be "
    "expected."
)
_JUMPED = N_("%(finding)s: the model's answers are clearly different from those of the weeks before.")
_JUMP_NUMBERS = N_(
    "The %(films)s films since %(day)s are at a distance of %(distance)s from those before; chance alone seldom makes "
    "%(limit)s."
)
JUMP_CAUSES: Final = {
    JumpCause.PREVALENCE: CAUSES[Cause.PREVALENCE],
    JumpCause.PICTURES: CAUSES[Cause.PICTURES],
    JumpCause.BOTH: CAUSES[Cause.BOTH],
    JumpCause.REFUSALS: N_("Many more films are refused, or far fewer."),
    JumpCause.UNKNOWN: CAUSES[Cause.UNKNOWN],
}
"""What a jump of the answers comes from."""
_SUBJECT = N_("Lungwise: an alarm about the model")
_WHAT_TO_DO = N_(
    "Look at films from the last weeks, and find out what has changed: other patients, another X-ray machine, another "
    "way of photographing films, or other reasons for testing. Until then, rely on the model less."
)
_WHERE = N_("The page “Is the model still steady?” shows the chart. Acknowledge the alarm there:")
_WHERE_WITHOUT_LINK = N_("The page “Is the model still steady?” shows the chart. Acknowledge the alarm there.")
Words = Callable[[str], str]


def sentence(alarm: Alarm, words: Words) -> str:
    """Say what has happened."""
    if alarm.sort == ANSWERS:
        return words(_JUMPED) % {"finding": words(FINDINGS[alarm.finding])}
    if alarm.finding == "normal":
        return words(NORMAL_SENTENCES[Errors(alarm.sort)])
    return words(SENTENCES[Errors(alarm.sort)]) % {"finding": words(FINDINGS[alarm.finding])}


def numbers(alarm: Alarm, words: Words) -> str:
    """Say what it rests on, and of a jump what it comes from."""
    if alarm.sort == ANSWERS:
        distance, limit = alarm.distance or 0.0, alarm.expected
        decimals = distance_decimals(distance, limit)
        values = {"distance": f"{distance:.{decimals}f}", "limit": f"{limit:.{decimals}f}"}
        said = words(_JUMP_NUMBERS) % {"films": alarm.films, "day": alarm.since, **values}
        return f"{said} {words(JUMP_CAUSES[JumpCause(alarm.cause or JumpCause.UNKNOWN)])}"
    return words(_NUMBERS) % {"films": alarm.films, "wrong": alarm.wrong, "expected": round(alarm.expected)}


def letter(alarms: list[Alarm], page: str, words: Words) -> tuple[str, str]:
    """Write a mail's subject and text; `page` is the address of the page on them, empty where it is not known."""
    about = [f"{sentence(alarm, words)} {numbers(alarm, words)}" for alarm in alarms]
    where = [words(_WHERE), page] if page else [words(_WHERE_WITHOUT_LINK)]
    return words(_SUBJECT), "\n\n".join([*about, words(_WHAT_TO_DO), *where]) + "\n"
