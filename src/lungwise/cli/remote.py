"""Films read by a server: `lungwise read --server` uses this in place of a reader."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from lungwise.api.headline_schemas import Headline
from lungwise.api.schemas import Film, Model, Upload
from lungwise.cli.batch_reader import FilmHeadline, HeadedReading
from lungwise.client import ApiError, Client
from lungwise.films import Refusal, open_film
from lungwise.films.decode import bytes_of
from lungwise.films.dicom.header import read_header
from lungwise.films.formats import DICOM, kind_of
from lungwise.reading import Normal, ReadFile, Reading, Verdict
from lungwise.reading.artefact import shipped_card
from lungwise.reading.extent import Extent
from lungwise.reading.own_thresholds import stored_thresholds
from lungwise.reading.pattern import normal_of, pattern_of
from lungwise.reading.reader import read_in_order
from lungwise.studies.answers import Level, raised_by_thresholds

_UPLOADS_AT_ONCE = 4
"""Enough to hide the network's delays, few enough to leave the server to others."""

_NO_FILMS = ("no-film", "own-result")
"""What a ZIP may hold beside its films."""


class RemoteReader:
    """Reads films by uploading each as a study of its own; headlines and reasons come in the language."""

    def __init__(self, server: str, token: str, language: str = "en") -> None:
        self._client = Client(server, token, language=language)
        self.model: Model = self._client.model()

    def read_many(self, paths: Iterable[Path]) -> Iterator[ReadFile]:
        """Read files in their order, some at once."""
        return read_in_order(
            paths, lambda path: self._read(bytes_of(path)), threads=_UPLOADS_AT_ONCE, ahead=2 * _UPLOADS_AT_ONCE
        )

    def _read(self, data: bytes) -> Reading:
        try:
            upload = self._client.read([data])
        except ApiError as error:
            if error.status != 422:
                raise
            open_film(data)  # what is not a film is refused here as it would be without a server
            raise Refusal("server", {"sentence": str(error)}) from error
        return self._reading(_film_of(upload, data))

    def _reading(self, film: Film) -> Reading:
        read = film.reading
        if read is not None and read.refusal is not None:
            raise Refusal(read.refusal.code, {"sentence": read.refusal.reason, **read.refusal.values})
        if read is None or read.verdict is None or read.probability is None:
            raise Refusal("server")
        verdict, findings = Verdict(read.verdict), read.findings
        own = stored_thresholds(read.thresholds.model_dump()) if read.thresholds else None
        limits = shipped_card().finding_thresholds
        return HeadedReading(
            probability=read.probability,
            verdict=verdict,
            appearance=read.appearance,
            findings=findings,
            normal=Normal(**read.normal.model_dump()) if read.normal else normal_of(findings, limits),
            pattern=read.pattern if read.normal else pattern_of(findings, verdict, limits),
            raised=raised_by_thresholds(findings, verdict, own),
            heat_map=np.array(self._client.heat_map(film.key).values, np.float32),
            quarter_turns=0,
            model=read.model.name,
            version=read.model.version,
            warnings=tuple(warning.code for warning in read.warnings),
            extent=Extent(**read.extent.model_dump()) if read.extent else None,
            view=read.view,
            thresholds=own,
            headline=_headline_of(film.headline) if film.headline else None,
        )


def _headline_of(headline: Headline) -> FilmHeadline:
    number = headline.number.value if headline.number else ""
    return FilmHeadline(Level(headline.level), headline.text, number)


def _film_of(upload: Upload, data: bytes) -> Film:
    """Choose the film that a file is: a server that has it already answers with its study, whatever else is in it.

    Raises
    ------
    Refusal
        If it may be one of several.
    """
    sha256, name = hashlib.sha256(data).hexdigest(), _instance_name(data)
    same = [film for film in upload.films if film.sha256 == sha256]
    named = [film for film in upload.films if name and name in _names_of(film)]
    found = same or named or (upload.films if _films_in(upload) == 1 else [])
    if len(found) != 1:
        raise Refusal("server", {"detail": "several-films"})
    return found[0]


def _instance_name(data: bytes) -> str:
    """Return what a DICOM file calls itself, as the API writes it; '' of other files."""
    header = read_header(data) if kind_of(data) == DICOM else None
    return f"urn:oid:{header.instance_uid}" if header else ""


def _names_of(film: Film) -> list[str]:
    return [one.value for one in film.identifiers if one.kind == "instance"]


def _films_in(upload: Upload) -> int:
    """Count the films that were uploaded, also those of a ZIP that the server did not put into this study."""
    return upload.taken + sum(one.code not in _NO_FILMS for one in upload.not_taken)
