from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungwise.accounts.oidc.errors import NotVouchedForError
from lungwise.accounts.oidc.keys import SigningKeys
from lungwise.accounts.oidc.tokens import LOGOUT_EVENT, TokenChecks
from oidc_forger import CLIENT, KEY, signed

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ISSUER = "https://id.example.org"
CHECKS = TokenChecks(
    ISSUER, CLIENT, SigningKeys(lambda: {"keys": [KEY.as_dict(private=False)]}, lambda: NOW), lambda: NOW
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_NAMES = (
    "iss",
    "aud",
    "sub",
    "exp",
    "iat",
    "nbf",
    "nonce",
    "auth_time",
    "amr",
    "azp",
    "at_hash",
    "events",
    "jti",
    "sid",
)


def usual() -> dict[str, Any]:
    now = int(NOW.timestamp())
    return {"iss": ISSUER, "aud": CLIENT, "sub": "rosa", "iat": now, "exp": now + 60, "nonce": "n"}


@given(st.text(max_size=200) | st.binary(max_size=60).map(lambda raw: ".".join([raw.hex()] * 3)) | _JSON)
def test_whatever_is_no_token_vouches_for_nobody(text: object) -> None:
    with pytest.raises(NotVouchedForError):
        CHECKS.id_token(text, "n", "x")
    with pytest.raises(NotVouchedForError):
        CHECKS.logout_token(text)


@given(st.dictionaries(st.sampled_from(_NAMES), _JSON, max_size=4))
def test_whatever_the_provider_signs_is_right_or_refused(odd: dict[str, Any]) -> None:
    logout = usual() | {"jti": "1", "events": {LOGOUT_EVENT: {}}}
    del logout["nonce"]
    for said, is_logout in ((usual() | odd, False), (logout | odd, True)):
        try:
            text = signed(said)
            claims = CHECKS.logout_token(text) if is_logout else CHECKS.id_token(text, "n", "x")
        except NotVouchedForError:
            continue
        assert claims["iss"] == ISSUER
        assert CLIENT in claims["aud"]
