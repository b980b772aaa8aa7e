"""How verdicts, probabilities and findings are shown to a doctor: message ids for gettext."""

from __future__ import annotations

from typing import Final

from lungwise.films.refusals import N_
from lungwise.orders.scheduled_steps import LookupAnswer
from lungwise.reading import findings
from lungwise.studies.clinical_details import Symptom
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.reference_tests import SEEN, Outcome, Reason, ReferenceTest, Result

SHORT: Final = {
    "positive": N_("Positive"),
    "uncertain": N_("Uncertain"),
    "negative": N_("Negative"),
    "refused": N_("Not read"),
    "waiting": N_("Being read"),
}
FINDINGS: Final = {finding.name: finding.label for finding in findings.FINDINGS} | {
    "negative": N_("No signs of COVID-19"),
    "typical": N_("Typical of COVID-19"),
    "indeterminate": N_("Indeterminate"),
    "atypical": N_("Atypical"),
}
CONCLUSIONS: Final = {
    Diagnosis.NORMAL: N_("Normal"),
    Diagnosis.COVID_19: N_("COVID-19"),
    Diagnosis.TUBERCULOSIS: N_("Tuberculosis"),
    Diagnosis.OTHER_PNEUMONIA: N_("Other pneumonia"),
    Diagnosis.OTHER: N_("Another diagnosis"),
    Diagnosis.UNCERTAIN: N_("Uncertain"),
    Diagnosis.NO_COVID_19: N_("No COVID-19"),
}
"""What a doctor concludes."""
AGREEMENT: Final = {
    (True, False): N_("Agrees with the verdict"),
    (False, False): N_("Disagrees with the verdict"),
    (True, True): N_("Agreed with an earlier verdict"),
    (False, True): N_("Disagreed with an earlier verdict"),
}
"""Whether a doctor agrees, and whether that was before the newest film was read."""
TESTS: Final = {
    ReferenceTest.PCR: N_("PCR (COVID-19)"),
    ReferenceTest.XPERT: N_("Xpert (tuberculosis)"),
    ReferenceTest.SPUTUM: N_("Sputum (tuberculosis)"),
    ReferenceTest.RADIOLOGIST: N_("Radiologist's reading"),
}
OUTCOMES: Final[dict[Result, str]] = {Outcome.NEGATIVE: N_("Negative"), Outcome.POSITIVE: N_("Positive")}
RESULTS: Final[dict[Result, str]] = OUTCOMES | {one: CONCLUSIONS[one] for one in SEEN}
"""What a test found, or a radiologist saw."""
REASONS: Final = {
    Reason.SYMPTOMS: N_("Because of symptoms"),
    Reason.CONTACT: N_("After contact with a case"),
    Reason.ROUTINE: N_("Routine: everybody is tested"),
    Reason.FILM: N_("Because of this film"),
    Reason.SAMPLE: N_("Drawn by lot for a check"),
}
"""Why a test was done."""
LOOKUPS: Final = {
    LookupAnswer.FOUND: N_("The accession number is from the modality worklist of %(system)s, %(time)s."),
    LookupAnswer.NONE: N_("The hospital's modality worklist has no order for this study: it has no accession number."),
    LookupAnswer.SEVERAL: N_(
        "The hospital's modality worklist has several orders that this study may answer. No accession number was "
        "filled in."
    ),
    LookupAnswer.OTHER_PATIENT: N_(
        "The order in the hospital's modality worklist has another name, birth date or sex. No accession number was "
        "filled in."
    ),
    LookupAnswer.UNNUMBERED: N_("The order in the hospital's modality worklist has no accession number."),
    LookupAnswer.TAKEN: N_(
        "The order in the hospital's modality worklist has other films already. No accession number was filled in."
    ),
}
"""What the hospital's modality worklist answered for a study without an accession number."""
SYMPTOMS: Final = {
    Symptom.FEVER: N_("Fever"),
    Symptom.COUGH: N_("Cough"),
    Symptom.SHORT_OF_BREATH: N_("Short of breath"),
    Symptom.CHEST_PAIN: N_("Chest pain"),
    Symptom.BLOOD: N_("Coughing blood"),
    Symptom.WEIGHT_LOSS: N_("Weight loss"),
    Symptom.NIGHT_SWEATS: N_("Night sweats"),
    Symptom.NO_SMELL: N_("Loss of smell or taste"),
    Symptom.NONE: N_("No symptoms"),
}
LIMITS: Final = N_(
    "This reading supports a doctor's decision and does not replace it. It looks at a single frontal "
    "chest film, knows nothing about the patient, and can be wrong in both directions."
)
