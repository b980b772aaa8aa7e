"""What every number on the page on local accuracy means: a name, a sentence and a worked example, to be translated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flask_babel import gettext

from lungwise.films.refusals import N_


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Message ids of what a number is called, what it says, and how it comes about in an example."""

    name: str
    sentence: str
    example: str


EXPLANATIONS: Final = {
    "patients": Explanation(
        name=N_("Patients"),
        sentence=N_("How many patients are compared: each adult once, by the film on which the finding is likeliest."),
        example=N_("Ana has three films, at 12 %%, 40 %% and 70 %%: the one at 70 %% counts."),
    ),
    "tested": Explanation(
        name=N_("Tested"),
        sentence=N_("For how many of them a result counts: it lies at most %(days)s days from the day of the film."),
        example=N_("A film of 10 May and a PCR of 11 May belong together; a PCR of 30 May does not count for it."),
    ),
    "positives": Explanation(
        name=N_("With the finding"),
        sentence=N_("How many of the tested patients have it; a radiologist's reading counts where no test was done."),
        example=N_("Of 80 tested patients 30 have a positive result: 30 with the finding."),
    ),
    "negatives": Explanation(
        name=N_("Without the finding"),
        sentence=N_("How many of the tested patients do not have it."),
        example=N_("Of 80 tested patients 50 have a negative result: 50 without the finding."),
    ),
    "left_out": Explanation(
        name=N_("Results left out"),
        sentence=N_(
            "Results that count for no film: too many days from it, without a date, of a child, a photograph or a "
            "patient whose identity is unclear, or beside a surer test."
        ),
        example=N_("A PCR test 14 days after the film is left out."),
    ),
    "sensitivity": Explanation(
        name=N_("Sensitivity"),
        sentence=N_("Of the patients with the finding, the share whose film was not called negative."),
        example=N_("30 patients have it, and 27 of their films are positive or uncertain: 27 of 30 is 90 %%."),
    ),
    "specificity": Explanation(
        name=N_("Specificity"),
        sentence=N_("Of the patients without the finding, the share whose film was not called positive."),
        example=N_("50 patients do not have it, and 45 of their films are negative or uncertain: 45 of 50 is 90 %%."),
    ),
    "called": Explanation(
        name=N_("Found for certain"),
        sentence=N_("Of the patients with the finding, the share whose film was called positive."),
        example=N_("30 patients have it, and 18 of their films are positive: 18 of 30 is 60 %%."),
    ),
    "cleared": Explanation(
        name=N_("Ruled out for certain"),
        sentence=N_("Of the patients without the finding, the share whose film was called negative."),
        example=N_("50 patients do not have it, and 40 of their films are negative: 40 of 50 is 80 %%."),
    ),
    "predictive_positive": Explanation(
        name=N_("Positive predictive value"),
        sentence=N_("Of the films that were called positive, the share whose patients have the finding."),
        example=N_("20 films are positive, and 15 of these patients have it: 15 of 20 is 75 %%."),
    ),
    "predictive_negative": Explanation(
        name=N_("Negative predictive value"),
        sentence=N_("Of the films that were called negative, the share whose patients do not have the finding."),
        example=N_("40 films are negative, and 38 of these patients do not have it: 38 of 40 is 95 %%."),
    ),
    "auc": Explanation(
        name=N_("Area under the curve (AUC)"),
        sentence=N_("How often a patient with the finding has a higher film than one without it; 50 %% is chance."),
        example=N_("In 85 of 100 pairs of one patient with it and one without, the first has the higher film: 85 %%."),
    ),
    "interval": Explanation(
        name=N_("95 %% interval"),
        sentence=N_("Where the true share lies, for 19 of 20 clinics: with more tests it becomes narrower."),
        example=N_("9 of 10 is 90 %%, from 60 to 98 %%; 90 of 100 is 90 %% too, from 83 to 94 %%."),
    ),
    "threshold": Explanation(
        name=N_("Threshold"),
        sentence=N_("From this probability on, a film would be sent for the test."),
        example=N_("With a threshold of 20 %%, a film at 25 %% is sent for the test and one at 15 %% is not."),
    ),
    "cost_tested": Explanation(
        name=N_("Tested, of 100 films"),
        sentence=N_("How many of 100 films reach the threshold."),
        example=N_("Of 100 films, 31 are at 20 %% or higher: 31 would be sent for the test."),
    ),
    "cost_missed": Explanation(
        name=N_("Missed, of 10 patients with the finding"),
        sentence=N_("How many of 10 patients with the finding have a film below the threshold."),
        example=N_("Of 10 patients with it, 2 have a film below 20 %%: these 2 would be missed."),
    ),
    "said_films": Explanation(
        name=N_("Films"),
        sentence=N_("Of how many films this was said first, when it was decided whom to test."),
        example=N_("Of 200 films, 150 were called negative: that line says 150."),
    ),
    "said_tested": Explanation(
        name=N_("Tested"),
        sentence=N_("For how many of these films a result counts."),
        example=N_("Of 150 negative films, 15 were drawn by lot and their patients tested: that line says 15."),
    ),
    "said_positive": Explanation(
        name=N_("With the finding"),
        sentence=N_(
            "How many of these tested patients have it. Each stands for those of the line who were not tested."
        ),
        example=N_("15 of 150 were tested and 1 has it: that one stands for about 10 patients."),
    ),
}
"""By the number's name in the page."""
GROUPS: Final = {
    "view": N_("By view"),
    "sex": N_("By sex"),
    "age": N_("By age"),
    "device": N_("By device"),
    "month": N_("By month"),
}
"""What films are parted by."""
RAISED: Final = {0: N_("Not raised"), 2: N_("Raised")}
"""What is said of a finding that has one threshold."""


def explained(explanations: Mapping[str, Explanation], **values: object) -> dict[str, Explanation]:
    """Say what each number means, in the page's language."""
    return {
        name: Explanation(
            name=gettext(one.name) % {},
            sentence=gettext(one.sentence) % values,
            example=gettext(one.example) % {},
        )
        for name, one in explanations.items()
    }
