from __future__ import annotations

import base64
import hashlib
import json
import math
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import JSON, Column, Connection, MetaData, RowMapping, insert, select, text
from sqlalchemy import table as named
from sqlalchemy.sql import column

from killed_at import killed_at
from lungwise.access import Person, Role
from lungwise.accounts.one_time_codes import hash_code
from lungwise.accounts.outbox import Outbox
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditTrail
from lungwise.jobs.deliveries import Dispatches
from lungwise.patients.service import Patients
from lungwise.settings.checks import new_key_text
from lungwise.store import Base, Database, Encrypted, EncryptionError, check_keys
from lungwise.store.backup import misplaced_values
from lungwise.store.encryption import context_of, row_key_of
from lungwise.store.migrations import is_current, upgrade
from processes import environment

if TYPE_CHECKING:
    from conftest import Clock
    from lungwise.settings import Settings
from lungwise.studies.uids import own_uid

AT = datetime(2026, 3, 2, 9, 0, 0, 123456)
FIRST_RELEASE: dict[str, list[dict[str, Any]]] = {
    "clinics": [{"id": n, "name": f"Hill {n}", "created_at": AT} for n in (1, 2)],
    "users": [
        {
            "id": n,
            "key": f"user{n}",
            "clinic_id": n,
            "email": f"ada{n}@example.org",
            "name": "Ada",
            "role": "administrator",
            "active": True,
            "approved_at": AT,
            "created_at": AT,
            "password": "hash",
            "fs_uniquifier": f"unique{n}",
        }
        for n in (1, 2)
    ],
    "patients": [
        {
            "id": n,
            "key": f"patient{n}",
            "clinic_id": 1 + n % 2,
            "identifier": f"H-{n // 2}",
            "name": "Béla Bartók सुनीता" if n % 3 else "",
            "sex": "M",
            "birth_date": date(1881, 3, 25) if n % 2 else None,
            "created_at": AT,
        }
        for n in range(1, 603)
    ],
    "patient_words": [{"clinic_id": 1 + n % 2, "word": "bartók", "patient_id": n} for n in range(1, 603)],
    "studies": [
        {
            "id": n,
            "key": f"study{n}",
            "clinic_id": 1 + n % 2,
            "patient_id": n,
            "author_id": 1,
            "created_at": AT,
            "unread": True,
            "standing": "positive",
            "probability": 0.75,
        }
        for n in range(1, 30)
    ],
    "films": [
        {"id": n, "key": f"film{n}", "study_id": n, "sha256": "a" * 64, "kind": "JPEG", "size": 9, "created_at": AT}
        for n in range(1, 30)
    ],
    "jobs": [{"id": 1, "film_id": 1, "state": "done", "attempts": 1, "created_at": AT, "error": ""}],
    "readings": [
        {
            "id": 1,
            "film_id": 1,
            "model": "m",
            "version": "1",
            "created_at": AT,
            "probability": 0.75,
            "verdict": "positive",
            "appearance": {"typical": 0.75},
            "findings": {},
            "heat": bytes(289),
        }
    ],
    "opinions": [
        {
            "id": n,
            "study_id": n,
            "author_id": 1,
            "author_name": "Ada",
            "author_role": "administrator",
            "created_at": AT,
            "agrees": True,
            "note": f"a scar, Béla {n}\nsince 1950",
        }
        for n in range(1, 20)
    ],
    "failures": [{"name": "f" * 64, "count": 2, "until": AT}],
}


def test_the_steps_lead_from_an_empty_database_to_the_models(either: Settings) -> None:
    database = Database(either)
    assert not is_current(database.engine)
    upgrade(database.engine)
    assert is_current(database.engine)
    with database.engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    database.close()
    assert differences == []


def test_upgrading_again_changes_nothing(settings: Settings) -> None:
    database = Database(settings)
    upgrade(database.engine)
    upgrade(database.engine)
    assert is_current(database.engine)
    database.close()


