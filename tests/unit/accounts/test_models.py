from __future__ import annotations

from typing import TYPE_CHECKING

from lungwise.access import Role
from lungwise.accounts.models import SignInFailures

if TYPE_CHECKING:
    from conftest import Services


def test_an_account_acts_as_a_person_of_its_clinic(services: Services) -> None:
    ada = services.user("Ada", "Hill", Role.RADIOLOGIST)
    assert (ada.person.id, ada.person.name, ada.person.clinic_id) == (ada.id, "Ada", ada.clinic_id)
    assert ada.person.role is Role.RADIOLOGIST
    ada.roles = ["administrator"]
    assert ada.roles == [] and ada.person.role is Role.RADIOLOGIST


def test_a_second_factor_needs_both_its_method_and_its_key(services: Services) -> None:
    ada = services.user("Ada", "Hill", Role.DOCTOR)
    assert not ada.has_second_factor
    ada.tf_primary_method = "authenticator"
    assert not ada.has_second_factor
    ada.tf_totp_secret = "key"
    assert ada.has_second_factor


def test_failures_keep_their_columns(services: Services) -> None:
    columns = set(SignInFailures.__table__.columns.keys())
    assert columns == {"name", "count", "until", "user_id", "untold", "told_at"}
    services.session.add(SignInFailures(name="x", count=1, until=services.clock(), unreported=2))
    services.session.flush()
    assert services.session.get_one(SignInFailures, "x").reported_at is None
