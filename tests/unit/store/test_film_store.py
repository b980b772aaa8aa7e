from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lungwise.store import FilmStore


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=5000))
def test_what_is_put_is_got_back_by_its_hash(data: bytes, tmp_path: Path) -> None:
    store = FilmStore(tmp_path)
    name = store.put("ab12", data)
    assert name == hashlib.sha256(data).hexdigest()
    assert store.get("ab12", name) == data


def test_a_film_damaged_on_disk_is_not_given_out(tmp_path: Path) -> None:
    store = FilmStore(tmp_path)
    name = store.put("ab12", b"film")
    (tmp_path / "ab" / "ab12" / name).write_bytes(b"flim")
    with pytest.raises(OSError, match="damaged"):
        store.get("ab12", name)


def test_deleting_a_study_deletes_its_films_alone(tmp_path: Path) -> None:
    store = FilmStore(tmp_path)
    first, second = store.put("ab12", b"film"), store.put("ab34", b"film")
    store.delete("ab12")
    assert list(store.films()) == [("ab34", second)]
    with pytest.raises(FileNotFoundError):
        store.get("ab12", first)


@pytest.mark.parametrize("name", ["../secret", "", "a/b", "..", "a\0b"])
def test_no_name_leads_out_of_the_folder(name: str, tmp_path: Path) -> None:
    store = FilmStore(tmp_path / "films")
    (tmp_path / "secret").write_bytes(b"secret")
    with pytest.raises(ValueError, match="names no"):
        store.get(name, "abc")
    with pytest.raises(ValueError, match="names no"):
        store.get("abc", name)


def test_a_cut_off_film_is_no_film(tmp_path: Path) -> None:
    store = FilmStore(tmp_path)
    name = store.put("ab12", b"film")
    (tmp_path / "ab" / "ab12" / ".unfinished").write_bytes(b"fi")
    assert list(store.films()) == [("ab12", name)]


def test_only_the_owner_can_look_into_the_films(tmp_path: Path) -> None:
    store = FilmStore(tmp_path / "films")
    name = store.put("ab12", b"film")
    for path in (tmp_path / "films", tmp_path / "films" / "ab" / "ab12" / name):
        assert path.stat().st_mode & 0o077 == 0