def test_an_id_is_never_given_twice_on_sqlite(settings: Settings) -> None:
    database = Database(settings)
    upgrade(database.engine, "0001")
    with database.engine.begin() as connection:
        fill(connection)
    upgrade(database.engine)
    statement = "INSERT INTO clinics (id, name, created_at) VALUES ({}, :name, CURRENT_TIMESTAMP) RETURNING id"
    with database.engine.begin() as connection:
        assert connection.scalar(text(statement.format("NULL")), {"name": "Third"}) == 3
        connection.execute(text("DELETE FROM clinics WHERE id = 3"))
        assert connection.scalar(text(statement.format("NULL")), {"name": "Fourth"}) == 4
        query = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%AUTOINCREMENT%'"
        counting = set(connection.scalars(text(query)))
    database.close()
    keys = {name: list(table.primary_key.columns) for name, table in Base.metadata.tables.items()}
    assert counting == {
        name for name, (key, *more) in keys.items() if key.name == "id" and not more and key.autoincrement is not False
    }


def test_what_the_release_before_kept_is_there_after_the_upgrade(either: Settings) -> None:
    database = Database(either)
    upgrade(database.engine, "0001")
    now = datetime(2026, 3, 2, 9, 0)
    rows: dict[str, dict[str, object]] = {
        "clinics": {"id": 1, "name": "Hill", "created_at": now},
        "users": {
            "id": 1, "key": "u", "clinic_id": 1, "email": "a@b", "name": "A", "role": "doctor", "active": True,
            "created_at": now, "password": "", "fs_uniquifier": "x",
        },
        "patients": {"id": 1, "key": "p", "clinic_id": 1, "identifier": "P", "name": "", "sex": "", "created_at": now},
        "studies": {
            "id": 1, "key": "s", "clinic_id": 1, "patient_id": 1, "author_id": 1, "created_at": now, "unread": True,
            "standing": "waiting", "probability": 0.0,
        },
        "films": {"id": 1, "key": "f", "study_id": 1, "sha256": "0", "kind": "JPEG", "size": 1, "created_at": now},
    }  # fmt: skip
    with database.engine.execution_options(lungwise_writes=True).begin() as connection:
        for name, row in rows.items():
            connection.execute(insert(named(name, *map(column, row))).values(row))
    upgrade(database.engine)
    with database.engine.connect() as connection:
        for name, row in rows.items():
            assert connection.execute(select(column("id")).select_from(named(name))).scalars().all() == [row["id"]]
        if not either.database_url:
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
    database.close()


def test_the_studies_of_an_earlier_release_are_given_their_weeks(either: Settings) -> None:
    database = Database(either)
    upgrade(database.engine, "0001")
    sunday = "2026-03-01 23:59:59.000000"
    with database.engine.begin() as connection:
        connection.execute(text("INSERT INTO clinics (id, name, created_at) VALUES (1, 'Hill', :at)"), {"at": sunday})
        person = "(1, 'u', 1, 'a@example.org', 'Ada', 'doctor', 1, :at, 'x', 'y')"
        columns = "id, `key`, clinic_id, email, name, role, active, created_at, password, fs_uniquifier"
        connection.execute(text(f"INSERT INTO users ({columns}) VALUES {person}"), {"at": sunday})
        columns = "id, `key`, clinic_id, identifier, name, sex, created_at"
        connection.execute(
            text(f"INSERT INTO patients ({columns}) VALUES (1, 'p', 1, '7', '', '', :at)"), {"at": sunday}
        )
        columns = "id, `key`, clinic_id, patient_id, author_id, created_at, unread, standing, probability"
        study = "(1, 's', 1, 1, 1, :at, 1, 'positive', 0.9)"
        connection.execute(text(f"INSERT INTO studies ({columns}) VALUES {study}"), {"at": sunday})
    upgrade(database.engine)
    with database.engine.connect() as connection:
        assert str(connection.scalar(text("SELECT week FROM studies"))) == "2026-02-23"
    database.close()


def test_an_opinions_pcr_becomes_a_reference_result_and_its_verdict_a_diagnosis(either: Settings) -> None:
    database = Database(either)
    upgrade(database.engine, "0001")
    with database.engine.begin() as connection:
        fill(connection)
        connection.execute(text("UPDATE opinions SET pcr = 'positive', conclusion = 'negative' WHERE id = 3"))
        connection.execute(text("UPDATE studies SET pcr = 'positive', conclusion = 'positive' WHERE id = 3"))
    upgrade(database.engine)
    with database.engine.connect() as connection:
        columns = "study_id, kind, result, tested_on, reason, author_name"
        (result,) = connection.execute(text(f"SELECT {columns} FROM reference_results"))
        assert tuple(result) == (3, "pcr", "positive", None, None, "Ada")
        assert connection.scalar(text("SELECT conclusion FROM opinions WHERE id = 3")) == "no COVID-19"
        concluded = connection.execute(text("SELECT conclusion, pcr FROM studies WHERE id = 3")).one()
        assert tuple(concluded) == ("COVID-19", "positive")
    database.close()


