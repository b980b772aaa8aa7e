"""Patients whom a stolen database names by its blind indexes alone: `python tests/benchmarks/rank_attack.py [--json]`.

Fills an installation with simulated patients through the service that the pages use, and takes the database without
its keys. A rank attack sorts the values that lie readable beside a patient by the number of patients who have each,
sorts what the values may stand for by how often it is expected, and takes the first for the first, the second for the
second, and so on. It then names each patient by the surname and the given name that agree best with the values.

The thief knows more than a real one would: every name with its exact share, the form of the identifiers, and the
program. What a name is indexed as is read off a second installation, so the attack fits any index that is kept.

Shares of names follow Zipf's law, p(rank) ~ 1 / rank, over 8,000 surnames and 1,000 given names: the first surname is
had by 10 % and the hundredth by 0.1 %, the first given name by 13 % and the hundredth by 0.13 %. That is as uneven as
where a few surnames are nearly everyone's; evener shares name fewer patients (1 / (rank + 9) and 1 / (rank + 5), about
those of the United States, some 1 %). The names are made of syllables of which some are commoner than others.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import click
from sqlalchemy import String, select
from sqlalchemy.orm import Session

from lungwise.access import Person, Role
from lungwise.clinics.models import Clinic
from lungwise.patients.service import PatientFacts, Patients
from lungwise.settings import Settings
from lungwise.store import Base, Database, check_keys, utc_now
from lungwise.store.migrations import upgrade

SURNAMES, GIVEN = 8_000, 1_000
IDENTIFIERS = 2_000
"""Identifiers that the thief makes up to see what their form is indexed as."""
_ONSETS = (
    "k",
    "r",
    "m",
    "s",
    "t",
    "l",
    "n",
    "b",
    "d",
    "h",
    "p",
    "g",
    "j",
    "v",
    "sh",
    "ch",
    "th",
    "w",
    "f",
    "z",
    "br",
    "st",
)
_VOWELS = ("a", "i", "e", "o", "u", "aa", "ee", "ai", "ou")
_ENDS = ("", "", "n", "r", "s", "l", "m", "k", "nd", "rt")


@dataclass(frozen=True)
class Names:
    """Names of one kind and the share of the people who have each, the commonest first."""

    names: list[str]
    shares: list[float]

    @cached_property
    def known(self) -> frozenset[str]:
        """All of them, to look one up."""
        return frozenset(self.names)

    def draw(self, chance: random.Random, count: int) -> list[str]:
        """Draw so many people's names."""
        return chance.choices(self.names, self.shares, k=count)


class NoAudit:
    """Stands for the audit trail, which this benchmark does not need."""

    def record(self, *_what: object) -> None:
        """Record nothing."""


@click.command()
@click.option("--patients", default=20_000, show_default=True, help="Patients of the stolen database.")
@click.option("--seed", default=1, show_default=True, help="Seed of the simulated patients.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def main(patients: int, seed: int, as_json: bool) -> None:
    """Print the share of simulated patients whom a rank attack on the blind index names."""
    chance = random.Random(seed)
    surnames, given = _names(chance, SURNAMES), _names(chance, GIVEN)
    people = list(zip(given.draw(chance, patients), surnames.draw(chance, patients), strict=True))
    stolen = _index(PatientFacts(identifier=f"H-{100_000 + n}", name=f"{g} {s}") for n, (g, s) in enumerate(people))
    guesses = _attack(stolen, surnames, given, patients)
    measured = {
        "patients": patients,
        "surname": _share(guess[1] == person[1] for guess, person in zip(guesses, people, strict=True)),
        "given_name": _share(guess[0] == person[0] for guess, person in zip(guesses, people, strict=True)),
        "named": _share(guess == person for guess, person in zip(guesses, people, strict=True)),
        "guessed": _share(person == (given.names[0], surnames.names[0]) for person in people),
    }
    if as_json:
        click.echo(json.dumps(measured))
        return
    click.echo(f"Of {patients} patients a rank attack names {measured['named']:.1%} in full;")
    click.echo(f"it finds the surname of {measured['surname']:.1%} and the given name of {measured['given_name']:.1%}.")
    click.echo(f"Who has no database and gives everybody the commonest name is right for {measured['guessed']:.1%}.")


def _names(chance: random.Random, count: int) -> Names:
    names: dict[str, None] = {}
    while len(names) < count:
        names[_name(chance)] = None
    weights = [1 / rank for rank in range(1, count + 1)]
    return Names(list(names), [weight / sum(weights) for weight in weights])


def _name(chance: random.Random) -> str:
    """Make a name of two or three syllables; the squares make the first ones of each list common."""
    syllables = (_pick(chance, _ONSETS) + _pick(chance, _VOWELS) for _ in range(chance.choice((2, 2, 3))))
    return ("".join(syllables) + chance.choice(_ENDS)).capitalize()


def _pick(chance: random.Random, syllables: Sequence[str]) -> str:
    return syllables[int(chance.random() ** 2 * len(syllables))]


def _index(people: Iterable[PatientFacts]) -> list[set[str]]:
    """Give the index values of each of the people, as a new installation with keys of its own keeps them."""
    with _installation() as (session, person):
        patients = Patients(session, utc_now, NoAudit())  # type: ignore[arg-type]
        ids = []
        for n, facts in enumerate(people):
            ids.append(patients.match_or_add(person, facts).patient.id)
            if n % 500 == 499:
                session.commit()
                session.expunge_all()
        values = _readable(session)
        return [values[number] for number in ids]


def _readable(session: Session) -> dict[int, set[str]]:
    """Give every text that lies readable in a patient's row, or in a row of theirs in another table."""
    values: dict[int, set[str]] = defaultdict(set)
    for table in Base.metadata.sorted_tables:
        owner = table.columns.get("id" if table.name == "patients" else "patient_id")
        if owner is not None:
            texts = [column for column in table.columns if isinstance(column.type, String)]
            for row in session.execute(select(owner, *texts)):
                values[row[0]].update(f"{text} {value}" for text, value in zip(texts, row[1:], strict=True))
    return values


@contextmanager
def _installation() -> Iterator[tuple[Session, Person]]:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Settings(data_folder=Path(folder)))
        upgrade(database.engine)
        check_keys(database)
        with database.session(writes=True) as session:
            clinic = Clinic(name="Hill", created_at=utc_now())
            session.add(clinic)
            session.flush()
            yield session, Person(None, "Ada", clinic.id, Role.DOCTOR)
        database.close()


