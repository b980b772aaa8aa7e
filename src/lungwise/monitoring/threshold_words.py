"""What every number on the page on a clinic's own thresholds means, to be translated; and why nothing is proposed."""

from __future__ import annotations

from typing import Final

from lungwise.clinics.thresholds import SetState
from lungwise.films.refusals import N_
from lungwise.monitoring.local_words import EXPLANATIONS, Explanation
from lungwise.monitoring.proposal import Hindrance

THRESHOLD_EXPLANATIONS: Final = {
    "lower": Explanation(
        name=N_("Lower threshold"),
        sentence=N_("From this probability on, a film is no longer called negative."),
        example=N_("With a lower threshold of 12 %%, a film at 15 %% is not negative and one at 10 %% is."),
    ),
    "upper": Explanation(
        name=N_("Upper threshold"),
        sentence=N_("From this probability on, a film is called positive; between the two it is uncertain."),
        example=N_("With thresholds of 12 and 70 %%, a film at 40 %% is uncertain and one at 75 %% is positive."),
    ),
    "offset": Explanation(
        name=N_("Offset"),
        sentence=N_("What is added to the logarithm of a film's odds, so that probabilities fit this clinic."),
        example=N_("An offset of -0.69 halves the odds: a film at 50 %% is then at 33 %%."),
    ),
    "slope": Explanation(
        name=N_("Slope"),
        sentence=N_("What that logarithm is multiplied by: below 1, probabilities come nearer to the middle."),
        example=N_("With a slope of 0.5, a film at 90 %% is then at 75 %%."),
    ),
    "fitted_positives": Explanation(
        name=N_("With the finding, fitted"),
        sentence=N_("How many tested patients with the finding the thresholds were worked out from."),
        example=N_("Of 60 patients with the finding, 45 were filmed in the older months: 45."),
    ),
    "fitted_negatives": Explanation(
        name=N_("Without the finding, fitted"),
        sentence=N_("How many tested patients without the finding they were worked out from."),
        example=N_("Of 100 patients without the finding, 80 were filmed in the older months: 80."),
    ),
    "judged_positives": Explanation(
        name=N_("With the finding, newer"),
        sentence=N_(
            "How many patients with the finding judge them: their films are newer, and had no part in the fit."
        ),
        example=N_("Of 60 patients with the finding, 15 were filmed in the newer months: 15."),
    ),
    "judged_negatives": Explanation(
        name=N_("Without the finding, newer"),
        sentence=N_("How many patients without the finding judge them in the same way."),
        example=N_("Of 100 patients without the finding, 20 were filmed in the newer months: 20."),
    ),
    "sensitivity": EXPLANATIONS["sensitivity"],
    "specificity": EXPLANATIONS["specificity"],
    "interval": EXPLANATIONS["interval"],
    "month_now": Explanation(
        name=N_("Studies, now"),
        sentence=N_("How many studies of the last 30 days are called so by the thresholds in force."),
        example=N_("Of 200 studies of the last 30 days, 150 are negative: that line says 150."),
    ),
    "month_then": Explanation(
        name=N_("Studies, then"),
        sentence=N_("How many of the same studies would be called so by the proposed thresholds."),
        example=N_("Of the same 200 studies, 120 would be negative: that line says 120."),
    ),
    "month_changed": Explanation(
        name=N_("Called otherwise"),
        sentence=N_("How many of these studies would be called something else than now."),
        example=N_("30 of 200 studies are negative now and would be uncertain: 30."),
    ),
}
"""By the number's name in the page."""
HINDRANCES: Final = {
    Hindrance.TOO_FEW: N_(
        "Nothing is proposed yet: it takes at least 29 patients with the finding and 30 without it whose test counts."
    ),
    Hindrance.NONE_TESTED: N_(
        "Nothing is proposed: of the patients whose film was called negative, none was tested because of the film or "
        "by lot, so nobody knows how many of them have the finding. Let a random one in so many be tested: an "
        "administrator sets how many on the clinic's page."
    ),
    Hindrance.FEW_DRAWN: N_(
        "Nothing is proposed yet: of the patients whose film was called negative, so few were tested that each of them "
        "stands for too many others. Let more of them be drawn: an administrator sets how many on the clinic's page."
    ),
    Hindrance.OUT_OF_BOUNDS: N_(
        "Nothing is proposed: by the results that were entered, the thresholds would leave what is allowed. Check the "
        "results, and whether the films are good."
    ),
}
UNSUPPORTED: Final = N_(
    "By the results as they are now, these thresholds would not be proposed: some results were taken back, or no "
    "longer count. Reject this proposal."
)
"""Why a proposal cannot be confirmed any more."""
STATES: Final = {
    SetState.WAITING: N_("waits to be confirmed"),
    SetState.APPROVED: N_("approved"),
    SetState.REJECTED: N_("rejected"),
}
"""Where a set of thresholds stands."""