def test_studies_of_an_earlier_release_are_given_what_the_worklist_sorts_by(either: Settings) -> None:
    database = Database(either)
    upgrade(database.engine, "0001")
    with database.engine.begin() as connection:
        fill(connection)
    upgrade(database.engine)
    with database.engine.connect() as connection:
        columns = "id, pattern, urgency, taken_at = created_at"
        rows = connection.execute(text(f"SELECT {columns} FROM studies ORDER BY id")).all()
    assert tuple(rows[0]) == (1, "COVID-19", 3.75, 1)
    assert {tuple(row[1:]) for row in rows[1:]} == {("", 3.75, 1)}  # they have no reading
    database.close()


def test_studies_of_an_earlier_release_are_given_the_findings_that_their_headlines_name(either: Settings) -> None:
    database = Database(either)
    upgrade(database.engine, "0001")
    with database.engine.begin() as connection:
        fill(connection)
    upgrade(database.engine, "0051")
    both = {"normal": 0.01, "COVID-19": 0.02, "other pneumonia": 0.62, "tuberculosis": 0.6}
    faint = {"normal": 0.1, "COVID-19": 0.28}
    with database.engine.begin() as connection:
        connection.execute(text("DELETE FROM readings"))
        read = "INSERT INTO readings (film_id, model, version, created_at, verdict, normal_called, pattern, findings,"
        read += " raised, appearance) VALUES (:film, 'm', :version, '2026-03-02 09:00:00', :verdict, :called, :pattern,"
        read += " :findings, :raised, '{}')"
        for film, version, verdict, called, pattern, findings, names in (
            (1, "1", "negative", True, None, {"normal": 0.9}, []),
            (1, "2", "negative", False, "other pneumonia", both, ["other pneumonia", "tuberculosis"]),
            (2, "1", "positive", False, "tuberculosis", {"COVID-19": 0.9, "tuberculosis": 0.95}, ["tuberculosis"]),
            (3, "1", "negative", None, None, faint, None),
            (4, "1", "negative", True, None, {"normal": 0.9}, None),
            (5, "1", "negative", False, "other", {"normal": 0.1}, []),
        ):
            values = {"film": film, "version": version, "verdict": verdict, "called": called, "pattern": pattern}
            listed = None if names is None else json.dumps(names)
            connection.execute(text(read), values | {"findings": json.dumps(findings), "raised": listed})
        connection.execute(text("UPDATE studies SET standing = 'negative', urgency = 2.02 WHERE id IN (1, 5)"))
        connection.execute(text("UPDATE studies SET urgency = 7.28 WHERE id = 3"))  # with too little oxygen
        connection.execute(text("UPDATE studies SET standing = 'negative', urgency = 0.01 WHERE id = 4"))
        missing = "UPDATE films SET study_id = 4, sha256 = 'another' WHERE id = 6"  # which could not be read
        connection.execute(text(missing))
    upgrade(database.engine)
    with database.engine.connect() as connection:
        rows = connection.execute(text("SELECT named_findings, urgency FROM studies WHERE id < 6 ORDER BY id")).all()
        left = connection.scalar(text("SELECT COUNT(*) FROM studies WHERE named_findings = '-'"))
    database.close()
    named = ["other pneumonia|tuberculosis", "COVID-19|tuberculosis", "COVID-19", "", ""]
    assert [tuple(row) for row in rows] == list(zip(named, [pytest.approx(3.02), 3.75, 7.28, 1.01, 2.02], strict=True))
    assert left == 0


def test_readings_by_a_clinics_own_calibration_are_given_what_the_model_said(either: Settings) -> None:
    database = Database(either)
    upgrade(database.engine, "0001")
    with database.engine.begin() as connection:
        fill(connection)
    upgrade(database.engine, "0032")
    own = {"finding": "COVID-19", "lower": 0.1, "upper": 0.2, "offset": -1.0, "slope": 2.0}
    values = {"own": json.dumps({"id": "x", "findings": [own]}), "said": '{"COVID-19": 0.75, "normal": 0.25}'}
    with database.engine.begin() as connection:
        statement = "UPDATE readings SET thresholds = :own, findings = :said WHERE id = 1"
        connection.execute(text(statement), values)
    upgrade(database.engine)
    with database.engine.connect() as connection:
        row = connection.execute(text("SELECT probability, model_probability, model_findings FROM readings")).one()
    expected = 1 / (1 + math.exp(-(math.log(3) + 1) / 2))
    assert row[:2] == (0.75, pytest.approx(expected))
    assert json.loads(row[2]) == {"COVID-19": pytest.approx(expected), "normal": 0.25}
    database.close()


