"""Second factors outside the pages: opened for a clinic that moves away, and sealed for one that has come."""

from __future__ import annotations

from passlib.totp import TOTP

from lungwise.settings import Settings
from lungwise.store.secret_key import derived_secret

ISSUER = "Lungwise"


def totp_secrets(settings: Settings) -> dict[str, str]:
    """Return what encrypts the keys of authenticator apps, by its version."""
    return {"1": derived_secret(settings, "totp")}


class SecondFactorKeys:
    """Opens and seals the keys of authenticator apps, which are encrypted with a key made of the secret key."""

    def __init__(self, settings: Settings) -> None:
        self._factory = TOTP.using(secrets=totp_secrets(settings), issuer=ISSUER)

    def open(self, sealed: str) -> str:
        """Return a key in plain."""
        return str(self._factory.from_source(sealed).to_json(encrypt=False))

    def seal(self, plain: str) -> str:
        """Return a plain key as an account keeps it."""
        return str(self._factory.from_source(plain).to_json(encrypt=True))
