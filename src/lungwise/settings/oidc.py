"""The settings of signing in at an identity provider (OpenID Connect)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import BaseSettings

from lungwise.settings.checks import is_guarded_address, listed

MAPPED_ROLES: Final = ("doctor", "radiologist", "administrator", "health_worker")
"""The roles that a provider's word may stand for."""
_ROLE = re.compile(rf"\s*(?P<word>[^,\s].*?)\s*=\s*(?P<role>{'|'.join(MAPPED_ROLES)})\s*(?:,|$)")


def mapped_roles(text: str) -> dict[str, str]:
    """Return our role for each word of the provider, in the order of the setting.

    A word may hold commas and equals signs, as names in LDAP do: it ends at the equals sign before one of our roles.

    Raises
    ------
    ValueError
        If something does not end in one of our roles.
    """
    found, end = dict[str, str](), 0
    while end < len(text):
        one = _ROLE.match(text, end)
        if one is None:
            raise ValueError(f"It is WORD=ROLE, WORD=ROLE, a role being one of {', '.join(MAPPED_ROLES)}")
        found[one["word"]], end = one["role"], one.end()
    return found


def _only_mapped_roles(text: str) -> str:
    mapped_roles(text.strip())
    return text.strip()


def _only_an_issuer(url: str) -> str:
    if url and (not is_guarded_address(url) or "?" in url):
        raise ValueError("It is an https address without a query, as https://id.example.org/realms/hospital")
    return url


class OidcSettings(BaseSettings, use_attribute_docstrings=True):
    """Who vouches for people beside Lungwise itself, and what its word means here."""

    oidc_issuer: Annotated[str, AfterValidator(_only_an_issuer)] = Field(default="", max_length=255)
    """Identity provider that people may sign in with (OpenID Connect): its issuer as it writes it itself, as
    https://id.example.org/realms/hospital. It needs `public_url`, `oidc_client_id` and `oidc_roles`. Empty: none."""
    oidc_client_id: str = Field(default="", max_length=255)
    """What the provider calls this installation: the client's id."""
    oidc_client_secret_file: Path | None = None
    """File with the client's secret. Empty: the provider asks for none, and PKCE alone guards the code."""
    oidc_ca: Path | None = None
    """Certificate authority of the provider. Empty: those that the machine trusts."""
    oidc_scopes: str = Field(default="openid profile email", pattern=r"^openid( [!#-\[\]-~]+)*$")
    """What the provider is asked to tell, separated by spaces; the first is openid."""
    oidc_label: str = Field(default="", max_length=60)
    """The provider's name on the pages, as Hill Hospital. Empty: the host of its issuer."""
    oidc_roles_claim: str = Field(default="groups", min_length=1, max_length=255)
    """Claim that holds a person's roles or groups; with full stops it leads inwards, as realm_access.roles."""
    oidc_roles: Annotated[str, AfterValidator(_only_mapped_roles)] = ""
    """Our role for each of the provider's, separated by commas, as chest-doctors=doctor, pacs-admins=administrator.
    The first of these that a person has counts, anew at each sign-in; who has none is refused."""
    oidc_clinic_claim: str = Field(default="", max_length=255)
    """Claim that holds the name of a person's clinic. Empty: the only clinic that there is."""
    oidc_second_factor: str = ""
    """Values of the claims acr and amr that count as a second factor, separated by commas, as mfa, otp. Empty: people
    set up a second factor here, where it is required."""
    oidc_passwords: bool = False
    """Accounts that sign in with the provider may sign in with a password too."""

    @property
    def oidc_roles_map(self) -> dict[str, str]:
        """Our role for each of the provider's, the one that counts first first."""
        return mapped_roles(self.oidc_roles)

    @property
    def oidc_second_factor_list(self) -> list[str]:
        """The values of acr and amr that count as a second factor."""
        return listed(self.oidc_second_factor)

    @property
    def oidc_name(self) -> str:
        """The provider's name on the pages."""
        return self.oidc_label or self.oidc_issuer.partition("://")[2].partition("/")[0]

    @model_validator(mode="after")
    def _knows_what_the_provider_means(self) -> Self:
        if self.oidc_issuer and not (self.oidc_client_id and self.oidc_roles):
            raise ValueError("oidc_issuer needs oidc_client_id and oidc_roles")
        return self
