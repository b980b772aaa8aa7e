from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from lungwise.settings import Settings
from lungwise.settings.checks import new_key_text
from lungwise.store import EncryptionError
from lungwise.store.keys import Keys, is_encrypted
from lungwise.store.secret_key import signing_key


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=3000), context=st.text(max_size=40))
def test_what_is_encrypted_is_decrypted_in_its_own_context_alone(data: bytes, context: str, settings: Settings) -> None:
    keys = Keys(settings)
    encrypted = keys.encrypt(data, context)
    assert is_encrypted(encrypted)
    assert keys.decrypt(encrypted, context) == data
    with pytest.raises(EncryptionError, match="moved"):
        keys.decrypt(encrypted, context + "x")


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(min_size=1, max_size=60), place=st.integers(0, 200), flip=st.integers(1, 255))
def test_any_changed_byte_is_noticed(data: bytes, place: int, flip: int, settings: Settings) -> None:
    keys = Keys(settings)
    encrypted = bytearray(keys.encrypt(data, "a"))
    encrypted[place % len(encrypted)] ^= flip
    with pytest.raises(EncryptionError):
        keys.decrypt(bytes(encrypted), "a")


@pytest.mark.parametrize("length", range(40))
def test_what_is_cut_off_does_not_open(length: int, settings: Settings) -> None:
    keys = Keys(settings)
    with pytest.raises(EncryptionError):
        keys.decrypt(keys.encrypt(b"film", "a")[:length], "a")


def test_the_same_text_is_never_encrypted_the_same(settings: Settings) -> None:
    keys = Keys(settings)
    assert len({keys.encrypt(b"Bartok", "name") for _ in range(50)}) == 50


def test_an_index_is_equal_for_equal_texts_of_one_place_alone(settings: Settings) -> None:
    keys = Keys(settings)
    assert keys.index("word 1", "bartok") == Keys(settings).index("word 1", "bartok")
    texts = {
        keys.index(context, text) for context in ("word 1", "word 11", "word") for text in ("bartok", "1bartok", "")
    }
    assert len(texts) == 9
    assert "bartok" not in keys.index("word 1", "bartok")


def test_the_key_is_made_once_though_many_begin_at_once(tmp_path: Path) -> None:
    begin, names = threading.Barrier(8), []

    def work() -> None:
        keys = Keys(Settings(data_folder=tmp_path / "new"))
        begin.wait()
        keys.make()
        names.append(keys.names[0])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names) == 8
    assert len(set(names)) == 1


def test_a_new_key_encrypts_for_a_running_service_and_the_old_one_still_opens(settings: Settings) -> None:
    running = Keys(settings)
    old = running.encrypt(b"film", "a")
    name = Keys(settings).add()
    assert running.names[0] == name
    assert running.encrypt(b"film", "a")[4:8].hex() == name
    assert running.decrypt(old, "a") == b"film"
    assert running.index("w", "x") != running.indexes("w", "x")[1]
    assert running.index("w", "x") == running.indexes("w", "x")[0]


def test_a_running_service_goes_on_with_its_keys_while_their_file_is_away(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    running = Keys(settings)
    first = running.encrypt(b"film", "a")
    running.path.rename(tmp_path / "away")
    second = running.encrypt(b"film", "a")
    assert second[4:8] == first[4:8]
    assert running.decrypt(first, "a") == running.decrypt(second, "a") == b"film"
    assert [record.message for record in caplog.records if "disappeared" in record.message] == [
        f"{running.path} has disappeared. The keys that were read from it stay in use: put it back."
    ]
    for fresh in (lambda: Keys(settings).encrypt(b"film", "a"), Keys(settings).add, running.add):
        with pytest.raises(EncryptionError, match="is missing"):
            fresh()
    assert not running.path.exists()
    (tmp_path / "away").rename(running.path)
    assert running.add() == running.names[0] != first[4:8].hex()
    assert running.decrypt(first, "a") == b"film"


def test_keys_by_setting_leave_no_file(tmp_path: Path) -> None:
    first, second = new_key_text(), new_key_text()
    old = Keys(Settings(data_folder=tmp_path, encryption_keys=SecretStr(first)))
    both = Keys(Settings(data_folder=tmp_path, encryption_keys=SecretStr(f"{second}, {first}")))
    assert both.decrypt(old.encrypt(b"film", "a"), "a") == b"film"
    assert both.names[1:] == old.names
    with pytest.raises(EncryptionError, match=old.names[0]):
        Keys(Settings(data_folder=tmp_path, encryption_keys=SecretStr(second))).decrypt(old.encrypt(b"film", "a"), "a")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(EncryptionError, match="LUNGWISE_ENCRYPTION_KEYS"):
        both.add()


@pytest.mark.parametrize("wrong", ["secret", "a" * 42, "ä" * 43, f"{'A' * 43} x"])
def test_what_is_no_key_is_no_setting(wrong: str, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="encryption_keys"):
        Settings(data_folder=tmp_path, encryption_keys=SecretStr(wrong))


@pytest.mark.parametrize("wrong", ["", "\n", "secret\n"])
def test_a_spoilt_file_of_keys_is_not_overwritten(wrong: str, settings: Settings) -> None:
    file = settings.data_folder / "encryption.keys"
    file.write_text(wrong)
    with pytest.raises(EncryptionError, match="keys back"):
        Keys(settings).encrypt(b"film", "a")
    assert file.read_text() == wrong


def test_files_of_keys_are_their_owners_alone(settings: Settings) -> None:
    assert Keys(settings).names
    assert signing_key(settings)
    files = [settings.data_folder / name for name in ("encryption.keys", "secret.key")]
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600, 0o600]


def test_keys_are_not_shown(settings: Settings) -> None:
    keys = Keys(settings)
    secret = settings.data_folder / "encryption.keys"
    assert keys.names[0]
    assert secret.read_text().strip() not in repr(keys.all) + repr(settings)
    assert "index" not in repr(keys.all)
