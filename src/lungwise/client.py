"""A client of the REST API, on the standard library and the API's own models.

>>> client = Client("https://lungwise.example.org", token)
>>> study = client.upload([Path("film.dcm").read_bytes()], wait=30)
>>> study.standing, study.probability
"""

from __future__ import annotations

import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Sequence
from http.client import HTTPException
from typing import Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from lungwise.api.order_schemas import Order, OrderIn, OrderPage, OrderSearch
from lungwise.api.result_schemas import ResultTable
from lungwise.api.schemas import (
    LONGEST_WAIT,
    ClinicalDetails,
    ClinicalDetailsIn,
    Film,
    HeatMap,
    Model,
    Opinion,
    OpinionIn,
    Patient,
    PatientFields,
    PatientPage,
    PatientSearch,
    PatientStudies,
    Problem,
    ReferenceResult,
    ReferenceResultIn,
    Report,
    Statistics,
    Study,
    StudyPage,
    StudySearch,
    StudySummary,
    Upload,
)

__all__ = ["ApiError", "Client"]

T = TypeVar("T", bound=BaseModel)
Page = TypeVar("Page", StudyPage, PatientPage, OrderPage)
Search = StudySearch | PatientSearch | OrderSearch
_RETRIED_STATUSES = (429, 502, 503, 504)
"""Statuses after which the same request may succeed."""
_POLL_SECONDS = 2.0
"""Pause between two requests for a study that is not read yet."""


