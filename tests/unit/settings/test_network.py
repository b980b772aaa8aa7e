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


def test_earlier_films_come_from_an_archive_by_its_title_or_its_address() -> None:
    assert Settings(priors_from="ARCHIVE@10.0.0.5:104").priors_from == "ARCHIVE@10.0.0.5:104"
    assert Settings(priors_from="https://a.example.org/dicom-web/").priors_from == "https://a.example.org/dicom-web"
    assert Settings(priors_from="http://127.0.0.1:8042/dicom-web").priors_from == "http://127.0.0.1:8042/dicom-web"
