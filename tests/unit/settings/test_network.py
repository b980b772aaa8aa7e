from __future__ import annotations

from lungwise.settings import Settings


def test_origins_are_kept_in_one_spelling() -> None:
    settings = Settings(dicomweb_origins="HTTPS://Viewer.example.org/, http://a:3000")
    assert settings.dicomweb_origins_list == ["https://viewer.example.org", "http://a:3000"]
