"""Whose film is it: when two records are of one patient, and when they cannot be (docs/decisions/0014)."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from enum import StrEnum
from itertools import product
from typing import Any

_TRANSCRIBED = str.maketrans(
    {"ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "\u0131": "i"}
    | {chr(kana): chr(kana - 0x60) for kana in range(0x30A1, 0x30F7)}  # katakana as hiragana
)

NAMES = ("name", "ideographic", "phonetic")
_LETTERS = r"(?:[^\W\d_][./])+[^\W\d_]?"
"""An abbreviation, such as C.H.U."""
_ADDRESS = re.compile(rf"[a-z][a-z0-9+.-]*:\S+|(?!{_LETTERS}$)[^\s./]+(?:[./][^\s./]+){{2,}}/?")
"""A URI, or the name of a host or of a place on it: what stands between its words tells it from others."""
_BETWEEN_DIGITS = re.compile(r"(?<=\d)([-.,:;/_^&]+)(?=\d)")


class Identity(StrEnum):
    """How sure it is who a patient is.

    UNCLEAR is one whose films came under an identifier that is known as another person's. A person says whether it is
    that person, and then it is MERGED and its films lie under the other record, or SEPARATE, another person.
    """

    CLEAR = "clear"
    UNCLEAR = "unclear"
    SEPARATE = "separate"
    MERGED = "merged"


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientFacts:
    """What is known of a patient; an empty identifier asks for a new one. `issuer` is who gave the identifier."""

    identifier: str = ""
    name: str = ""
    sex: str = ""
    birth_date: date | None = None
    issuer: str = ""
    ideographic: str = ""
    phonetic: str = ""

    @property
    def names(self) -> list[str]:
        """The name in each of the ways in which it is known."""
        return [name for name in (self.name, self.ideographic, self.phonetic) if comparable_words(name)]

    def as_json(self) -> str:
        """Write the facts as text, to be kept."""
        return json.dumps(asdict(self), default=str, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> PatientFacts:
        """Read facts that were kept as text."""
        kept = json.loads(text)
        born = kept.pop("birth_date")
        return cls(**kept, birth_date=date.fromisoformat(born) if born else None)

    @classmethod
    def typed(cls, values: Mapping[str, Any]) -> PatientFacts:
        """Take the facts from the fields of a form; what was left empty is not known."""
        stripped: dict[str, Any] = {k: v.strip() if isinstance(v, str) else v for k, v in values.items()}
        return cls(**{field.name: value for field in fields(cls) if (value := stripped.get(field.name))})

    def filled(self, other: PatientFacts) -> PatientFacts:
        """Return these facts, filled in from the others where these say nothing, or less of the same name."""
        lacking = {field.name: getattr(other, field.name) for field in fields(self) if not getattr(self, field.name)}
        fuller = {name: getattr(other, name) for name in NAMES if _is_fuller(getattr(other, name), getattr(self, name))}
        return replace(self, **lacking, **fuller)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityRules:
    """What a clinic knows of identifiers: its own issuers, and what in a header identifies nobody."""

    own_issuers: frozenset[str] = frozenset()
    nobody: frozenset[str] = frozenset()

    @classmethod
    def of(cls, own_issuers: Iterable[str], nobody: Iterable[str]) -> IdentityRules:
        """Make the rules of two lists as they are written in the settings."""
        return cls(own_issuers=frozenset(map(_issuer_form, own_issuers)), nobody=frozenset(map(_plain, nobody)))

    def stated(self, facts: PatientFacts) -> PatientFacts:
        """Return what a header states, without values that identify nobody. What a person types always counts."""
        if self._is_nobody(facts.identifier):
            facts = replace(facts, identifier="", issuer="")
        if any(map(self._is_nobody, (facts.name, facts.ideographic, facts.phonetic))):
            facts = replace(facts, name="", ideographic="", phonetic="")
        return facts

    def issuer(self, facts: PatientFacts) -> str:
        """Name the issuer so that all names of one are the same; '' where none is known."""
        issuer = _issuer_form(facts.issuer)
        return "own" if issuer in self.own_issuers else issuer and f"of {issuer}"

    def former_issuer(self, facts: PatientFacts) -> str:
        """Name the issuer as releases did that told no OIDs apart by their dots: so older records are indexed."""
        return self.issuer(facts) if self.is_own(facts) else f"of {_plain(facts.issuer)}"

    def is_own(self, facts: PatientFacts) -> bool:
        """Return whether an identifier is the clinic's own, as one is of which no issuer is known."""
        return self.issuer(facts) in ("", "own")

    def nearness(self, known: PatientFacts, facts: PatientFacts) -> int:
        """Return how near two records with one identifier are: 0 where they cannot be one patient's.

        A missing issuer is any where nothing contradicts; of several patients the nearest is meant.
        """
        mine, other = self.issuer(known), self.issuer(facts)
        if (mine and other and mine != other) or contradictions(known, facts):
            return 0
        agree = (known.birth_date and facts.birth_date, known.names and facts.names, known.sex and facts.sex)
        return 1 + 8 * (mine == other) + sum(bool(both) << place for place, both in enumerate(reversed(agree)))

    def is_distinctive(self, nearness: int) -> bool:
        """Return whether a name or a birth date agrees, which tells several persons with one number apart."""
        return (nearness - 1) % 8 > 1

    def is_of_another_issuer(self, known: PatientFacts, facts: PatientFacts) -> bool:
        """Return whether one number was issued twice, by two known issuers."""
        mine, other = self.issuer(known), self.issuer(facts)
        return bool(mine and other and mine != other)

    def _is_nobody(self, text: str) -> bool:
        plain = _plain(text)
        return bool(text) and (not plain or plain in self.nobody or ("0" in self.nobody and not plain.strip("0")))


