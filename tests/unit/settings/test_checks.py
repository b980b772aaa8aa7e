from __future__ import annotations

import pytest

from lungwise.settings.checks import key_bytes, key_words, new_key_text, only_an_origin


def test_keys_are_32_random_bytes_in_base64() -> None:
    first, second = new_key_text(), new_key_text()
    assert key_words(f" {first},\n{second}\n") == [first, second]
    assert len(key_bytes(first)) == 32
    with pytest.raises(ValueError, match="32 random bytes"):
        key_bytes(first[:-4])


@pytest.mark.parametrize(
    "wrong", ["lungwise.example.org", "https://a.org/path", "https://u@a.org", "ftp://a.org", "http://a:0"]
)
def test_an_origin_is_a_scheme_and_a_host(wrong: str) -> None:
    assert only_an_origin(" HTTPS://A.org:8443/ ") == "https://a.org:8443"
    with pytest.raises(ValueError, match="scheme and a host"):
        only_an_origin(wrong)
