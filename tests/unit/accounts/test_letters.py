from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lungwise.access import Role
from lungwise.accounts.letters import invitation_letter, recovery_letter, registration_letter

if TYPE_CHECKING:
    from conftest import Services


def test_a_recovery_letter_goes_to_the_account_with_a_link_of_the_public_address(services: Services) -> None:
    settings = services.settings.model_copy(update={"public_url": "https://films.example.org"})
    letter = recovery_letter(services.user("Ada", "Hill", Role.DOCTOR), settings, str.upper)
    assert letter.to == "ada.hill@example.org"
    assert letter.subject == "CHOOSE A NEW PASSWORD"
    assert "https://films.example.org/password/forgotten/" in letter.text


def test_an_invitation_letter_holds_its_link() -> None:
    assert "\n\nhttps://here/invitation/x\n" in invitation_letter("a@b.org", "https://here/invitation/x", str).text


@pytest.mark.parametrize(("opened", "words"), [(True, "created an account"), (False, "already has one")])
def test_the_owner_of_an_address_reads_what_became_of_a_registration(opened: bool, words: str) -> None:
    assert words in registration_letter("a@b.org", str, opened=opened).text
