"""Store: the database's engine and sessions, the films' files, and the migrations."""

from lungwise.store.database import Base, Clock, Database, Moment, database_time, new_key, utc_now
from lungwise.store.film_store import FilmStore

__all__ = ["Base", "Clock", "Database", "FilmStore", "Moment", "database_time", "new_key", "utc_now"]
