"""What the weekly numbers mean: a name, a sentence and a worked example, to be translated."""

from __future__ import annotations

from typing import Final

from lungwise.films.refusals import N_
from lungwise.monitoring.local_words import Explanation

EXPLANATIONS: Final = {
    "films": Explanation(
        name=N_("Films"),
        sentence=N_("How many films of the week's studies the model answered, refused ones too."),
        example=N_("120 films came in a week, of which 5 were refused: that line says 120."),
    ),
    "refusals": Explanation(
        name=N_("Refused"),
        sentence=N_("How many of these films could not be read."),
        example=N_("Of 120 films, 3 were too dark and 2 were lateral views: 5."),
    ),
    "covid_positives": Explanation(
        name=N_("Positive for COVID-19"),
        sentence=N_("How many of the week's studies have a positive verdict."),
        example=N_("110 studies came, and the verdict on 14 is positive: 14."),
    ),
    "tuberculosis_positives": Explanation(
        name=N_("Looks like tuberculosis"),
        sentence=N_("How many of the week's studies suggest tuberculosis, or leave it possible."),
        example=N_("110 studies came, and 6 of them look like tuberculosis: 6."),
    ),
    "pcr_tests": Explanation(
        name=N_("PCR tests"),
        sentence=N_("How many PCR tests for COVID-19 were done in the week and entered."),
        example=N_("20 PCR tests have a date from Monday to Sunday of that week: 20."),
    ),
    "pcr_found": Explanation(
        name=N_("Positive PCR tests"),
        sentence=N_("How many of these tests were positive: the yield."),
        example=N_("Of the 20 PCR tests, 8 were positive: 8."),
    ),
    "tuberculosis_tests": Explanation(
        name=N_("Tests for tuberculosis"),
        sentence=N_("How many Xpert and sputum tests were done in the week and entered."),
        example=N_("7 Xpert tests and 2 sputum tests have a date of that week: 9."),
    ),
    "tuberculosis_found": Explanation(
        name=N_("Positive tests for tuberculosis"),
        sentence=N_("How many of these Xpert and sputum tests were positive: the yield."),
        example=N_("Of the 9 tests, 3 were positive: 3."),
    ),
}
"""By the count's name."""