def _attack(stolen: list[set[str]], surnames: Names, given: Names, patients: int) -> list[tuple[str, str]]:
    words = [*surnames.names, *(name for name in given.names if name not in surnames.known)]
    shares: dict[str, float] = defaultdict(float)
    for names in (surnames, given):
        for name, share in zip(names.names, names.shares, strict=True):
            shares[name] += share
    made_up = [PatientFacts(identifier=f"H-{100_000 + n * patients // IDENTIFIERS}") for n in range(IDENTIFIERS)]
    known = _index([*(PatientFacts(identifier=word, name=word) for word in words), *made_up])
    weights = [*(shares[word] for word in words), *(1 / IDENTIFIERS for _ in made_up)]
    stands_for = _ranked(_counts(stolen), _expected(known, weights, len(words)))
    candidates = _Candidates(dict(zip(words, known, strict=False)), shares)
    return [
        candidates.best({stands_for[value] for value in values if value in stands_for}, given, surnames)
        for values in stolen
    ]


def _counts(people: list[set[str]]) -> Counter[str]:
    return Counter(value for values in people for value in values)


def _expected(known: list[set[str]], weights: list[float], words: int) -> dict[str, float]:
    """Give the share of people expected to have each value, without what is one made-up identifier's alone."""
    expected: dict[str, float] = defaultdict(float)
    for values, weight in zip(known, weights, strict=True):
        for value in values:
            expected[value] += weight
    for value, count in _counts(known[words:]).items():
        if count == 1:
            expected.pop(value, None)
    return expected


def _ranked(counts: Counter[str], expected: dict[str, float]) -> dict[str, str]:
    """Say which known value each stolen one is taken for. What one patient alone has cannot be ranked."""
    common = [value for value, count in counts.most_common() if count > 1]
    return dict(zip(common, sorted(expected, key=expected.__getitem__, reverse=True), strict=False))


class _Candidates:
    """The words that a patient's values may stand for."""

    def __init__(self, values_of: dict[str, set[str]], shares: dict[str, float]) -> None:
        self._values_of, self._shares = values_of, shares
        self._words = defaultdict(list)
        for word, values in values_of.items():
            for value in values:
                self._words[value].append(word)

    def best(self, values: set[str], given: Names, surnames: Names) -> tuple[str, str]:
        """Give the given name and the surname that agree best with the values; of equals, the commoner."""
        met = Counter(word for value in values for word in self._words[value])
        scores = {word: (count / len(self._values_of[word]), self._shares[word]) for word, count in met.items()}
        return _first(scores, given), _first(scores, surnames)


def _first(scores: dict[str, tuple[float, float]], names: Names) -> str:
    return max((name for name in scores if name in names.known), key=scores.__getitem__, default=names.names[0])


def _share(right: Iterable[bool]) -> float:
    found = list(right)
    return sum(found) / len(found)


if __name__ == "__main__":
    sys.exit(main())
