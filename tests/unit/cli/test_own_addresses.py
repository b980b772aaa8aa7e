from __future__ import annotations

import re

import pytest

from lungwise.cli import own_addresses
from lungwise.cli.own_addresses import for_other_devices, on_this_computer
from lungwise.settings import Settings


def test_until_it_is_set_only_this_computer_is_served() -> None:
    assert on_this_computer(Settings()) == "http://127.0.0.1:8000/"
    for host in ("127.0.0.1", "::1", "localhost"):
        said = for_other_devices(Settings(host=host))
        assert said.startswith("set LUNGWISE_HOST=0.0.0.0;")
        assert "Phones and other computers" in said


def test_the_whole_network_is_told_this_computers_own_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_addresses, "_own_address", lambda: "192.168.1.20")
    everywhere = Settings(host="0.0.0.0", port=8080)
    assert on_this_computer(everywhere) == "http://127.0.0.1:8080/"
    assert for_other_devices(everywhere) == "http://192.168.1.20:8080/"
    monkeypatch.setattr(own_addresses, "_own_address", lambda: "")
    assert "in no network" in for_other_devices(everywhere)


def test_this_computers_own_address_is_found_or_nothing() -> None:
    assert re.fullmatch(r"[0-9a-f.:]*", own_addresses._own_address())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (Settings(host="10.0.0.7"), "http://10.0.0.7:8000/"),
        (Settings(host="fd00::7"), "http://[fd00::7]:8000/"),
        (Settings(public_url="https://lungwise.example.org"), "https://lungwise.example.org/"),
    ],
)
def test_an_address_that_is_set_is_the_address(settings: Settings, said: str) -> None:
    assert for_other_devices(settings) == said
