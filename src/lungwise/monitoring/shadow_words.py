"""What the numbers of the page on a second model mean, to be translated."""

from __future__ import annotations

from typing import Final

from lungwise.films.refusals import N_
from lungwise.monitoring.local_words import EXPLANATIONS as ACCURACY
from lungwise.monitoring.local_words import Explanation

EXPLANATIONS: Final = {
    "both": Explanation(
        name=N_("Films read by both"),
        sentence=N_("How many films both models have read; only these are compared."),
        example=N_("The model in use has read 500 films and the second one 200 of them so far: 200."),
    ),
    "second_refused": Explanation(
        name=N_("Refused by the second model"),
        sentence=N_("How many films that the model in use has read the second model refuses."),
        example=N_("Of 500 films, the second model takes 4 for lateral views: 4."),
    ),
    "pair": Explanation(
        name=N_("Verdicts of both"),
        sentence=N_("How many films have this verdict of the model in use (line) and this one of the second (column)."),
        example=N_("12 films were negative and would be positive: 12 in the line negative, column positive."),
    ),
    "flipped": Explanation(
        name=N_("Different answers"),
        sentence=N_("Of how many films the second model says something else of this finding."),
        example=N_("Of 200 films, 9 would change from uncertain to negative and 3 from negative to uncertain: 12."),
    ),
    "score": Explanation(
        name=N_("Probability"),
        sentence=N_("What probability each of the models gives."),
        example=N_("The model in use says 15 %%, the second one 62 %%: look at that film."),
    ),
    **{name: ACCURACY[name] for name in ("positives", "negatives", "sensitivity", "specificity", "auc", "interval")},
}
"""By the number's name in the page."""
