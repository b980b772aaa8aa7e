from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lungwise.settings import Settings
from lungwise.store import Database, EncryptionError, FilmStore
from lungwise.store.facts import Fact, save_fact
from lungwise.store.rotation import encrypt_plain_films


@pytest.fixture(params=["folder", "bucket"])
def anywhere(request: pytest.FixtureRequest, migrate: Callable[[Settings], None]) -> Settings:
    """Give the settings twice: films in a folder, and films in a bucket."""
    place: Settings = request.getfixturevalue("settings" if request.param == "folder" else "in_bucket")
    migrate(place)
    return place


class Kept:
    """What lies in the store's folder or bucket, looked at from outside."""

    def __init__(self, settings: Settings) -> None:
        self.folder = settings.films_folder
        self.url = settings.films_url
        self.client: Any = self.url and boto3.client(
            "s3",
            endpoint_url=settings.s3_endpoint,
            region_name=settings.s3_region,
            aws_access_key_id=settings.s3_access_key.get_secret_value(),
            aws_secret_access_key=settings.s3_secret_key.get_secret_value(),
        )

    def _object(self, path: str) -> dict[str, str]:
        bucket, _, prefix = self.url.removeprefix("s3://").partition("/")
        return {"Bucket": bucket, "Key": f"{prefix}/{path}"}

    def read(self, path: str) -> bytes:
        if not self.url:
            return (self.folder / path).read_bytes()
        data: bytes = self.client.get_object(**self._object(path))["Body"].read()
        return data

    def write(self, path: str, data: bytes) -> None:
        if not self.url:
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_bytes(data)
            return
        self.client.put_object(**self._object(path), Body=data)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=5000))
def test_what_is_put_is_got_back_by_its_hash(data: bytes, settings: Settings) -> None:
    store = FilmStore(settings)
    name = store.put("ab12", data)
    assert name == hashlib.sha256(data).hexdigest()
    assert store.get("ab12", name) == data


def test_a_film_is_stored_encrypted_wherever_it_lies(anywhere: Settings) -> None:
    store, data = FilmStore(anywhere), b"\xff\xd8\xff a film of many bytes " * 1000
    name = store.put("ab12", data)
    kept = Kept(anywhere).read(f"ab/ab12/{name}")
    assert b"many bytes" not in kept
    assert store.get("ab12", name) == data
    assert list(store.films()) == [("ab12", name)]


def test_putting_a_film_again_writes_nothing(anywhere: Settings) -> None:
    store = FilmStore(anywhere)
    path = f"ab/ab12/{store.put('ab12', b'film')}"
    first = Kept(anywhere).read(path)
    store.put("ab12", b"film")
    assert Kept(anywhere).read(path) == first


@pytest.mark.parametrize(
    "change", [b"", b"short", lambda kept: kept[:-1] + bytes([kept[-1] ^ 1]), lambda _kept: b"flim"]
)
def test_a_damaged_film_is_not_given_out(change: Any, anywhere: Settings) -> None:
    store = FilmStore(anywhere)
    name = store.put("ab12", b"film")
    path, kept = f"ab/ab12/{name}", Kept(anywhere)
    kept.write(path, change(kept.read(path)) if callable(change) else change)
    with pytest.raises(EncryptionError, match=r"damaged|not encrypted"):
        store.get("ab12", name)


def test_a_film_opens_in_its_own_study_alone(anywhere: Settings) -> None:
    store, kept = FilmStore(anywhere), Kept(anywhere)
    name = store.put("ab12", b"film")
    kept.write(f"cd/cd34/{name}", kept.read(f"ab/ab12/{name}"))
    with pytest.raises(EncryptionError, match="moved"):
        store.get("cd34", name)


def test_deleting_a_study_deletes_its_films_alone(anywhere: Settings) -> None:
    store = FilmStore(anywhere)
    first, second = store.put("ab12", b"film"), store.put("ab123", b"film")
    store.delete("ab12")
    assert list(store.films()) == [("ab123", second)]
    with pytest.raises(FileNotFoundError):
        store.get("ab12", first)


@pytest.mark.parametrize("name", ["../secret", "", "a/b", "..", "a\0b"])
def test_no_name_leads_out_of_the_folder(name: str, anywhere: Settings) -> None:
    store = FilmStore(anywhere)
    with pytest.raises(ValueError, match="is not the"):
        store.get(name, "abc")
    with pytest.raises(ValueError, match="is not the"):
        store.get("abc", name)


