from __future__ import annotations

from typing import TYPE_CHECKING

from lungwise.clinics.destinations import ClinicDestinations
from lungwise.settings.destinations import Destinations

if TYPE_CHECKING:
    from conftest import Services


def test_a_clinics_results_go_where_the_settings_say_by_its_name(either_services: Services) -> None:
    services = either_services
    ada, eve = services.person("Ada"), services.person("Eve", "Valley")
    own = {"Hill": Destinations(send_to="PACS@10.0.0.1:104", fhir_url="https://hill.example.org/fhir")}
    by_clinic = services.settings.model_copy(update={"clinic_destinations": own})
    go = ClinicDestinations(services.session, by_clinic)
    assert (go.archives(ada.clinic_id), go.systems(ada.clinic_id)) == (["PACS@10.0.0.1:104"], ["fhir"])
    assert go.archives(eve.clinic_id) == go.systems(eve.clinic_id) == go.systems(0) == []
    assert go.who_share("fhir", ada.clinic_id) == [ada.clinic_id]
    of_all = services.settings.model_copy(update={"send_to": "PACS@10.0.0.1:104"})
    assert ClinicDestinations(services.session, of_all).archives(eve.clinic_id) == ["PACS@10.0.0.1:104"]


def test_clinics_share_a_system_where_its_address_is_the_same(either_services: Services) -> None:
    services = either_services
    clinics = {name: services.person(name, name).clinic_id for name in ("Hill", "Valley", "Lake", "Moor")}
    same = "https://records.example.org/fhir"
    own = {
        "Hill": Destinations(fhir_url=same, hl7_results_to="EMR@HILL=10.0.0.2:2575"),
        "Valley": Destinations(fhir_url=same, hl7_results_to="EMR@VALLEY=10.0.0.3:2575"),
        "Lake": Destinations(fhir_url="https://lake.example.org/fhir"),
    }
    by_clinic = ClinicDestinations(services.session, services.settings.model_copy(update={"clinic_destinations": own}))
    assert by_clinic.who_share("fhir", clinics["Hill"]) == [clinics["Hill"], clinics["Valley"]]
    assert by_clinic.who_share("hl7", clinics["Hill"]) == [clinics["Hill"]]
    assert ClinicDestinations(services.session, services.settings).who_share("fhir", clinics["Hill"]) is None
