from __future__ import annotations

from typing import TYPE_CHECKING

from lungwise.access import Role
from lungwise.accounts.links import RECOVERY_URL, invitation_path, recovery_path

if TYPE_CHECKING:
    from conftest import Services


def test_a_recovery_path_is_another_one_after_the_password_was_changed(services: Services) -> None:
    ada = services.user("Ada", "Hill", Role.DOCTOR)
    before = recovery_path(ada, services.settings)
    assert before.startswith(f"{RECOVERY_URL}/")
    ada.fs_uniquifier = "another"
    assert recovery_path(ada, services.settings).rsplit(".")[0] != before.rsplit(".")[0]


def test_an_invitations_path_holds_its_token() -> None:
    assert invitation_path("token") == "/invitation/token"
