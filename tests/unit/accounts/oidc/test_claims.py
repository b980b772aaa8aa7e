from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungwise.access import Role
from lungwise.accounts.oidc.claims import ProvidedPerson, key_of, values_of
from lungwise.settings import Settings

SETTINGS = Settings(
    public_url="https://lungwise.example.org",
    oidc_issuer="https://id.example.org",
    oidc_client_id="lungwise",
    oidc_roles="admins=administrator, cn=chest,ou=groups=radiologist",
    oidc_clinic_claim="clinic",
    oidc_second_factor="mfa, urn:gold",
)


def person(**claims: Any) -> ProvidedPerson:
    return ProvidedPerson.of({"sub": "rosa", **claims}, SETTINGS)


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["cn=chest,ou=groups"], Role.RADIOLOGIST),
        (["cn=chest,ou=groups", "admins"], Role.ADMINISTRATOR),
        ("admins", Role.ADMINISTRATOR),
        (["Admins"], None),
        ([], None),
        (None, None),
        ({"admins": True}, None),
        (["administrator"], None),
    ],
)
def test_the_role_is_that_of_the_first_group_of_the_setting(groups: object, role: Role | None) -> None:
    assert person(groups=groups).role is role


def test_a_claim_is_found_by_its_name_or_inside_another() -> None:
    assert values_of({"realm_access": {"roles": ["a"]}}, "realm_access.roles") == ("a",)
    assert values_of({"https://example.org/roles": ["a"]}, "https://example.org/roles") == ("a",)
    assert values_of({"a": ["b", 7, None]}, "a.b") == ()
    assert values_of({}, "a.b.c") == ()


def test_an_address_that_the_provider_does_not_believe_is_none() -> None:
    assert person(email="Rosa@Example.org").email == "rosa@example.org"
    assert person(email="rosa@example.org", email_verified=True).email == "rosa@example.org"
    assert person(email="rosa@example.org", email_verified=False).email == ""
    assert person(preferred_username="rosa@example.org").email == "rosa@example.org"
    assert person(email="rosa", preferred_username="rosa").email == ""


def test_a_second_factor_counts_by_acr_or_amr() -> None:
    assert person(amr=["pwd", "mfa"]).has_second_factor
    assert person(acr="urn:gold").has_second_factor
    assert not person(amr=["pwd"], acr="0").has_second_factor
    assert not ProvidedPerson.of({"sub": "x", "amr": [""], "acr": ""}, SETTINGS).has_second_factor


def test_capitals_and_issuers_make_another_person() -> None:
    keys = {
        key_of("https://a", "rosa"),
        key_of("https://a", "Rosa"),
        key_of("https://b", "rosa"),
        key_of("", "https://a"),
    }
    assert len(keys) == 4


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=200),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)
_NAMES = ("name", "email", "email_verified", "preferred_username", "groups", "clinic", "acr", "amr", "auth_time", "sid")


@given(st.dictionaries(st.sampled_from(_NAMES), _JSON))
def test_whatever_is_claimed_makes_a_person_that_can_be_kept(claims: dict[str, Any]) -> None:
    found = person(**claims)
    assert len(found.name) <= 120 or found.name == found.email
    assert len(found.email) <= 255
    assert 0 <= found.authenticated_at < 1 << 40
    assert found.role is None or found.role in Role