def fill(connection: Connection) -> None:
    """Write the rows as the first release did, by the tables that its own step made."""
    old = MetaData()
    old.reflect(connection)
    for name in ("appearance", "findings"):
        old.tables["readings"].c[name].type = JSON()  # MariaDB calls it a text
    for name, rows in FIRST_RELEASE.items():
        connection.execute(insert(old.tables[name]), rows)


def test_a_database_of_the_first_release_comes_up_with_every_row(either: Settings, clock: Clock) -> None:
    database = Database(either)
    upgrade(database.engine, "0001")
    with database.engine.begin() as connection:
        fill(connection)
    upgrade(database.engine)
    assert is_current(database.engine)
    with database.reading() as session:
        for name, rows in FIRST_RELEASE.items():
            if name != "patient_words":
                assert rows_of(session.connection(), name, list(rows[0])) == [_aware(row) for row in rows]
        ada = Person(1, "Ada", 1, Role.ADMINISTRATOR)
        patients = Patients(session, clock, AuditTrail(session, clock))
        assert [patient.id for patient in patients.search.page(ada, "bela h-251")] == [502]
        (found,) = patients.having(ada, "H-301")
        assert (found.id, found.name) == (602, "Béla Bartók सुनीता")
        assert patients.having(ada, "H-9999") == []
    database.close()


def rows_of(connection: Connection, name: str, columns: list[str]) -> list[dict[str, Any]]:
    table = Base.metadata.tables[name]
    rows = connection.execute(select(table).order_by(*table.primary_key.columns)).mappings()
    return [{column: plain(table.c[column], row) for column in columns} for row in rows]


def plain(column: Column[Any], row: RowMapping) -> object:
    """Give a value as a page shows it: decrypted, where it is encrypted."""
    value = row[column]
    if value is None or not isinstance(column.type, Encrypted):
        return value
    data = value.decrypt(context_of(column, row[row_key_of(column)])).decode()
    return date.fromisoformat(data) if column.name == "birth_date" else data


def _aware(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value.replace(tzinfo=UTC) if isinstance(value, datetime) else value for key, value in row.items()}


@pytest.mark.parametrize("reached", ["plain", "encrypted", "indexed"])
def test_the_encrypting_step_goes_on_where_a_killed_run_left_it(
    reached: str, mariadb_url: str, settings: Settings
) -> None:
    database = Database(settings.model_copy(update={"database_url": mariadb_url}))
    upgrade(database.engine, "0001")
    with database.engine.begin() as connection:
        fill(connection)
    upgrade(database.engine, "0006")
    with database.engine.begin() as connection:
        back_to(reached, connection)
    upgrade(database.engine)
    assert is_current(database.engine)
    with database.engine.connect() as connection:
        for name in ("patients", "opinions"):
            rows = FIRST_RELEASE[name]
            assert rows_of(connection, name, list(rows[0])) == [_aware(row) for row in rows]
    database.close()


def back_to(reached: str, connection: Connection) -> None:
    """Undo the step's later parts, as if it had been killed before them."""
    connection.execute(text("UPDATE alembic_version SET version_num = '0005'"))
    if reached != "indexed":
        connection.execute(text("ALTER TABLE patients MODIFY identifier_index VARCHAR(40) NULL"))
        connection.execute(text("ALTER TABLE patients DROP INDEX uq_patients_clinic_id_identifier_index"))
    if reached == "plain":
        plain = "identifier = :identifier, name = :name, birth_date = :birth_date, identifier_index = NULL"
        connection.execute(text(f"UPDATE patients SET {plain} WHERE id = :id"), FIRST_RELEASE["patients"])
        connection.execute(text("UPDATE opinions SET note = :note WHERE id = :id"), FIRST_RELEASE["opinions"][9:])


