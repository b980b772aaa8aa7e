"""QIDO-RS's search (PS3.18, 10.6; matching as in PS3.4, C.2.2.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from pydicom.datadict import dictionary_has_tag, tag_for_keyword

from lungwise.dicomweb.instance_index import INSTANCE, MODALITY, SERIES, STUDY, InstanceIndex
from lungwise.dicomweb.metadata import Attributes, value
from lungwise.errors import Rejected
from lungwise.orders import wildcards
from lungwise.orders.scheduled import is_named
from lungwise.patients.service import Patient
from lungwise.studies.archive import ArchiveSearch
from lungwise.studies.service import FilmRecord

LARGEST_LIMIT = 200
"""Results of one response."""
MOST_EXAMINED = 2000
"""Studies examined for one response."""
MOST_PARAMETERS = 64
"""Parameters of one search."""
_LONGEST_UID_LIST = 4096
"""Characters."""
_UIDS = {STUDY, SERIES, INSTANCE, "00080016"}
_RANGES = {"DA", "TM", "DT"}
Match = dict[str, str]
"""Tags, and the values that they must match."""
_NAME, _PATIENT_ID, _ACCESSION, _STUDY_DATE = "00100010", "00100020", "00080050", "00080020"


@dataclass(slots=True)
class Query:
    """A search: tags with values to match, and which results to return, with which attributes."""

    match: dict[str, str] = field(default_factory=dict)
    include: list[str] = field(default_factory=list)
    everything: bool = False
    limit: int = LARGEST_LIMIT
    offset: int = 0
    is_fuzzy: bool = False


def parse(parameters: Iterable[tuple[str, str]]) -> Query:
    """Parse the parameters of a search.

    Raises
    ------
    Rejected
        If there are too many, or one of them is too long, is not an attribute or is not a number.
    """
    query = Query()
    for count, (name, text) in enumerate(parameters):
        if count == MOST_PARAMETERS:
            raise Rejected(f"A search has {MOST_PARAMETERS} parameters at most.")
        if name in ("limit", "offset"):
            setattr(query, name, _count(name, text))
        elif name == "includefield":
            fields = [one for one in text.split(",") if one]
            query.everything = query.everything or "all" in fields
            query.include += [_tag(one) for one in fields if one != "all"]
        elif name == "fuzzymatching":
            if text not in ("true", "false"):
                raise Rejected("The parameter fuzzymatching is true or false.")
            query.is_fuzzy = text == "true"
        else:
            query.match[_tag(name)] = _bounded(_tag(name), text)
    query.limit = min(query.limit, LARGEST_LIMIT)
    return query


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a search found, and whether there is, or may be, more."""

    found: list[Attributes]
    is_cut: bool


def search(index: InstanceIndex, level: str, query: Query, url: str) -> Answer:
    """Find studies, series or instances."""
    wanted, found, is_cut = query.offset + query.limit, list[Attributes](), False
    for examined, films in enumerate(index.studies(narrowed(query.match))):
        is_cut = examined == MOST_EXAMINED or len(found) > wanted
        if is_cut:
            break
        found += _of_study(index, films, level, query, url)
    chosen = ({tag: one[tag] for tag in sorted(one)} for one in found[query.offset : wanted])
    return Answer(found=list(chosen), is_cut=is_cut or len(found) > wanted)


def narrowed(match: dict[str, str]) -> ArchiveSearch:
    """Return what of a search indexes can answer."""
    patient_id, accession = match.get(_PATIENT_ID, ""), match.get(_ACCESSION, "")
    wild_id = wildcards.is_wild(patient_id)
    words = [*_beginnings(match.get(_NAME, "")), *(_beginnings(patient_id) if wild_id else ())]
    return ArchiveSearch(
        studies=_uids_in(match.get(STUDY, "")),
        series=_uids_in(match.get(SERIES, "")),
        instances=_uids_in(match.get(INSTANCE, "")),
        patient_id="" if wild_id else patient_id,
        words=" ".join(words),
        accession="" if wildcards.is_wild(accession) else accession,
        days=_days(match.get(_STUDY_DATE, "")),
    )


def said_of_patients(match: dict[str, str]) -> str:
    """Return what of a search is said of patients and orders."""
    named = {tag: match.get(tag, "") for tag in (_NAME, _PATIENT_ID, _ACCESSION)}
    return " ".join(f"{tag}={text}" for tag, text in named.items() if text)


def _uids_in(text: str) -> frozenset[str]:
    return frozenset(one for one in re.split(r"[,\\]", text) if re.fullmatch(r"[0-9.]{1,64}", one))


def _beginnings(text: str) -> Iterator[str]:
    """Return how words of a name begin, as far as wildcards leave that open."""
    for word in re.split(r"[\^=,\s]+", text):
        if begins := re.split(r"[*?]", word)[0]:
            yield begins


def _days(text: str) -> tuple[date | None, date | None] | None:
    first, dash, last = text.partition("-")
    days = _day(first), _day(last if dash else first)
    return days if any(days) else None


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None


