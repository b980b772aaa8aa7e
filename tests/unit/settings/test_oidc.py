from __future__ import annotations

import pytest
from pydantic import ValidationError

from lungwise.access import PEOPLE
from lungwise.settings import Settings
from lungwise.settings.oidc import MAPPED_ROLES, mapped_roles

WHOLE = {
    "public_url": "https://lungwise.example.org",
    "oidc_issuer": "https://id.example.org/realms/hospital",
    "oidc_client_id": "lungwise",
    "oidc_roles": "chest=doctor",
}


@pytest.mark.parametrize("without", ["public_url", "oidc_client_id", "oidc_roles"])
def test_a_provider_needs_what_makes_its_word_mean_something(without: str) -> None:
    assert Settings.model_validate(WHOLE).oidc_name == "id.example.org"
    with pytest.raises(ValidationError, match=without):
        Settings.model_validate({name: value for name, value in WHOLE.items() if name != without})


@pytest.mark.parametrize(
    "issuer",
    ["http://id.example.org", "id.example.org", "https://", "https://a@id.example.org", "https://id.example.org/?x=1"],
)
def test_an_issuer_is_an_https_address(issuer: str) -> None:
    with pytest.raises(ValidationError, match="oidc_issuer"):
        Settings.model_validate({**WHOLE, "oidc_issuer": issuer})
    assert Settings.model_validate({**WHOLE, "oidc_issuer": "http://127.0.0.1:8080"}).oidc_issuer


def test_a_role_is_mapped_from_any_word() -> None:
    text = "pacs-admins=administrator, cn=chest,ou=groups,dc=example=doctor ,9f=health_worker"
    assert mapped_roles(text) == {
        "pacs-admins": "administrator",
        "cn=chest,ou=groups,dc=example": "doctor",
        "9f": "health_worker",
    }
    assert set(MAPPED_ROLES) == {role.value for role in PEOPLE}


@pytest.mark.parametrize("text", ["chest", "chest=boss", "=doctor", "chest=doctor, x", ",", "chest=node"])
def test_a_word_without_one_of_our_roles_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="WORD=ROLE"):
        Settings.model_validate({**WHOLE, "oidc_roles": text})