def test_addresses_are_spelled_anew_as_they_are_looked_up_though_the_step_is_killed(either: Settings) -> None:
    database = Database(either)
    upgrade(database.engine, "0001")
    row = dict(FIRST_RELEASE["users"][0]) | {"clinic_id": None}
    written = {1: "Ada@exa\u24dcple.org", 2: "eve@example.org", 3: "eve@example\u3002org", 4: "no address"}
    clinic = FIRST_RELEASE["clinics"][0]
    with database.engine.begin() as connection:
        connection.execute(insert(named("clinics", *map(column, clinic))).values(clinic))
        for n, email in written.items():
            values = row | {"id": n, "key": f"u{n}", "fs_uniquifier": f"x{n}", "email": email, "clinic_id": 1}
            connection.execute(insert(named("users", *map(column, values))).values(values))
    upgrade(database.engine, "0009")
    with database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE failures ADD COLUMN user_id INTEGER"))  # as a killed step leaves it
    upgrade(database.engine)
    with database.engine.connect() as connection:
        found = {number: email for number, email in connection.execute(text("SELECT id, email FROM users"))}
    assert found == written | {1: "ada@example.org"}
    assert is_current(database.engine)
    database.close()


def test_recovery_codes_that_lay_plain_are_hashed_and_pass_on_though_the_step_is_killed(
    either: Settings,
) -> None:
    database = Database(either)
    upgrade(database.engine, "0001")
    with database.engine.begin() as connection:
        fill(connection)
    upgrade(database.engine, "0011")
    hashed = hash_code("dddd-eeee-ffff", b"salt" * 4, time=1, memory=64)
    with database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE users ADD COLUMN tf_counter INTEGER"))  # as a killed step leaves it
        given = {"codes": f"aaaa-bbbb-cccc,{hashed}"}
        connection.execute(text("UPDATE users SET mf_recovery_codes = :codes WHERE id = 1"), given)
    upgrade(database.engine)
    with database.engine.connect() as connection:
        kept = connection.execute(text("SELECT mf_recovery_codes FROM users WHERE id = 1")).scalar_one().split(",")
        others = connection.execute(text("SELECT mf_recovery_codes FROM users WHERE id = 2")).scalar_one()
    time, memory, salt, _hash = kept[0].split(".")
    assert kept[1] == hashed
    again = hash_code("AAAA BBBB CCCC", base64.urlsafe_b64decode(salt), time=int(time), memory=int(memory))
    assert kept[0] == again
    assert others is None
    database.close()


def test_an_upgrade_that_is_killed_again_and_again_binds_every_value_to_its_row(either: Settings) -> None:
    database = Database(either)
    upgrade(database.engine, "0001")
    with database.engine.begin() as connection:
        fill(connection)
    upgrade(database.engine, "0008")
    for statement in (12, 400, 560, 100):
        assert killed_at(statement, environment(either), "db", "upgrade")
    upgrade(database.engine)
    assert is_current(database.engine)
    with database.reading() as session:
        assert list(misplaced_values(session)) == []
        for name in ("patients", "opinions"):
            rows = FIRST_RELEASE[name]
            assert rows_of(session.connection(), name, list(rows[0])) == [_aware(row) for row in rows]
        assert session.scalar(text("SELECT COUNT(DISTINCT `key`) FROM opinions")) == len(FIRST_RELEASE["opinions"])
    database.close()


@pytest.mark.parametrize("table", ["patients", "opinions"])
def test_a_value_as_an_earlier_release_wrote_it_is_refused_after_the_upgrade(either: Settings, table: str) -> None:
    database = Database(either)
    upgrade(database.engine, "0001")
    with database.engine.begin() as connection:
        fill(connection)
    upgrade(database.engine, "0008")
    column = {"patients": "name", "opinions": "note"}[table]
    with database.engine.connect() as connection:
        old = connection.scalar(text(f"SELECT {column} FROM {table} WHERE id = 7"))
    upgrade(database.engine)
    with database.engine.execution_options(lungwise_writes=True).begin() as connection:
        connection.execute(text(f"UPDATE {table} SET {column} = :old WHERE id = 7"), {"old": old})
    with database.reading() as session:
        row_key = session.scalar(text(f"SELECT `key` FROM {table} WHERE id = 7"))
        assert list(misplaced_values(session)) == [f"{table}.{column} {row_key}"]
    database.close()