def _of_study(
    index: InstanceIndex, films: list[FilmRecord], level: str, query: Query, url: str
) -> Iterator[Attributes]:
    """Return the study, or its series, or its instances, with the attributes of the levels above.

    A study whose films are of several patients is returned once for each of them, under that patient's name.
    """
    of_patients: dict[int, list[FilmRecord]] = {}
    for film in films:
        of_patients.setdefault(film.study.patient_id, []).append(film)
    for own in of_patients.values():
        ways = _ways(index.patient(own[0]), query.match)
        yield from (one for one in _of_patient(index, own, level, query, url, ways) if _fits_any(one, ways))


def _ways(patient: Patient, match: Match) -> list[Match]:
    """Return what a patient's films and results may match: all of a search, or its rest where it means the patient.

    They keep what they say of a patient who is corrected later.
    """
    identifier, name = match.get(_PATIENT_ID, ""), match.get(_NAME, "")
    names = (patient.name, patient.ideographic, patient.phonetic)
    is_meant = (not identifier or wildcards.matches(patient.identifier, identifier)) and (
        not name or any(is_named(one, name) for one in names if one)
    )
    rest = {tag: text for tag, text in match.items() if tag not in (_PATIENT_ID, _NAME)}
    return [match, rest] if is_meant and len(rest) < len(match) else [match]


def _of_patient(
    index: InstanceIndex, films: list[FilmRecord], level: str, query: Query, url: str, ways: list[Match]
) -> Iterator[Attributes]:
    outlines = index.outlines(films)
    if not outlines:
        return
    study = index.study_attributes(outlines, url)
    if level == "studies":
        yield _with(study, outlines[0], query)
    elif _fits_any(study, [{tag: text for tag, text in way.items() if tag in study} for way in ways]):
        attributes = [*_instances(index, films, query.match)] if level == "instances" else outlines
        for uid in dict.fromkeys(value(one, SERIES) for one in attributes):
            inside = [one for one in attributes if value(one, SERIES) == uid]
            yield from _of_series(index, study, inside, level, query)


def _instances(index: InstanceIndex, films: list[FilmRecord], match: dict[str, str]) -> Iterator[Attributes]:
    series = _uids_in(match.get(SERIES, ""))
    only = next(iter(series)) if len(series) == 1 else None
    yield from (one.attributes for one in index.instances(films, match.get(INSTANCE), only))


def _of_series(
    index: InstanceIndex, study: Attributes, instances: list[Attributes], level: str, query: Query
) -> Iterator[Attributes]:
    series = index.series_attributes(study, instances)
    if level == "series":
        yield _with(series, instances[0], query)
    else:
        yield from (_with(index.instance_attributes(series, one), one, query) for one in instances)


def _with(found: Attributes, whole: Attributes, query: Query) -> Attributes:
    wanted = whole.keys() if query.everything else {*query.include, *query.match} & whole.keys()
    return {tag: whole[tag] for tag in wanted} | found


def _fits_any(one: Attributes, ways: list[Match]) -> bool:
    return any(_fits(one, way) for way in ways)


def _fits(one: Attributes, match: Match) -> bool:
    return all(_matches(one, tag, text) for tag, text in match.items() if text)


def _matches(one: Attributes, tag: str, text: str) -> bool:
    has = one.get(tag, {})
    if tag == MODALITY and "00080061" in one and tag not in one:
        has = one["00080061"]
    if has.get("vr") == "PN":
        return any(_is_named(group, text) for name in has.get("Value", []) for group in name.values())
    values = [str(one) for one in has.get("Value", [])]
    if tag in _UIDS:
        return bool({*re.split(r"[,\\]", text)} & {*values})
    if has.get("vr") in _RANGES and "-" in text:
        begin, _dash, end = text.partition("-")
        return any((not begin or v >= begin) and (not end or v[: len(end)] <= end) for v in values)
    return any(wildcards.matches(v, text) for v in values)


def _is_named(name: str, text: str) -> bool:
    """Match a person's name, whatever its capitals: as a whole, or each component that is asked for (PS3.5, 6.2.1)."""
    name, text = name.casefold().rstrip("^ "), text.split("=")[0].casefold().rstrip("^ ") or "*"
    if wildcards.matches(name, text):
        return True
    asked, has = text.split("^"), name.split("^")
    if len(asked) > len(has):
        return False
    return all(not one or wildcards.matches(its.strip(), one.strip()) for one, its in zip(asked, has, strict=False))


def _bounded(tag: str, text: str) -> str:
    if tag not in _UIDS:
        wildcards.check(text)
    elif len(text) > _LONGEST_UID_LIST:
        raise Rejected(f"A list of UIDs has {_LONGEST_UID_LIST} letters at most.")
    return text


def _tag(name: str) -> str:
    tag = int(name, 16) if re.fullmatch("[0-9A-Fa-f]{8}", name) else tag_for_keyword(name)
    if tag is None or not dictionary_has_tag(tag):
        raise Rejected(f"There is no attribute {name[:64]!r} to search by.")
    return f"{tag:08X}"


def _count(name: str, text: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", text):
        raise Rejected(f"The parameter {name} is a number, 0 or more.")
    return int(text)
