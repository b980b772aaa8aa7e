from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import SecretStr

from lungwise.settings import Settings
from lungwise.settings.checks import new_key_text
from lungwise.store import EncryptionError
from lungwise.store.keys import Keys
from lungwise.store.manifest import BackupError, BackupWriter, check_manifest, content

PARTS = {
    "schema.json": b'["0001"]',
    "tables/users.jsonl": b'[1, "reader"]\n',
    "films/ab12/aaaa": b"a film",
    "films/cd34/bbbb": b"another film",
}
Members = list[tuple[str, bytes]]


def written(keys: Keys, file: Path) -> Members:
    """Write a backup, and give what it holds."""
    with tarfile.open(file, "w") as archive:
        backup = BackupWriter(archive, keys)
        for name, data in PARTS.items():
            backup.add(name, data)
        backup.finish()
    with tarfile.open(file) as archive:
        return [(member.name, content(archive, member)) for member in archive]


def check(members: Members, keys: Keys) -> None:
    """Check a backup of these parts."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    file.seek(0)
    with tarfile.open(fileobj=file) as archive:
        check_manifest(archive, keys)


@pytest.fixture
def keys(settings: Settings) -> Keys:
    return Keys(settings)


def test_what_was_written_agrees_whatever_the_order(keys: Keys, tmp_path: Path) -> None:
    members = written(keys, tmp_path / "backup.tar")
    check(members, keys)
    check(members[::-1], keys)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_changed_is_found(data: st.DataObject, keys: Keys, tmp_path: Path) -> None:
    members = written(keys, tmp_path / "backup.tar")
    number, other = data.draw(st.permutations(range(len(members))))[:2]
    name, kept = members[number]
    what = data.draw(st.sampled_from(["leave out", "change", "exchange", "add", "double", "rename"]))
    changed = list(members)
    if what == "leave out":
        del changed[number]
    elif what == "change":
        changed[number] = (name, data.draw(st.binary(max_size=20).filter(lambda new: new != kept)))
    elif what == "exchange":
        changed[number], changed[other] = (name, members[other][1]), (members[other][0], kept)
    elif what == "add":
        changed.append((data.draw(st.sampled_from(["films/ab12/cccc", "tables/roles.jsonl"])), kept))
    elif what == "double":
        changed.append((name, kept))
    else:
        changed[number] = (f"{name}x", kept)
    with pytest.raises((BackupError, EncryptionError, KeyError, ValueError)):
        check(changed, keys)


def test_it_says_what_does_not_agree(keys: Keys, tmp_path: Path) -> None:
    members = dict(written(keys, tmp_path / "backup.tar"))
    members["tables/users.jsonl"] = b'[1, "administrator"]\n'
    members["films/ab12/aaaa"] = PARTS["films/cd34/bbbb"]
    del members["films/cd34/bbbb"]
    members["films/cd34/cccc"] = b"a film of somebody's own"
    with pytest.raises(BackupError) as refused:
        check(list(members.items()), keys)
    for said in ("users.jsonl was changed", "aaaa was changed", "bbbb is missing", "cccc was added"):
        assert said in str(refused.value)


def test_a_manifest_made_to_agree_without_the_keys_is_refused(keys: Keys, tmp_path: Path) -> None:
    members = dict(written(keys, tmp_path / "backup.tar"))
    members["tables/users.jsonl"] = b'[1, "administrator"]\n'
    manifest = json.loads(members["manifest.json"])
    manifest["tables/users.jsonl"] = hashlib.sha256(members["tables/users.jsonl"]).hexdigest()
    members["manifest.json"] = json.dumps(manifest).encode()
    with pytest.raises(BackupError, match="manifest was changed"):
        check(list(members.items()), keys)


def test_another_installations_backup_asks_for_its_key(keys: Keys, tmp_path: Path) -> None:
    members = written(keys, tmp_path / "backup.tar")
    others = Keys(Settings(data_folder=tmp_path, encryption_keys=SecretStr(new_key_text())))
    with pytest.raises(EncryptionError, match=keys.names[0]):
        check(members, others)


def test_many_parts_that_do_not_agree_are_counted(keys: Keys, tmp_path: Path) -> None:
    members = written(keys, tmp_path / "backup.tar") + [(f"films/ab12/{n}", b"") for n in range(13)]
    with pytest.raises(BackupError, match="and 3 more"):
        check(members, keys)