def test_what_was_damaged_before_an_upgrade_is_named_after_it(settings: Settings) -> None:
    database = Database(settings)
    upgrade(database.engine, "0001")
    with database.engine.begin() as connection:
        fill(connection)
    upgrade(database.engine, "0008")
    with database.engine.execution_options(lungwise_writes=True).begin() as connection:
        connection.execute(text("UPDATE patients SET name = identifier WHERE id = 7"))
    upgrade(database.engine)
    with database.reading() as session:
        assert list(misplaced_values(session)) == ["patients.name patient7"]
    database.close()


def test_an_upgrade_without_the_keys_changes_nothing(either: Settings) -> None:
    database = Database(either)
    upgrade(database.engine, "0001")
    with database.engine.begin() as connection:
        fill(connection)
    upgrade(database.engine, "0008")
    check_keys(database)
    before = columns_of(database)
    (either.data_folder / "encryption.keys").write_text(new_key_text())
    with pytest.raises(EncryptionError, match="is missing"):
        upgrade(database.engine)
    assert columns_of(database) == before
    database.close()


def columns_of(database: Database) -> list[Any]:
    with database.engine.connect() as connection:
        return [
            *connection.execute(text("SELECT * FROM patients")),
            *connection.execute(text("SELECT * FROM opinions")),
        ]


def keyless_trail(database: Database, entries: int) -> None:
    """Leave the database as the release before the trail had a key would have."""
    upgrade(database.engine, "0010")
    previous = "0" * 64
    rows = []
    for number in range(1, entries + 1):
        fields = [1, None, "Ada", "127.0.0.1", "saw", "study", f"key{number}", 7 if number % 5 == 0 else None]
        hashed = [previous, number, AT.replace(tzinfo=UTC).isoformat(), *(fields if fields[-1] else fields[:-1])]
        previous = hashlib.sha256(json.dumps(hashed, ensure_ascii=False).encode()).hexdigest()
        rows.append(dict(zip(TRAIL, [number, AT, *fields, previous], strict=True)))
    with database.engine.begin() as connection:
        connection.execute(insert(named("audit_entries", *map(column, TRAIL))), rows)
        head = {"id": 1, "entries": entries, "hash": previous}
        connection.execute(insert(named("audit_head", *map(column, head))).values(head))


TRAIL = (
    *("id", "at", "clinic_id", "person_id", "person_name", "address", "deed", "subject", "subject_key"),
    *("times", "hash"),
)


@pytest.mark.parametrize("statements", [[], [17, 25, 2]])
def test_a_trail_without_a_key_is_given_one_though_the_upgrade_is_killed(
    statements: list[int], either: Settings, clock: Clock
) -> None:
    database = Database(either)
    keyless_trail(database, 2500)
    for statement in statements:
        assert killed_at(statement, environment(either), "db", "upgrade")
    upgrade(database.engine)
    with database.snapshot() as session:
        assert AuditTrail(session, clock).verify() is None
        assert AuditTrail(session, clock).head()[0] == 2500
    with database.writing() as session:
        AuditTrail(session, clock).record(Person(1, "Ada", 1, Role.DOCTOR), Action.SAW, Subject.STUDY, "key")
    with database.snapshot() as session:
        assert AuditTrail(session, clock).verify() is None
    database.close()


@pytest.mark.parametrize(
    ("change", "entry"),
    [
        ("UPDATE audit_entries SET deed = 'x' WHERE id = 7", 7),
        ("DELETE FROM audit_entries WHERE id = 7", 7),
        ("DELETE FROM audit_entries WHERE id > 28", 29),
        ("UPDATE audit_entries SET times = NULL WHERE id = 5", 5),
    ],
)
def test_what_was_done_to_a_trail_without_a_key_is_found_after_the_upgrade(
    change: str, entry: int, either: Settings, clock: Clock
) -> None:
    database = Database(either)
    keyless_trail(database, 30)
    with database.engine.begin() as connection:
        connection.execute(text(change))
    upgrade(database.engine)
    with database.snapshot() as session:
        found = AuditTrail(session, clock).verify()
    assert found is not None
    assert found.entry == entry
    database.close()


def test_an_upgrade_leaves_no_plain_name_in_the_database_file(settings: Settings) -> None:
    database = Database(settings)
    upgrade(database.engine, "0001")
    with database.engine.begin() as connection:
        fill(connection)
    files = [settings.data_folder / f"lungwise.sqlite{end}" for end in ("", "-wal")]
    assert "Bartók".encode() in b"".join(file.read_bytes() for file in files)
    upgrade(database.engine)
    kept = b"".join(file.read_bytes() for file in files)
    for secret in ("Bartók", "bartók", "H-251", "1881-03-25", "a scar"):
        assert secret.encode() not in kept
    database.close()


