from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lungwise.access import Role
from lungwise.audit.models import AuditEntry
from lungwise.clinics.service import ClinicChoices, Clinics
from lungwise.errors import Conflict, NotFound, Rejected
from lungwise.settings import Registration

if TYPE_CHECKING:
    from conftest import Services

CHOICES = ClinicChoices(
    name="Hill Clinic",
    letterhead="12 Hill Road",
    time_zone="Africa/Nairobi",
    prevalence=0.35,
    language="es",
    registration=Registration.INVITATION,
    sampled=20,
    result_days=5,
)


def clinics_of(services: Services, **more: str) -> Clinics:
    settings = services.settings.model_copy(update=more)
    return Clinics(services.session, services.clock, settings, services.audit)


def test_an_administrator_changes_their_own_clinic_and_it_is_in_the_trail(either_services: Services) -> None:
    services = either_services
    ada, eve = services.person("Ada"), services.person("Eve", "Valley")
    clinics = clinics_of(services)
    clinics.change(ada, CHOICES)
    clinics.change(ada, CHOICES)
    services.session.commit()
    services.session.expire_all()
    assert clinics.choices(ada) == CHOICES
    assert clinics.choices(eve) == ClinicChoices(name="Valley")
    assert clinics.settings_of(ada.clinic_id).prevalence == 0.35
    assert [clinic.name for clinic in clinics.taking_registrations()] == ["Valley"]
    entries = services.session.query(AuditEntry).filter(AuditEntry.subject == "clinic").all()
    assert [(entry.action, entry.person_name, entry.subject_key) for entry in entries] == [
        ("changed", "Ada", str(ada.clinic_id))
    ]
    with pytest.raises(Conflict):
        clinics.change(ada, ClinicChoices(name="Hill Clinic"), known=ClinicChoices(name="Hill"))
    clinics.change(ada, ClinicChoices(name="Hill Clinic"), known=CHOICES)
    assert clinics.settings_of(ada.clinic_id) == clinics.settings_of(0)


def test_a_clinic_that_the_identity_provider_names_keeps_its_name(services: Services) -> None:
    """Otherwise nobody signs in there by the provider any more, and another clinic that takes the name gets them."""
    ada = services.person("Ada")
    provider = {"oidc_issuer": "https://id.example.org", "public_url": "https://lungwise.example.org"}
    with pytest.raises(Rejected, match="oidc_clinic_claim"):
        clinics_of(services, **provider, oidc_clinic_claim="clinic").change(ada, ClinicChoices(name="Hill Clinic"))
    clinics_of(services, **provider, oidc_clinic_claim="clinic").change(ada, ClinicChoices(name="Hill", sampled=9))
    clinics_of(services, **provider).change(ada, ClinicChoices(name="Hill Clinic"))
    assert clinics_of(services).choices(ada).name == "Hill Clinic"


def test_only_an_administrator_sees_or_changes_what_is_set(services: Services) -> None:
    for role in (Role.DOCTOR, Role.RADIOLOGIST, Role.HEALTH_WORKER):
        person = services.person(role.value, role=role)
        with pytest.raises(NotFound):
            clinics_of(services).choices(person)
        with pytest.raises(NotFound):
            clinics_of(services).change(person, CHOICES)


def test_a_name_that_means_a_clinic_elsewhere_stays(services: Services) -> None:
    ada = services.person("Ada")
    services.person("Eve", "Valley")
    with pytest.raises(Rejected, match="Another clinic"):
        clinics_of(services).change(ada, replace(CHOICES, name="Valley"))
    with pytest.raises(Rejected, match="node_clinic"):
        clinics_of(services, node_clinic="Hill").change(ada, CHOICES)
    with pytest.raises(Rejected, match="hl7_peers"):
        clinics_of(services, hl7_peers="EMR@HILL=Hill").change(ada, CHOICES)
    with pytest.raises(Rejected, match="dhis2_org_units"):
        clinics_of(services, dhis2_org_units="Hill=aBcDeFgHiJ1, aBcDeFgHiJ2").change(ada, CHOICES)
    clinics_of(services, node_clinic="Hill").change(ada, replace(CHOICES, name="Hill"))


@pytest.mark.parametrize("name", ["hill1", "Hill 1", "\uff28ill1", "HILL1 "])
def test_no_two_clinics_have_almost_the_same_name(name: str, services: Services) -> None:
    ada, clinics = services.person("Ada", "Hill1"), clinics_of(services)
    eve = services.person("Eve", "Valley")
    assert clinics.named(" Hill1 ").id == ada.clinic_id
    with pytest.raises(Rejected, match="almost this name: Hill1"):
        clinics.named(name)
    with pytest.raises(Rejected, match="almost this name: Hill1"):
        clinics.change(eve, ClinicChoices(name=name))
    clinics.change(ada, ClinicChoices(name=name))  # it is the same clinic
    assert clinics.named(" Lake ").name == "Lake"