def test_a_cut_off_film_is_no_film(settings: Settings) -> None:
    store = FilmStore(settings)
    name = store.put("ab12", b"film")
    (settings.films_folder / "ab" / "ab12" / ".unfinished").write_bytes(b"fi")
    assert list(store.films()) == [("ab12", name)]


def test_only_the_owner_can_look_into_the_films(settings: Settings) -> None:
    name = FilmStore(settings).put("ab12", b"film")
    for path in ("", f"ab/ab12/{name}", "../encryption.keys"):
        assert (settings.films_folder / path).stat().st_mode & 0o077 == 0


def keep_plain(settings: Settings, data: bytes) -> str:
    """Keep a film as the first releases did."""
    name = hashlib.sha256(data).hexdigest()
    Kept(settings).write(f"ab/ab12/{name}", data)
    return name


def let_plain_films_be_read(database: Database) -> None:
    with database.writing() as session:
        save_fact(session, "plain films", "read")


def test_a_film_that_lies_plain_is_refused(anywhere: Settings) -> None:
    store, name = FilmStore(anywhere), keep_plain(anywhere, b"a film of somebody's own")
    with pytest.raises(EncryptionError, match="not encrypted"):
        store.get("ab12", name)


def test_that_plain_films_are_read_is_not_believed_without_the_keys_signature(anywhere: Settings) -> None:
    store, name = FilmStore(anywhere), keep_plain(anywhere, b"a film of somebody's own")
    with closing(Database(anywhere)) as database, database.writing() as session:
        session.add(Fact(name="plain films", value="read", signature=database.keys.names[0] + "0" * 64))
    with pytest.raises(EncryptionError, match="not encrypted"):
        store.get("ab12", name)


def test_films_from_before_there_were_keys_are_read_until_all_are_encrypted(anywhere: Settings) -> None:
    store, films = FilmStore(anywhere), [b"an old film", b"another old film"]
    names = [keep_plain(anywhere, film) for film in films]
    with closing(Database(anywhere)) as database:
        let_plain_films_be_read(database)
        next(encrypt_plain_films(database, store))  # and killed
        assert len(list(store.plain_films())) == 1
        assert [store.get("ab12", name) for name in names] == films
        assert sum(1 for _film in encrypt_plain_films(database, store)) == 1
        assert [store.get("ab12", name) for name in names] == films
        assert not any(film in Kept(anywhere).read(f"ab/ab12/{name}") for film, name in zip(films, names, strict=True))
        keep_plain(anywhere, films[0])
        assert list(encrypt_plain_films(database, store)) == []
    with pytest.raises(EncryptionError, match="not encrypted"):
        store.get("ab12", names[0])


def test_a_plain_film_that_is_not_what_was_kept_is_never_encrypted(anywhere: Settings) -> None:
    store, name = FilmStore(anywhere), keep_plain(anywhere, b"an old film")
    Kept(anywhere).write(f"ab/ab12/{name}", b"exchanged")
    with closing(Database(anywhere)) as database:
        let_plain_films_be_read(database)
        with pytest.raises(EncryptionError, match="damaged"):
            store.get("ab12", name)
        assert list(encrypt_plain_films(database, store)) == []
    assert Kept(anywhere).read(f"ab/ab12/{name}") == b"exchanged"


def test_a_store_says_whether_it_can_be_written(anywhere: Settings) -> None:
    store = FilmStore(anywhere)
    assert store.writable()
    assert list(store.films()) == []
    shutil.rmtree(anywhere.films_folder, ignore_errors=True)
    gone = anywhere.model_copy(update={"films_url": "s3://no-such-bucket"}) if anywhere.films_url else None
    assert not (FilmStore(gone) if gone else store).writable()


def test_a_bucket_that_cannot_be_reached_is_a_fault_like_a_disks(in_bucket: Settings) -> None:
    store = FilmStore(in_bucket.model_copy(update={"s3_endpoint": "http://127.0.0.1:9"}))
    with pytest.raises(OSError, match="cannot be reached"):
        store.put("ab12", b"film")


def test_a_film_without_its_key_says_which_is_missing(settings: Settings, tmp_path: Path) -> None:
    store = FilmStore(settings)
    name = store.put("ab12", b"film")
    (settings.data_folder / "encryption.keys").rename(tmp_path / "lost.keys")
    with pytest.raises(EncryptionError, match=r"encryption\.keys"):
        FilmStore(settings).get("ab12", name)
