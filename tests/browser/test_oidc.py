"""Signing in with the hospital's own account in Chromium, on a desk and on a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from accessibility import faults_of
from oidc_peers import House, oidc_house

if TYPE_CHECKING:
    from collections.abc import Iterator

DESKTOP, PHONE = ViewportSize(width=1366, height=768), ViewportSize(width=390, height=844)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with oidc_house(tmp_path_factory.mktemp("oidc")) as house:
        house.clinic("Hill")
        yield house


def sign_in_there(page: Page, name: str) -> None:
    page.fill("[name=login]", name)
    page.fill("[name=password]", "any")
    page.click("button[type=submit]")


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_doctor_signs_in_confirms_and_signs_out(size: ViewportSize, house: House, chromium: Browser) -> None:
    """No policy of the pages stops the way there and back, and nothing is wider than the screen."""
    context = chromium.new_context(viewport=size, locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(120_000)
    blocked: list[str] = []
    page.on("console", lambda line: blocked.append(line.text) if house.address in page.url else None)
    page.goto(f"{house.address}/sign-in")
    assert faults_of(page) == []
    page.get_by_role("link", name="Sign in with Hill Hospital").click()
    sign_in_there(page, "rosa")
    page.wait_for_url(f"{house.address}/studies")

    page.goto(f"{house.address}/profile")
    expect(page.get_by_text("Linked with Hill Hospital")).to_be_visible()
    expect(page.get_by_text("Change password")).to_have_count(0)
    page.goto(f"{house.address}/verify?next=/profile/tokens")
    assert faults_of(page) == []
    page.get_by_role("link", name="Confirm with Hill Hospital").click()
    sign_in_there(page, "rosa")
    page.wait_for_url(f"{house.address}/profile/tokens")

    if size is PHONE:
        page.click(".menu-button")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{house.address}/signed-out")
    assert faults_of(page) == []
    page.get_by_role("link", name="Sign out with Hill Hospital too").click()
    page.click("button[value=yes]")
    page.wait_for_url(f"{house.address}/sign-in")
    context.close()
    assert blocked == []
