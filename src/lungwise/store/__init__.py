"""Store: the database's engine and sessions, the keys, the films' files, and the migrations."""

from lungwise.store.database import Base, Clock, Database, Moment, after_commit, database_time, new_key, utc_now
from lungwise.store.encryption import Encrypted, EncryptedBytes, EncryptedDate, EncryptedText, Value, keys_of
from lungwise.store.faults import CollisionError, Fault, answer_of, fault_of, is_collision, retried
from lungwise.store.film_store import FilmStore
from lungwise.store.key_record import check_keys
from lungwise.store.keys import EncryptionError

__all__ = [
    "Base",
    "Clock",
    "CollisionError",
    "Database",
    "Encrypted",
    "EncryptedBytes",
    "EncryptedDate",
    "EncryptedText",
    "EncryptionError",
    "Fault",
    "FilmStore",
    "Moment",
    "Value",
    "after_commit",
    "answer_of",
    "check_keys",
    "database_time",
    "fault_of",
    "is_collision",
    "keys_of",
    "new_key",
    "retried",
    "utc_now",
]