def test_every_text_of_a_patient_is_encrypted() -> None:
    plain = {"id", "key", "clinic_id", "identifier_index", "identity_index", "sex", "created_at", "changed_at"}
    plain |= {"identity", "identity_before", "same_as_id"}
    columns = Base.metadata.tables["patients"].columns
    encrypted = {column.name for column in columns if isinstance(column.type, Encrypted)}
    assert encrypted == {column.name for column in columns} - plain


def test_films_of_an_earlier_release_that_are_no_dicom_are_given_uids(either: Settings) -> None:
    at = "2026-03-01 23:59:59.000000"
    rows = {
        "clinics": "(id, name, created_at) VALUES (1, 'Hill', :at)",
        "patients": "(id, `key`, clinic_id, identifier, name, sex, created_at) VALUES (1, 'p', 1, '7', '', '', :at)",
        "studies": "(id, `key`, clinic_id, patient_id, node, created_at, unread, standing, probability)"
        " VALUES (1, 'visit', 1, 1, 'AE', :at, 1, 'waiting', 0)",
        "films": "(id, `key`, study_id, sha256, kind, size, created_at)"
        " VALUES (1, 'one', 1, 'a', 'JPEG', 9, :at), (2, 'two', 1, 'b', 'DICOM', 9, :at)",
    }
    database = Database(either)
    upgrade(database.engine, "0002")
    with database.engine.begin() as connection:
        for table, values in rows.items():
            connection.execute(text(f"INSERT INTO {table} {values}"), {"at": at})
    upgrade(database.engine)
    with database.engine.connect() as connection:
        films = connection.execute(text("SELECT study_uid, series_uid, instance_uid FROM films ORDER BY id")).all()
    database.close()
    assert tuple(films[0]) == (own_uid("study", "visit"), own_uid("series", "one"), own_uid("film", "one"))
    assert tuple(films[1]) == (None, None, None)


def test_mails_and_dispatches_of_an_earlier_release_can_be_claimed(either: Settings, clock: Clock) -> None:
    at = "2026-03-01 23:59:59.000000"
    rows = {
        "clinics": "(id, name, created_at) VALUES (1, 'Hill', :at)",
        "patients": "(id, `key`, clinic_id, identifier, identifier_index, identity_index, issuer, name, ideographic,"
        " phonetic, sex, birth_date, identity, identity_before, created_at, changed_at)"
        " VALUES (1, 'p', 1, '', '', '', '', '', '', '', '', '', '', '', :at, :at)",
        "studies": "(id, `key`, clinic_id, patient_id, node, created_at, week, unread, standing, probability)"
        " VALUES (1, 'visit', 1, 1, 'AE', :at, '2026-02-23', 1, 'refused', 0)",
        "films": "(id, `key`, study_id, sha256, kind, size, by_camera, created_at)"
        " VALUES (1, 'one', 1, 'a', 'DICOM', 9, 0, :at)",
        "readings": "(id, film_id, model, version, created_at, appearance, findings)"
        " VALUES (1, 1, 'm', '1', :at, '{}', '{}')",
        "dispatches": "(id, reading_id, destination, state, attempts, accepted, created_at, due_at, error)"
        " VALUES (1, 1, 'A@a:1', 'sending', 2, '[]', :at, :at, ''), (2, 1, 'B@b:2', 'queued', 0, '[]', :at, :at, '')",
        "mails": "(id, `key`, kind, content, attempts, created_at, due_at) VALUES (1, 'm', 'notice', 'x', 1, :at, :at)",
    }
    database = Database(either)
    upgrade(database.engine, "0017")
    with database.engine.begin() as connection:
        for table, values in rows.items():
            connection.execute(text(f"INSERT INTO {table} {values}"), {"at": at})
    upgrade(database.engine)
    with database.writing() as session:
        assert Outbox(session, clock, enabled=True).any_due()
        dispatches = Dispatches(session, clock, ["A@a:1", "B@b:2"])
        claimed = [delivery.destination for delivery in iter(dispatches.claim, None)]
        assert claimed == ["A@a:1", "B@b:2"], "what the release before had claimed goes first"
        assert [line.attempts for line in dispatches.unsent()] == [3, 1]
    database.close()
