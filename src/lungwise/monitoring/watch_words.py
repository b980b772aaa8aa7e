"""What the numbers of the watch mean: a name, a sentence and a worked example, to be translated."""

from __future__ import annotations

from typing import Final

from lungwise.films.refusals import N_
from lungwise.monitoring.error_charts import Errors
from lungwise.monitoring.local_words import Explanation
from lungwise.monitoring.shift import Cause

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
    "week_films": Explanation(
        name=N_("Films"),
        sentence=N_("How many films of the week's studies the model answered, refused ones too."),
        example=N_("120 films came in a week, of which 5 were refused: that line says 120."),
    ),
    "band": Explanation(
        name=N_("Share of the films"),
        sentence=N_("What share of the week's films had a probability between the two numbers, or were refused."),
        example=N_("Of 120 films, 60 had a probability from 0.0 to 0.2: that column says 50."),
    ),
    "from_reference": Explanation(
        name=N_("Distance from the model card"),
        sentence=N_(
            "How far the week's films are from those that the model was checked on: the population stability index, 0 "
            "for the same spread, below 0.1 alike, from 0.25 on different."
        ),
        example=N_(
            "Where half of the films were in one column and half in another, and now it is 60 and 40 %%, the distance "
            "is 0.04."
        ),
    ),
    "from_before": Explanation(
        name=N_("Distance from the weeks before"),
        sentence=N_(
            "The same distance, from the four weeks before: bold from 0.25 on, and of few films only where chance "
            "seldom takes it so far. Once the week is over, that is an alarm."
        ),
        example=N_(
            "100 films, and 400 in the four weeks before: bold from 0.26 on. 100, and 100 before: from 0.41 on."
        ),
    ),
    "prevalence": Explanation(
        name=N_("Patients with COVID-19"),
        sentence=N_("What share of the patients has COVID-19, estimated from the probabilities alone, without a test."),
        example=N_("The probabilities of 200 films sum up to 30: about 15 %% of the patients have COVID-19."),
    ),
    "compared": Explanation(
        name=N_("Films compared"),
        sentence=N_("How many films were read in the last 4 weeks, and in the 12 weeks before them."),
        example=N_("130 films in the last 4 weeks are compared with 410 in the 12 weeks before."),
    ),
    "total": Explanation(
        name=N_("Change of the answers"),
        sentence=N_("How far the probabilities of the last 4 weeks are from those of the 12 weeks before."),
        example=N_("A distance of 0.05 is no change; at 0.30 the answers have changed."),
    ),
    "by_prevalence": Explanation(
        name=N_("From more or fewer patients"),
        sentence=N_("How far they would be if only the share of patients with COVID-19 had changed."),
        example=N_(
            "If 30 %% instead of 10 %% have COVID-19, high probabilities are more frequent: that alone can make 0.25."
        ),
    ),
    "rest": Explanation(
        name=N_("Not from that"),
        sentence=N_("How far they still are after that: other pictures, other diseases, or an error."),
        example=N_("The answers changed by 0.30, and more patients explain all but 0.02: nothing else has changed."),
    ),
    "feature": Explanation(
        name=N_("Change of the pictures"),
        sentence=N_(
            "How far the pictures of the last 4 weeks are from those of the 12 weeks before, whatever they show."
        ),
        example=N_("A second X-ray machine now makes half of the films: the distance of the device is far above 0.25."),
    ),
    "device_films": Explanation(
        name=N_("Films"),
        sentence=N_("How many films of this device came in the last 26 weeks."),
        example=N_("The mobile machine made 80 films: its line says 80."),
    ),
    "refused": Explanation(
        name=N_("Refused"),
        sentence=N_("How many of them were refused, and what share that is."),
        example=N_("Of 80 films, 12 were refused: 12, which is 15 %%."),
    ),
    "by_code": Explanation(
        name=N_("Refused for this reason"),
        sentence=N_("How many of them were refused for one reason; the doctor's guide explains each code."),
        example=N_("Of the 12, 9 were too dark: the column for that says 9."),
    ),
    "agreed": Explanation(
        name=N_("Agreement"),
        sentence=N_("How often the doctor's conclusion and the verdict were the same: COVID-19, or not."),
        example=N_("In 40 studies both were sure, and in 36 they agreed: 36 of 40 is 90 %%."),
    ),
    "agreed_interval": Explanation(
        name=N_("95 %% interval of the agreement"),
        sentence=N_("How far chance can move the share: of 20 such intervals, 19 hold the true value."),
        example=N_("9 of 10 is 90 %%, from 60 to 98 %%; 90 of 100 is 90 %% too, from 83 to 94 %%."),
    ),
}
"""By the number's name in the page."""
TITLES: Final = {
    Errors.MISSES: N_("%(finding)s: misses"),
    Errors.FALSE_ALARMS: N_("%(finding)s: false alarms"),
}
"""What a chart is called."""
FEATURES: Final = {
    "gate": N_("How surely it is a chest film"),
    "grey": N_("Brightness"),
    "contrast": N_("Contrast"),
    "view": N_("View"),
    "device": N_("Device"),
    "photograph": N_("Photographs of films"),
}
"""What is compared of the pictures."""
CAUSES: Final = {
    Cause.NONE: N_("Neither the answers nor the pictures have changed."),
    Cause.PREVALENCE: N_(
        "The answers have changed as if another share of the patients had COVID-19. The pictures are as before."
    ),
    Cause.PICTURES: N_(
        "The pictures have changed. How often the model is right on them is not known: look at films of the last weeks."
    ),
    Cause.BOTH: N_("Another share of the patients seems to have COVID-19, and the pictures have changed, too."),
    Cause.UNKNOWN: N_(
        "The answers have changed, but neither the share of patients with COVID-19 nor what is known of the pictures "
        "explains it. Look at films of the last weeks."
    ),
}
"""What a change comes from."""
