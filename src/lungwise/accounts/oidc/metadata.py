"""What a provider publishes about itself (OpenID Connect Discovery 1.0)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from lungwise.accounts.oidc.errors import ProviderError
from lungwise.settings.checks import is_guarded_address

_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_BASIC = "client_secret_basic"


def metadata_address(issuer: str) -> str:
    """Return where an issuer publishes its metadata."""
    return issuer.rstrip("/") + "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """The addresses of a provider, each https or on this machine; empty where it has none.

    Parameters
    ----------
    names_issuer
        Whether each answer says whose it is (RFC 9207).
    takes_basic
        Whether a client's secret goes into the Authorization header, as the standard has it by default.
    """

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    end_session_endpoint: str
    names_issuer: bool
    takes_basic: bool

    @classmethod
    def of(cls, document: dict[str, Any], issuer: str) -> Self:
        """Read a provider's document.

        Raises
        ------
        ProviderError
            If it is another issuer's, or an address is missing or is not guarded on the way.
        """
        if document.get("issuer") != issuer:
            raise ProviderError("its issuer is not the setting oidc_issuer to a letter")
        if not all(document.get(name) for name in _NEEDED):
            raise ProviderError(f"its metadata lacks one of {', '.join(_NEEDED)}")
        methods = document.get("token_endpoint_auth_methods_supported", [_BASIC])
        return cls(
            authorization_endpoint=_address(document, "authorization_endpoint"),
            token_endpoint=_address(document, "token_endpoint"),
            jwks_uri=_address(document, "jwks_uri"),
            userinfo_endpoint=_address(document, "userinfo_endpoint"),
            end_session_endpoint=_address(document, "end_session_endpoint"),
            names_issuer=document.get("authorization_response_iss_parameter_supported") is True,
            takes_basic=isinstance(methods, list) and _BASIC in methods,
        )


def _address(document: dict[str, Any], name: str) -> str:
    url = document.get(name) or ""
    if url and not (isinstance(url, str) and is_guarded_address(url)):
        raise ProviderError(f"its {name} is not an https address")
    return str(url)
