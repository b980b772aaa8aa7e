"""QIDO-RS's search (PS3.18, 10.6; matching as in PS3.4, C.2.2.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from pydicom.datadict import dictionary_has_tag, tag_for_keyword

from lungwise.dicomweb import wildcards
from lungwise.dicomweb.instance_index import INSTANCE, MODALITY, SERIES, STUDY, InstanceIndex
from lungwise.dicomweb.metadata import Attributes, value
from lungwise.errors import Rejected
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
_NAME, _PATIENT_ID = "00100010", "00100020"


@dataclass(slots=True)
class Query:
    """A search: tags with values to match, and which results to return, with which attributes."""

    match: dict[str, str] = field(default_factory=dict)
    include: list[str] = field(default_factory=list)
    everything: bool = False
    limit: int = LARGEST_LIMIT
    offset: int = 0


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
        else:
            query.match[_tag(name)] = _bounded(_tag(name), text)
    query.limit = min(query.limit, LARGEST_LIMIT)
    return query


def search(index: InstanceIndex, level: str, query: Query, url: str) -> Iterator[Attributes]:
    """Find studies, series or instances."""
    match = query.match
    name = match.get(_NAME, "")
    patient_id = match.get(_PATIENT_ID, "")
    studies = index.studies(
        match.get(STUDY, "") if re.fullmatch(r"[0-9.]{1,64}", match.get(STUDY, "")) else "",
        "" if wildcards.is_wild(patient_id) else patient_id,
        "" if re.match(r"[*?]", name) else re.sub(r"[*?^=,]", " ", name),
    )
    examined = islice(studies, MOST_EXAMINED)
    found = (one for films in examined for one in _of_study(index, films, level, query, url) if _fits(one, match))
    for one in islice(found, query.offset, query.offset + query.limit):
        yield {tag: one[tag] for tag in sorted(one)}


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
        yield from _of_patient(index, own, level, query, url)


def _of_patient(
    index: InstanceIndex, films: list[FilmRecord], level: str, query: Query, url: str
) -> Iterator[Attributes]:
    outlines = index.outlines(films)
    if not outlines:
        return
    study = index.study_attributes(outlines, url)
    if level == "studies":
        yield _with(study, outlines[0], query)
    elif _fits(study, {tag: text for tag, text in query.match.items() if tag in study}):
        attributes = [one.attributes for one in index.instances(films)] if level == "instances" else outlines
        for uid in dict.fromkeys(value(one, SERIES) for one in attributes):
            inside = [one for one in attributes if value(one, SERIES) == uid]
            yield from _of_series(index, study, inside, level, query)


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


def _fits(one: Attributes, match: dict[str, str]) -> bool:
    return all(_matches(one, tag, text) for tag, text in match.items() if text)


def _matches(one: Attributes, tag: str, text: str) -> bool:
    has = one.get(tag, {})
    if tag == MODALITY and "00080061" in one and tag not in one:
        has = one["00080061"]
    values = [str(v.get("Alphabetic", "") if isinstance(v, dict) else v) for v in has.get("Value", [])]
    if tag in _UIDS:
        return bool({*re.split(r"[,\\]", text)} & {*values})
    if has.get("vr") in _RANGES and "-" in text:
        begin, _dash, end = text.partition("-")
        return any((not begin or v >= begin) and (not end or v[: len(end)] <= end) for v in values)
    return any(_like(v, text, folded=has.get("vr") == "PN") for v in values)


def _like(has: str, text: str, *, folded: bool) -> bool:
    return wildcards.matches(has.casefold(), text.casefold()) if folded else wildcards.matches(has, text)


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
