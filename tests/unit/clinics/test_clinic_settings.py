from __future__ import annotations

from datetime import UTC, datetime

from lungwise.clinics.clinic_settings import ClinicChoices, ClinicSettings
from lungwise.settings import Registration, Settings


def test_what_a_clinic_chose_comes_before_what_the_installation_is_set_to() -> None:
    installed = Settings(time_zone="Asia/Kolkata", prevalence=0.2, registration=Registration.OPEN)
    unset = ClinicSettings.of(ClinicChoices(name="Hill"), installed)
    assert (unset.time_zone, unset.prevalence, unset.registration) == ("Asia/Kolkata", 0.2, Registration.OPEN)
    assert (unset.letterhead, unset.language) == ((), "")
    assert (unset.sampled, unset.result_days) == (None, 3)
    chosen = ClinicChoices(
        name="Hill",
        letterhead="12 Hill Road\n\n  Tel. 7 ",
        time_zone="Africa/Nairobi",
        prevalence=0.0,
        language="fr",
        registration=Registration.INVITATION,
        sampled=20,
        result_days=0,
    )
    settings = ClinicSettings.of(chosen, installed)
    assert settings.letterhead == ("12 Hill Road", "Tel. 7")
    assert (settings.prevalence, settings.language) == (0.0, "fr")
    assert (settings.sampled, settings.result_days) == (20, 0)
    assert settings.registration is Registration.INVITATION
    assert datetime(2026, 3, 2, 9, 0, tzinfo=UTC).astimezone(settings.zone).hour == 12
