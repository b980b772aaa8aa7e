"""Where results go is said for the whole installation, or for each clinic."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from lungwise.settings import Settings
from lungwise.settings.destinations import Destinations

HILL = Destinations(send_to="PACS@10.0.0.1:104, OLD@10.0.0.2:104", fhir_url="https://hill.example.org/fhir")
VALLEY = Destinations(send_to="PACS@10.0.0.1:104", hl7_results_to="EMR@VALLEY=10.0.0.3:2575")
BY_CLINIC = Settings(clinic_destinations={"Hill": HILL, "Valley": VALLEY})


def test_a_clinic_has_its_own_destinations_and_no_others() -> None:
    hill, valley, lake = map(BY_CLINIC.for_clinic, ("Hill", "Valley", "Lake"))
    assert (hill.send_to_list, hill.report_to_list) == (["PACS@10.0.0.1:104", "OLD@10.0.0.2:104"], ["fhir"])
    assert (valley.send_to_list, valley.report_to_list, valley.fhir_url) == (["PACS@10.0.0.1:104"], ["hl7"], "")
    assert lake.send_to_list == lake.report_to_list == []
    assert BY_CLINIC.all_send_to == ["PACS@10.0.0.1:104", "OLD@10.0.0.2:104"]
    assert BY_CLINIC.all_report_to == ["fhir", "hl7"]
    assert BY_CLINIC.settings_naming("Valley") == ["clinic_destinations"]


def test_without_them_every_clinic_has_those_of_the_installation() -> None:
    settings = Settings(fhir_url="https://all.example.org/fhir")
    assert settings.for_clinic("Hill") is settings
    assert settings.destinations == ["fhir"]


@pytest.mark.parametrize("more", [{"send_to": "PACS@10.0.0.1:104"}, {"fhir_url": "https://all.example.org/fhir"}])
def test_both_at_once_are_refused_since_nobody_could_say_which_counts(more: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match=f"set {next(iter(more))} there"):
        Settings.model_validate({"clinic_destinations": {"Hill": HILL}, **more})


@pytest.mark.parametrize(
    "wrong",
    [
        {"report_webhook_url": "https://hill.example.org"},
        {"fhir_url": "http://hill.example.org/fhir"},
        {"send_to": "PACS"},
        {"fhir": "https://hill.example.org/fhir"},
    ],
)
def test_a_clinics_destinations_are_checked_as_the_installations_are(
    wrong: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUNGWISE_CLINIC_DESTINATIONS", json.dumps({"Hill": wrong}))
    with pytest.raises(ValidationError):
        Settings()