def contradictions(one: PatientFacts, other: PatientFacts) -> list[str]:
    """Name what two records say that cannot be one person's. What one of them does not say contradicts nothing."""
    found = {
        "name": bool(one.names and other.names) and not is_same_name(one.names, other.names),
        "birth date": bool(one.birth_date and other.birth_date) and one.birth_date != other.birth_date,
        "sex": bool(one.sex and other.sex) and one.sex != other.sex,
    }
    return [name for name, contradicts in found.items() if contradicts]


def differences(known: PatientFacts, header: PatientFacts) -> list[str]:
    """Name what a film's header says otherwise than its record does, beyond case, order and accents of a name."""
    found = contradictions(known, header)
    written = [sorted(word for name in facts.names for word in comparable_words(name)) for facts in (known, header)]
    if "name" not in found and known.names and header.names and written[0] != written[1]:
        found.insert(0, "name")
    for name, form in (("issuer", _issuer_form), ("identifier", _without_blanks)):
        here, there = getattr(known, name), getattr(header, name)
        if there and here and form(here) != form(there):
            found.insert(0, name)
    return found


def is_same_name(one: Iterable[str], other: Iterable[str]) -> bool:
    """Return whether two names may be one person's: they agree in each script in which both are known, at least one."""
    mine, others = _by_script(one), _by_script(other)
    common = mine.keys() & others.keys()
    return bool(common) and all(
        any(_agree(here, there) for here, there in product(mine[script], others[script])) for script in common
    )


def folded_words(text: str) -> list[str]:
    """Split a text into words without case, accents or punctuation.

    Of the marks only Latin accents go: in Devanagari the marks are the vowels.
    """
    plain = text.casefold()
    if not plain.isascii():  # most are, and this is slow
        decomposed = unicodedata.normalize("NFKD", plain)
        plain = re.sub("[\u0300-\u036f\u0640\u064b-\u0652\u2019\u02bc\u200c\u200d]", "", decomposed).translate(
            _TRANSCRIBED
        )
    plain = plain.replace("'", "").replace("`", "")
    return [word for word in re.split(r"[\s,.;:^=/\\\"()\[\]\-_\u2010-\u2015\u30fb]+", plain) if word]


def full_identity(facts: PatientFacts, issuer: str) -> str:
    """Write all that a header says of who the patient is, so that the same is written the same."""
    words = sorted(word for name in facts.names for word in comparable_words(name))
    return "\0".join((facts.identifier, issuer, " ".join(words), str(facts.birth_date or ""), facts.sex))


def _agree(one: list[str], other: list[str]) -> bool:
    """Compare the words of two names: the shorter's are all in the longer, whole or as initials."""
    if "".join(one) in ("".join(other), "".join(reversed(other))):
        return True
    few, left = sorted((list(one), list(other)), key=len)
    for word in list(few):
        if word in left:
            few.remove(word)
            left.remove(word)
    for word in few:
        match = next((name for name in left if _is_initial(word, name) or _is_initial(name, word)), None)
        if match is None:
            return False
        left.remove(match)
    return True


def _is_initial(letter: str, name: str) -> bool:
    """Return whether a letter is an initial of a name; a lone character without capitals is a name itself."""
    return len(letter) == 1 and letter != letter.upper() and name.startswith(letter)


def _is_fuller(name: str, other: str) -> bool:
    """Return whether a name is a fuller form of another, non-empty name of the same person."""
    more, less = (len("".join(comparable_words(one))) for one in (name, other))
    return more > less > 0 and is_same_name([name], [other])


def comparable_words(name: str) -> list[str]:
    """Split a name into words as names are compared: an umlaut is as its two letters."""
    return [re.sub("([aou])e", r"\1", word) for word in folded_words(name)]


def _by_script(names: Iterable[str]) -> dict[str, list[list[str]]]:
    found: dict[str, list[list[str]]] = {}
    for name in names:
        words = comparable_words(name)
        if words:
            found.setdefault(_script("".join(words)), []).append(words)
    return found


def _script(letters: str) -> str:
    """Name the script of a name; where it is mixed, Chinese characters count, and else the first letter."""
    scripts = [unicodedata.name(letter, "?").split()[0] for letter in letters if letter.isalpha()]
    return "CJK" if "CJK" in scripts else next(iter(scripts), "?")


def _plain(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum() or unicodedata.category(letter)[0] == "M")


def _issuer_form(text: str) -> str:
    """Write an issuer in the one way in which it is compared.

    Case and blanks never tell two apart. Punctuation does within a URI, as `urn:oid:1.2.3`, or the name of a host, and
    between digits, as in an OID; that of a free name does not: OpenMRS ID is OpenMRS-ID.
    """
    folded = text.strip().casefold()
    if _ADDRESS.fullmatch(folded):
        return folded.rstrip("/")
    parts = _BETWEEN_DIGITS.split(_without_blanks(folded))
    return "".join(part if place % 2 else _plain(part) for place, part in enumerate(parts))


def _without_blanks(text: str) -> str:
    return "".join(text.casefold().split())


def age_of(born: date, on: date) -> int:
    """Return the age in whole years on a day."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))
