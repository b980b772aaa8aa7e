"""How verdicts, probabilities and findings are said to a doctor: message ids for gettext."""

from __future__ import annotations

from typing import Final

from lungwise.films.refusals import N_ as N_
from lungwise.reading import findings
from lungwise.receiving.other_files import Why

VERDICTS: Final = {
    "positive": N_("COVID-19 positive"),
    "uncertain": N_("Uncertain"),
    "negative": N_("COVID-19 negative"),
    "refused": N_("Not read"),
    "waiting": N_("Being read"),
}
SHORT: Final = {
    "positive": N_("Positive"),
    "uncertain": N_("Uncertain"),
    "negative": N_("Negative"),
    "refused": N_("Not read"),
    "waiting": N_("Being read"),
}
MEANINGS: Final = {
    "positive": N_("The film shows the typical appearance of COVID-19 pneumonia. Confirm by PCR and by the patient."),
    "uncertain": N_("The film can be read either way. Refer it to a radiologist, and test by PCR."),
    "negative": N_("The film does not show the typical appearance of COVID-19. An early infection may show nothing."),
    "refused": N_("No film of this study could be read. Each film says why, and what to do."),
    "waiting": N_("The films are saved and are being read."),
}
FINDINGS: Final = {finding.name: finding.label for finding in findings.FINDINGS} | {
    "negative": N_("No pneumonia"),
    "typical": N_("Typical of COVID-19"),
    "indeterminate": N_("Indeterminate"),
    "atypical": N_("Atypical"),
}
ROLES: Final = {
    "doctor": N_("Doctor"),
    "radiologist": N_("Radiologist"),
    "administrator": N_("Administrator"),
}
SCOPES: Final = {
    "see": N_("see studies and patients"),
    "upload": N_("upload films"),
    "conclude": N_("give opinions"),
    "export": N_("export reports and films"),
}
SEXES: Final = {"F": N_("Female"), "M": N_("Male"), "O": N_("Other"), "": N_("Not known")}
BAND: Final = N_("Between %(lower)s and %(upper)s a verdict is uncertain.")
DEEDS: Final = {
    "added": N_("added"),
    "approved": N_("approved"),
    "changed": N_("changed"),
    "changed password": N_("changed password"),
    "changed role": N_("changed role"),
    "changed second factor": N_("changed second factor"),
    "deleted": N_("deleted"),
    "disabled": N_("disabled"),
    "discarded": N_("discarded"),
    "enabled": N_("enabled"),
    "ended other sessions": N_("ended other sessions"),
    "ended session": N_("ended session"),
    "exported": N_("exported"),
    "failed to confirm password": N_("failed to confirm password"),
    "failed to sign in": N_("failed to sign in"),
    "gave opinion": N_("gave opinion"),
    "had read again": N_("had read again"),
    "invited": N_("invited"),
    "kept aside": N_("kept aside"),
    "made recovery codes": N_("made recovery codes"),
    "made recovery link": N_("made recovery link"),
    "made token": N_("made token"),
    "marked corners": N_("marked the corners of"),
    "merged": N_("merged"),
    "received": N_("received"),
    "registered": N_("registered"),
    "removed second factor": N_("removed second factor"),
    "reset password": N_("reset password"),
    "reset second factor": N_("reset second factor"),
    "revoked token": N_("revoked token"),
    "saw": N_("saw"),
    "sent": N_("sent"),
    "settled": N_("settled"),
    "signed in": N_("signed in"),
    "signed in with a new device": N_("signed in with a new device"),
    "signed out": N_("signed out"),
    "took invitation back": N_("took invitation back"),
    "tried while locked": N_("tried while locked"),
    "took back": N_("took back"),
    "uploaded": N_("uploaded"),
    "used a code twice": N_("used a code twice"),
    "used token": N_("used token"),
    "was registered again": N_("was registered again"),
}
"""What the audit trail says that a person did."""
SUBJECTS: Final = {
    "account": N_("account"),
    "audit trail": N_("audit trail"),
    "film": N_("film"),
    "invitation": N_("invitation"),
    "object": N_("object"),
    "patient": N_("patient"),
    "study": N_("study"),
    "token": N_("token"),
    "worklist": N_("worklist"),
}
"""What they did it to."""
LIMITS: Final = N_(
    "This reading supports a doctor and replaces none. It looks at one frontal chest film alone, "
    "knows nothing of the patient, and can be wrong in both directions."
)


def percent(probability: float | None) -> str:
    """Write a probability without more precision than it has."""
    if probability is None:
        return ""
    if probability < 0.01:
        return "< 1 %"
    return "> 99 %" if probability > 0.99 else f"{probability * 100:.0f} %"


def in_ten(probability: float) -> int:
    """Say of how many films in ten like this one the verdict would be right to be positive."""
    return round(probability * 10)


REASONS = {
    Why.NO_FILM: N_("This is not a film."),
    Why.TOO_LARGE: N_("This file is too large for a film."),
    Why.DAMAGED: N_("This file is damaged in its ZIP, or has a password."),
    Why.OWN_RESULT: N_("This is a result of Lungwise, not a film."),
    Why.ALREADY_HERE: N_("This film is already here."),
    Why.KEPT_ASIDE: N_(
        "The clinic has another film of this SOP Instance UID. This one is kept aside for an administrator."
    ),
}
"""Why a file of an upload is no new film."""
COUNTED = {
    Why.NO_FILM: N_("No films: %(names)s."),
    Why.TOO_LARGE: N_("Too large for films: %(names)s."),
    Why.DAMAGED: N_("Damaged, or with a password: %(names)s."),
    Why.OWN_RESULT: N_("Results of Lungwise, not films: %(names)s."),
    Why.ALREADY_HERE: N_("Already here: %(names)s."),
    Why.KEPT_ASIDE: N_("Kept aside for an administrator, since another film has their SOP Instance UID: %(names)s."),
}
"""The same of several files, which are named."""
