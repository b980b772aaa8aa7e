"""What the numbers of the watch mean: a name, a sentence and a worked example, to be translated."""

from __future__ import annotations

from typing import Final

from lungwise.films.refusals import N_
from lungwise.monitoring.error_charts import Errors
from lungwise.monitoring.local_words import Explanation

EXPLANATIONS: Final = {
    "verified": Explanation(
        name=N_("Films with a result"),
        sentence=N_(
            "How many films the count rests on: for misses those of patients with the finding, for false alarms those "
            "of patients without it."
        ),
        example=N_("40 patients with a film have a positive PCR test: the count of misses rests on 40 films."),
    ),
    "wrong": Explanation(
        name=N_("Wrong"),
        sentence=N_("On how many of them the verdict was wrong."),
        example=N_("Of the 40 films, 6 were called negative: 6 misses."),
    ),
    "expected": Explanation(
        name=N_("Expected"),
        sentence=N_("What share of wrong verdicts is expected: the first 30 films say it, with some room for chance."),
        example=N_("4 of the first 30 were wrong, which is 13 %%; with room for chance, 21 %% is expected."),
    ),
    "sum": Explanation(
        name=N_("Sum"),
        sentence=N_("Each wrong verdict raises the sum and each right one lowers it, but never below 0."),
        example=N_(
            "Where 21 %% is expected, a wrong verdict adds 0.54 and a right one takes away 0.21: after 2 wrong and 1 "
            "right the sum is 0.87."
        ),
    ),
    "limit": Explanation(
        name=N_("Alarm from"),
        sentence=N_("From this sum on there is an alarm."),
        example=N_("With an alarm from 4.2 on, a sum of 4.3 is an alarm and one of 4.1 is not."),
    ),
}
"""By the number's name in the page."""
TITLES: Final = {
    Errors.MISSES: N_("%(finding)s: misses"),
    Errors.FALSE_ALARMS: N_("%(finding)s: false alarms"),
}
"""What a chart is called."""
