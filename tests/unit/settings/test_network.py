from __future__ import annotations

from lungwise.settings import Settings


def test_origins_are_kept_in_one_spelling() -> None:
    settings = Settings(dicomweb_origins="HTTPS://Viewer.example.org/, http://a:3000")
    assert settings.dicomweb_origins_list == ["https://viewer.example.org", "http://a:3000"]


def test_which_archives_are_set_to_get_certain_objects_is_known() -> None:
    settings = Settings(send_objects="PACS=SR+GSPS")
    assert settings.objects_for("PACS") == {"SR", "GSPS"}
    assert settings.objects_for("OLD") == {"SR", "GSPS", "SC", "PDF"}
    assert Settings(send_objects="PACS=SR+SEG").objects_for("PACS") == {"SR", "SEG"}
    assert [settings.names_objects_of(title) for title in ("PACS", "OLD")] == [True, False]