class ApiError(OSError):
    """The server refused, or could not be reached; the message is one line for people.

    Parameters
    ----------
    status
        The HTTP status; 0 if there was no answer.
    retry_after
        Seconds after which the same request may succeed; None if it will not.
    """

    def __init__(self, status: int, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class Client:
    """Talks to one server with one token; may be shared among threads.

    Parameters
    ----------
    server
        The server's address, without `/api/v1`.
    timeout
        Seconds to wait for an answer, besides what a request asks the server to wait.
    tries
        How often a request is sent before it is given up: what changes something carries an
        idempotency key, so nothing is done twice.
    language
        In which the server writes its sentences, where it speaks it.
    """

    def __init__(
        self,
        server: str,
        token: str,
        timeout: float = 60,
        tries: int = 5,
        sleep: Callable[[float], None] = time.sleep,
        language: str = "en",
    ) -> None:
        if urlsplit(server).scheme not in ("http", "https"):
            raise ApiError(0, f"{server} is not the address of a server, which begins with https:// or http://.")
        self._root = server.rstrip("/") + "/api/v1"
        self._always = {"Authorization": f"Bearer {token}", "Accept-Language": language}
        self._timeout = timeout
        self._tries = tries
        self._sleep = sleep

    def upload(self, films: Sequence[bytes], patient: PatientFields | None = None, wait: int = 0) -> Upload:
        """Upload films as a new study, and wait up to so many seconds for their readings."""
        form = {} if patient is None else patient.model_dump(mode="json", exclude_defaults=True)
        return self._post(Upload, "/studies", *_multipart(films, form), wait)

    def add_films(self, study: str, films: Sequence[bytes], wait: int = 0) -> Upload:
        """Upload further films of a study."""
        return self._post(Upload, f"/studies/{study}/films", *_multipart(films, {}), wait)

    def study(self, key: str, wait: int = 0) -> Study:
        """Get a study, and wait up to so many seconds for its readings."""
        return self._get(Study, f"/studies/{key}", wait)

    def read(self, films: Sequence[bytes], patient: PatientFields | None = None, patience: float = 300) -> Upload:
        """Upload films as a new study and return it when every film has its reading.

        Where the clinic has all of them already, their study is returned, with whatever else is in it.

        Raises
        ------
        ApiError
            If the server refuses, or is not done after `patience` seconds.
        """
        end = time.monotonic() + patience
        upload = self.upload(films, patient, LONGEST_WAIT)
        while upload.standing == "waiting":
            if time.monotonic() > end:
                raise ApiError(0, f"Study {upload.key} is saved and still waits to be read. Look at it later.")
            self._sleep(_POLL_SECONDS)  # a server with many waiting requests answers at once
            upload = upload.model_copy(update=dict(self.study(upload.key, LONGEST_WAIT)))
        return upload

    def studies(self, wanted: StudySearch | None = None) -> Iterator[StudySummary]:
        """Yield the studies that match a search, or all of them."""
        for page in self._pages(StudyPage, "/studies/search", wanted or StudySearch()):
            yield from page.items

    def patients(self, text: str = "") -> Iterator[Patient]:
        """Yield the patients who have all of these words in name or identifier."""
        for page in self._pages(PatientPage, "/patients/search", PatientSearch(text=text)):
            yield from page.items

    def patient(self, key: str) -> PatientStudies:
        """Get a patient with their studies."""
        return self._get(PatientStudies, f"/patients/{key}")

    def film(self, key: str, wait: int = 0) -> Film:
        """Get a film with its newest reading."""
        return self._get(Film, f"/films/{key}", wait)

    def heat_map(self, film: str) -> HeatMap:
        """Get a film's heat map as numbers."""
        return self._get(HeatMap, f"/films/{film}/heat")

    def original(self, film: str) -> bytes:
        """Get a film's file."""
        return self._send("GET", f"/films/{film}/original")

    def conclude(self, study: str, opinion: OpinionIn) -> Opinion:
        """Keep an opinion."""
        body = opinion.model_dump_json(exclude_unset=True).encode()
        return self._post(Opinion, f"/studies/{study}/opinions", body, "application/json")

    def add_reference_result(self, study: str, result: ReferenceResultIn) -> ReferenceResult:
        """Keep what a PCR, Xpert or sputum test found."""
        body = result.model_dump_json(exclude_unset=True).encode()
        return self._post(ReferenceResult, f"/studies/{study}/reference-results", body, "application/json")

    def add_reference_results(self, table: bytes, keep: Literal["all", "good", "none"] = "all") -> ResultTable:
        """Keep the test results of a CSV table: all rows or none, the good ones, or none at all to look at them."""
        return self._post(ResultTable, f"/reference-results?keep={keep}", table, "text/csv")

    def reference_results(self) -> str:
        """Get all test results of the clinic as a CSV table."""
        return self._send("GET", "/reference-results.csv").decode()

    def describe(self, study: str, details: ClinicalDetailsIn) -> ClinicalDetails:
        """Keep the patient's symptoms and oxygen saturation on this visit."""
        body = details.model_dump_json(exclude_unset=True).encode()
        return self._post(ClinicalDetails, f"/studies/{study}/clinical-details", body, "application/json")

    def report(self, study: str) -> Report:
        """Get a study's report."""
        return self._get(Report, f"/studies/{study}/report")

    def report_pdf(self, study: str) -> bytes:
        """Get a study's report as PDF."""
        return self._send("GET", f"/studies/{study}/report.pdf")

    def report_fhir(self, study: str) -> bytes:
        """Get a study's report as a FHIR R4 bundle."""
        return self._send("GET", f"/studies/{study}/report.fhir")

    def orders(self, wanted: OrderSearch | None = None) -> Iterator[Order]:
        """Yield the orders that match a search, or all of them, the newest first."""
        for page in self._pages(OrderPage, "/orders/search", wanted or OrderSearch()):
            yield from page.items

    def order(self, key: str) -> Order:
        """Get an order, and what became of it."""
        return self._get(Order, f"/orders/{key}")

    def order_films(self, asked: OrderIn) -> Order:
        """Order films of a patient."""
        body = asked.model_dump_json(exclude_unset=True).encode()
        return self._post(Order, "/orders", body, "application/json")

    def cancel_order(self, key: str) -> Order:
        """Cancel an order whose films were not taken yet."""
        return self._post(Order, f"/orders/{key}/cancel", b"", "application/json")

    def statistics(self) -> Statistics:
        """Get the clinic in numbers."""
        return self._get(Statistics, "/statistics")

    def model(self) -> Model:
        """Get the model that reads new films."""
        return self._get(Model, "/model")

    def _get(self, model: type[T], address: str, wait: int = 0) -> T:
        return _parsed(model, self._send("GET", address, wait=wait))

    def _pages(self, model: type[Page], address: str, search: Search) -> Iterator[Page]:
        more = True
        while more:
            body = search.model_dump_json(exclude_unset=True, exclude_none=True).encode()
            page = _parsed(model, self._send("POST", address, body, {"Content-Type": "application/json"}))
            yield page
            search, more = search.model_copy(update={"cursor": page.next}), page.next is not None

    def _post(self, model: type[T], address: str, body: bytes, kind: str, wait: int = 0) -> T:
        headers = {"Content-Type": kind, "Idempotency-Key": uuid.uuid4().hex}
        return _parsed(model, self._send("POST", address, body, headers, wait))

    def _send(
        self,
        method: str,
        address: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        wait: int = 0,
    ) -> bytes:
        """Send a request, and again if the answer says that it may succeed later."""
        sent = {**self._always, **(headers or {})}
        url = f"{self._root}{address}" + (f"?wait={min(wait, LONGEST_WAIT)}" if wait else "")
        request = urllib.request.Request(url, body, sent, method=method)  # noqa: S310 - http(s) alone
        tries = 0
        while True:
            tries += 1
            try:
                return self._send_once(request, self._timeout + wait)
            except ApiError as error:
                if error.retry_after is None or tries == self._tries:
                    raise
                self._sleep(max(error.retry_after, 0.25 * 2**tries))

    def _send_once(self, request: urllib.request.Request, timeout: float) -> bytes:
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310
                data: bytes = answer.read()
                return data
        except urllib.error.HTTPError as error:
            with error:
                raise _problem(error) from error
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise ApiError(0, f"{self._root} cannot be reached: {reason}", retry_after=0) from error


def _multipart(films: Sequence[bytes], fields: dict[str, str]) -> tuple[bytes, str]:
    """Write films and fields as a form (RFC 7578)."""
    boundary = uuid.uuid4().hex
    parts = [(f'name="{name}"', value.encode()) for name, value in fields.items()]
    parts += [(f'name="films"; filename="{number}"', film) for number, film in enumerate(films)]
    body = bytearray()
    for name, data in parts:
        body += f"--{boundary}\r\nContent-Disposition: form-data; {name}\r\n\r\n".encode() + data + b"\r\n"
    return bytes(body) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def _parsed(model: type[T], data: bytes) -> T:
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        raise ApiError(0, "The server's answer cannot be understood. Is it Lungwise, of this version?") from error


def _problem(error: urllib.error.HTTPError) -> ApiError:
    seconds = error.headers.get("Retry-After", "")
    pause = float(seconds) if seconds.isdecimal() else 0.0
    retry_after = pause if error.code in _RETRIED_STATUSES else None
    try:
        problem = Problem.model_validate_json(error.read())
    except (ValidationError, OSError, HTTPException):
        return ApiError(error.code, f"The server answered {error.code} {error.reason}.", retry_after)
    wrong = "; ".join(f"{one.where}: {one.what}" for one in problem.errors)
    return ApiError(error.code, f"{problem.title} {wrong}".strip(), retry_after)
