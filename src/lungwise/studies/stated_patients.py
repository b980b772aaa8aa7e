"""A study's patient as its upload stated them: whoever sees only their own uploads learns no more of anybody.

Otherwise a number that is typed would tell the name and the birth date of whoever has it.
"""

from __future__ import annotations

from dataclasses import replace

from lungwise.access import Person, Right
from lungwise.patients.identity import PatientFacts
from lungwise.patients.service import Patient
from lungwise.studies.models import Study


def stated_in(study: Study) -> PatientFacts:
    """Return what a study's upload stated; for one of an earlier release, what its films' headers state."""
    if study.stated_json:
        return PatientFacts.from_json(study.stated_json)
    facts = PatientFacts()
    for film in study.films:
        facts = facts.filled(PatientFacts.from_json(film.header)) if film.header else facts
    return facts


def states_more_than_a_number(study: Study) -> bool:
    """Return whether an upload stated a name or a birth date too, and so the patient was not merely looked up."""
    facts = stated_in(study)
    return bool(facts.names or facts.birth_date)


def as_known_to(person: Person, study: Study, patient: Patient) -> Patient:
    """Return a study's patient as a person may know them; one who sees the whole clinic knows all."""
    if person.may(Right.SEE_ALL):
        return patient
    facts = stated_in(study)
    return patient.saying(replace(facts, identifier=facts.identifier or patient.identifier))
