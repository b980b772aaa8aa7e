"""What the headers of films state of the patient, and whether it goes together with what a person typed."""

from __future__ import annotations

from collections.abc import Iterable

from lungwise.errors import Rejected
from lungwise.films.dicom.header import DicomHeader, kept_number
from lungwise.patients.identity import IdentityRules, PatientFacts, contradictions
from lungwise.text_direction import isolated


def facts_of(header: DicomHeader) -> PatientFacts:
    """Return what a header says of the patient; an impossible birth date counts as unknown."""
    name = header.name
    return PatientFacts(
        identifier=kept_number(header.patient_id),
        name=str(name)[:200],
        sex=header.sex,
        birth_date=header.born,
        issuer=kept_number(header.issuer),
        ideographic=name.ideographic[:200],
        phonetic=name.phonetic[:200],
    )


def stated_facts(headers: Iterable[DicomHeader], rules: IdentityRules) -> PatientFacts:
    """Put together what the headers of one upload state of its patient; nothing where none states anything.

    Raises
    ------
    Rejected
        If they are of more than one patient.
    """
    together = PatientFacts()
    for header in headers:
        facts = rules.stated(facts_of(header))
        if is_another_patient(together, facts, rules) or contradictions(together, facts):
            raise Rejected(
                "These films belong to more than one patient: %(one)s, and %(other)s. Upload each patient's films "
                "separately.",
                one=_description(together),
                other=_description(facts),
            )
        together = together.filled(facts)
    return together


def agreed_facts(typed: PatientFacts, headers: Iterable[DicomHeader], rules: IdentityRules) -> PatientFacts:
    """Prefer what was typed to what the headers state, but never mix two patients.

    Raises
    ------
    Rejected
        If what was typed and what the headers state cannot be of one patient, or the headers are of several.
    """
    stated = stated_facts(headers, rules)
    if is_another_patient(typed, stated, rules):
        raise Rejected("The DICOM header names another patient. Leave the identifier empty to use the header's.")
    if contradictions(typed, stated):
        raise Rejected(
            "The DICOM header gives a different name, birth date or sex than you typed. Check whose film this is, "
            "or leave the fields empty to use the header's."
        )
    return typed.filled(stated)


def _description(facts: PatientFacts) -> str:
    """Write who it is, to tell one from the other."""
    born = facts.birth_date.isoformat() if facts.birth_date else ""
    parts = (*facts.names[:1], born, facts.identifier, facts.issuer)
    return ", ".join(isolated(part) for part in parts if part) or facts.sex


def is_another_patient(one: PatientFacts, other: PatientFacts, rules: IdentityRules) -> bool:
    """Return whether two identifiers belong to two patients."""
    identifiers = one.identifier.strip(), other.identifier.strip()
    return (all(identifiers) and identifiers[0] != identifiers[1]) or rules.is_of_another_issuer(one, other)
