"""Studies whose films are saved in a test's own transaction."""

from __future__ import annotations

from lungwise.access import Person
from lungwise.patients.service import PatientFacts
from lungwise.receiving.film_files import FilmFiles
from lungwise.receiving.uploads import Files, unpack
from lungwise.store import new_key
from lungwise.studies.service import Studies, Study


class StudiesInOneSession(Studies):
    """Studies whose films are saved in the transaction of a test, which commits when it likes."""

    def open(self, person: Person, facts: PatientFacts, files: Files) -> Study:
        """Save a new study with its films."""
        uploads = unpack(files, self.limits).films
        key = new_key()
        self.agreed(facts, uploads)
        return self.record(person, key, facts, FilmFiles(self._store).put(key, uploads))

    def add_films(self, person: Person, key: str, files: Files) -> Study:
        """Save further films of a study."""
        uploads = unpack(files, self.limits).films
        self.admit(person, key, uploads)
        return self.record_more(person, key, FilmFiles(self._store).put(key, uploads))
