"""What the provider says of a person, as we take it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from lungwise.access import Role
from lungwise.accounts.email_addresses import normalised_email
from lungwise.inputs import LINE
from lungwise.settings import Settings

_MOST_VALUES = 1000


def key_of(issuer: str, name: str) -> str:
    """Return the key of what an issuer calls something: a person by `sub`, a session by `sid`.

    It is a hash, for both tell capitals from small letters, which a database may not, and neither is ours to show.
    """
    return hashlib.sha256(json.dumps([issuer, name]).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvidedPerson:
    """Somebody whom the provider vouches for.

    Parameters
    ----------
    identity
        The key of issuer and subject: who it is. Nothing else says that, an e-mail address least.
    provider_session
        The key of the session there; empty where it has none.
    email
        A normalised address; empty where there is none, or the provider knows that it is not theirs.
    role
        Ours; None where they have none.
    clinics
        What the claim for the clinic holds.
    authenticated_at
        When they last proved who they are, in seconds since 1970; 0 where the provider does not say.
    has_second_factor
        Whether they used one, as the settings count it.
    """

    identity: str
    provider_session: str
    name: str
    email: str
    role: Role | None
    clinics: tuple[str, ...]
    authenticated_at: int
    has_second_factor: bool

    @classmethod
    def of(cls, claims: Mapping[str, Any], settings: Settings) -> Self:
        """Read the claims of an ID token, which are checked already, and of the user information."""
        email = _email(claims)
        return cls(
            identity=key_of(settings.oidc_issuer, str(claims["sub"])),
            provider_session=key_of(settings.oidc_issuer, _text(claims, "sid")) if claims.get("sid") else "",
            name=_name(claims) or email,
            email=email,
            role=_role(settings, values_of(claims, settings.oidc_roles_claim)),
            clinics=values_of(claims, settings.oidc_clinic_claim) if settings.oidc_clinic_claim else (),
            authenticated_at=_seconds(claims.get("auth_time")),
            has_second_factor=_has_second_factor(claims, settings.oidc_second_factor_list),
        )


def values_of(claims: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return the texts of a claim, one or a list of them; the name leads inwards where no claim is called so."""
    found: Any = claims
    for part in [name] if name in claims else name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    listed = found if isinstance(found, list) else [found]
    return tuple(one for one in listed[:_MOST_VALUES] if isinstance(one, str))


def _role(settings: Settings, words: tuple[str, ...]) -> Role | None:
    return next((Role(role) for word, role in settings.oidc_roles_map.items() if word in words), None)


def _has_second_factor(claims: Mapping[str, Any], counted: list[str]) -> bool:
    return not {*values_of(claims, "acr"), *values_of(claims, "amr")}.isdisjoint(counted)


def _email(claims: Mapping[str, Any]) -> str:
    if claims.get("email_verified") in (False, "false"):
        return ""
    given = (normalised_email(_text(claims, name)) for name in ("email", "preferred_username"))
    return next((address for address in given if address and len(address) <= 255), "")


def _name(claims: Mapping[str, Any]) -> str:
    said = _text(claims, "name") or _text(claims, "preferred_username")
    return "".join(letter for letter in said if letter.isprintable()).strip()[:LINE]


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) else ""


def _seconds(value: object) -> int:
    return int(value) if isinstance(value, int | float) and 0 < value < 1 << 40 else 0
