"""The one list of findings: the network's head, codes, pages, command line and reports take theirs from here.

What the films of a collection say of a finding is in `training/labels.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lungwise.films.refusals import N_ as N_


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A concept of a coding scheme, by default SNOMED CT."""

    value: str
    meaning: str
    scheme: str = "SCT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A named abnormality (or its absence) to which the network gives a probability.

    Parameters
    ----------
    name
        As the card, the database, the API and the command line write it.
    label
        What a doctor reads: a message id for gettext.
    code
        What a structured report says.
    suggestion, possibility
        What a headline says, and what to do, where it is likelier than a normal film, with its `probability`, and where
        it is only raised: message ids.
    """

    name: str
    label: str
    code: Code
    suggestion: str = N_("Suggests %(finding)s (%(probability)s): refer the film to a radiologist.")
    possibility: str = N_("%(finding)s is possible: refer the film to a radiologist.")


FINDINGS: Final = (
    Finding(name="normal", label=N_("Normal"), code=Code(value="17621005", meaning="Normal")),
    Finding(name="COVID-19", label=N_("COVID-19"), code=Code(value="840539006", meaning="COVID-19")),
    Finding(
        name="other pneumonia",
        label=N_("Other pneumonia"),
        code=Code(value="233604007", meaning="Pneumonia"),
        suggestion=N_("Suggests other pneumonia (%(probability)s): look for its cause."),
        possibility=N_("Other pneumonia is possible: look for its cause."),
    ),
    Finding(
        name="tuberculosis",
        label=N_("Tuberculosis"),
        code=Code(value="154283005", meaning="Pulmonary tuberculosis"),
        suggestion=N_("Suggests tuberculosis (%(probability)s): test sputum."),
        possibility=N_("Tuberculosis is possible: test sputum."),
    ),
)
"""In the order of the network's head."""

FINDING_NAMES: Final = tuple(finding.name for finding in FINDINGS)

_BY_NAME: Final = {finding.name: finding for finding in FINDINGS}
_LONGEST_CODE = 16
"""Characters of a DICOM code value (VR SH)."""


def finding_named(name: str) -> Finding:
    """Return a finding by its name; one of another model's gets its name as label and as private code."""
    private = Code(value=name[:_LONGEST_CODE], meaning=name, scheme="99LUNGWISE")
    return _BY_NAME.get(name) or Finding(name=name, label=name, code=private)
