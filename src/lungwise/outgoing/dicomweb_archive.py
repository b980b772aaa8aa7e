"""An archive that has patients' earlier films and speaks DICOMweb: QIDO-RS finds them, WADO-RS hands them out."""

from __future__ import annotations

import base64
import io
import json
import logging
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from lungwise.dicom.prior_fetcher import WantedPriors
from lungwise.dicom.queries import PeerError
from lungwise.dicom.storage import CANNOT_STORE
from lungwise.dicomweb.multipart import Malformed, boundary_of, media_type, parts
from lungwise.films import Refusal
from lungwise.films.dicom.radiograph import is_chest
from lungwise.inputs import UID
from lungwise.outgoing.exchange import Answer, Exchange
from lungwise.receiving.priors import PriorReceiver
from lungwise.receiving.receiver import Kept
from lungwise.receiving.uploads import read_instance
from lungwise.reports.outgoing import NotSentError
from lungwise.settings import Settings

_STUDY_DATE, _MODALITY, _BODY_PART = "00080020", "00080060", "00180015"
_PATIENT_ID, _STUDY, _SERIES, _INSTANCE = "00100020", "0020000D", "0020000E", "00080018"
_JSON: Final = "application/dicom+json"
_DICOM: Final = "application/dicom"
_MOST_FOUND = 200
"""Studies, series of a study, and instances of a series that are looked at."""
_LONGEST_LIST = 4 << 20
"""Bytes of what a search may answer."""
_BESIDE_FILM = 1 << 16
"""Bytes of an answer beside the film in it."""
_SEARCH_SECONDS, _FILM_SECONDS = 30.0, 300.0
_FETCH_SECONDS = 1500.0
"""How long an archive has for all of one patient: less than a fetch is leased for."""
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{1,8192}")
_log = logging.getLogger("lungwise.node")


class DicomwebArchive:
    """The archive that `priors_from` names by an address."""

    def __init__(self, settings: Settings, receiver: PriorReceiver) -> None:
        self._receiver = receiver
        self._base = settings.priors_from
        self._host = str(urlsplit(self._base).hostname)
        self._authority = settings.send_tls_ca
        self._user, self._password = settings.priors_user, settings.priors_password
        self._token_file = settings.priors_token_file
        self._film_bytes = settings.film_megabytes << 20
        self._end = 0.0

    def fetch(self, wanted: WantedPriors) -> None:
        """Retrieve what it has, the newest first; what is kept of it the receiver decides film by film.

        Raises
        ------
        PeerError
            If it does not answer, not as DICOMweb does, or does not come to an end.
        """
        self._end = time.monotonic() + _FETCH_SECONDS
        authorization = self._authorization()
        kept = 0
        for tried, path in enumerate(self._paths(wanted, authorization), start=1):
            kept += self._retrieve(path, authorization) is Kept.PRIOR
            if kept >= wanted.films or tried >= 2 * wanted.films:
                return

    def _paths(self, wanted: WantedPriors, authorization: dict[str, str]) -> Iterator[str]:
        """Yield where the instances are of those series that may be chest films."""
        asked = {"PatientID": wanted.identifier, "StudyDate": wanted.days}
        studies = [
            study
            for study in self._search("studies", authorization, **asked)
            if wanted.is_earlier(_text(study, _PATIENT_ID), _text(study, _STUDY))
        ]
        for study in sorted(studies, key=lambda one: _text(one, _STUDY_DATE), reverse=True):
            its = f"studies/{_uid(study, _STUDY)}/series"
            for series in self._search(its, authorization, includefield=_BODY_PART):
                if is_chest(_text(series, _MODALITY), _text(series, _BODY_PART)):
                    instances = f"{its}/{_uid(series, _SERIES)}/instances"
                    for instance in self._search(instances, authorization):
                        yield f"{instances}/{_uid(instance, _INSTANCE)}"

    def _search(self, path: str, authorization: dict[str, str], **asked: str) -> list[dict[str, Any]]:
        query = urlencode({**asked, "limit": str(_MOST_FOUND)}, quote_via=quote)
        answer = self._get(f"{path}?{query}", {"Accept": _JSON, **authorization}, _LONGEST_LIST)
        if answer.status == 204 or (answer.is_success and answer.body == b""):
            return []
        return self._objects(answer)[:_MOST_FOUND]

    def _objects(self, answer: Answer) -> list[dict[str, Any]]:
        try:
            found = json.loads(answer.body or b"")
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise PeerError(f"{self._host} answers a search otherwise than DICOMweb does")
        return found

    def _retrieve(self, path: str, authorization: dict[str, str]) -> Kept | None:
        """Retrieve one instance as it is kept there, and hand it to the receiver; None for one that is too large."""
        accept = f'multipart/related; type="{_DICOM}"; transfer-syntax=*'
        answer = self._get(path, {"Accept": accept, **authorization}, self._film_bytes + _BESIDE_FILM, _FILM_SECONDS)
        data = self._film(answer)
        if data is None:
            _log.info("%s: an earlier film is too large.", self._host)
            return None
        try:
            kept = self._receiver.accept(read_instance(data, self._host), self._host[:45])
        except Refusal:
            return None
        except CANNOT_STORE as error:
            raise PeerError(f"an earlier film cannot be kept ({type(error).__name__})") from error
        _log.info("%s: an earlier film is %s.", self._host, kept)
        return kept

    def _film(self, answer: Answer) -> bytes | None:
        if answer.body is None:
            return None
        if answer.media_type == _DICOM:
            return answer.body
        try:
            boundary = boundary_of(media_type(answer.content_type)[1])
            return next(parts(io.BytesIO(answer.body).read, boundary, self._film_bytes)).body
        except (Malformed, StopIteration) as error:
            raise PeerError(f"{self._host} hands a film out otherwise than DICOMweb does") from error

    def _get(self, path: str, headers: dict[str, str], most: int, seconds: float = _SEARCH_SECONDS) -> Answer:
        seconds = min(seconds, self._end - time.monotonic())
        if seconds <= 0:
            raise PeerError(f"of {self._host}: it does not come to an end of its answers")
        try:
            answer = Exchange(f"{self._base}/{path}", self._authority, seconds).get(headers, most)
        except NotSentError as error:
            raise PeerError(f"of {self._host}: {error}") from error
        if not answer.is_success:
            raise PeerError(f"of {self._host}: {answer.sentence}")
        return answer

    def _authorization(self) -> dict[str, str]:
        """Return the header that says who asks; none where the settings name nobody."""
        if self._token_file is not None:
            return {"Authorization": f"Bearer {_read_token(self._token_file)}"}
        if not self._user:
            return {}
        pair = f"{self._user}:{self._password.get_secret_value()}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def _read_token(file: Path) -> str:
    try:
        token = file.read_text("ascii").strip()
    except (OSError, ValueError) as error:
        raise PeerError(f"the file of the archive's token cannot be read ({type(error).__name__})") from error
    if not _TOKEN.fullmatch(token):
        raise PeerError("the file of the archive's token holds none")
    return token


def _text(item: dict[str, Any], tag: str) -> str:
    """Return an attribute's first value of the DICOM JSON Model; '' where there is none."""
    element = item.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    value = values[0] if isinstance(values, list) and values else ""
    return value.strip() if isinstance(value, str) else ""


def _uid(item: dict[str, Any], tag: str) -> str:
    """Return a UID, which becomes a part of an address.

    Raises
    ------
    PeerError
        If it is none.
    """
    text = _text(item, tag)
    if not UID.fullmatch(text):
        raise PeerError("the archive names something without a UID")
    return text
