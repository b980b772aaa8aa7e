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
    of_all = services.settings.model_copy(update={"send_to": "PACS@10.0.0.1:104"})
    assert ClinicDestinations(services.session, of_all).archives(eve.clinic_id) == ["PACS@10.0.0.1:104"]
