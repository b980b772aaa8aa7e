"""What schemathesis cannot guess of the API: what a film's file is, a cursor, and a day in somebody's life."""

from __future__ import annotations

import io
import json
import os
import re
import zipfile
from datetime import UTC, date, datetime
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis.transport.serialization import Binary

from lungwise.api.framework.operations import FILM_TYPES
from lungwise.api.framework.paging import encode_cursor
from lungwise.cli.synthetic_film import as_jpeg, synthetic_film


def _zip(film: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("film.jpg", film)
    return packed.getvalue()


FILMS = [as_jpeg(synthetic_film(seed, opacities).resize((90, 100))) for seed, opacities in ((1, 0), (2, 8))]
FILMS.append(_zip(FILMS[0]))
for kind, name, places in (
    ("study-cursor", "studies", ("1_2026-03-02T09:00:00+00:00_7", "0_0.25_3")),
    ("patient-cursor", "patients", ("12",)),
    ("unsent-cursor", "unsent", ("12",)),
    ("order-cursor", "orders", ("12",)),
):
    schemathesis.openapi.format(kind, st.sampled_from([encode_cursor(name, place) for place in places]))
schemathesis.openapi.format("date", st.dates(date(1950, 1, 1), date(2025, 12, 31)).map(str))  # a person's, and past
moments = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))
schemathesis.openapi.format("date-time", moments.map(datetime.isoformat))  # for which films may be ordered
schemathesis.openapi.format("binary", st.sampled_from(FILMS).map(Binary))
TABLES = [b"study,test,result,date,reason\n", b"\xff\xfe" + "patient;test;result;date".encode("utf-16-le")]
schemathesis.openapi.format("result-table", st.sampled_from(TABLES).map(Binary))
schemathesis.openapi.media_type("text/csv", st.sampled_from(TABLES))
ORDERS = [
    {
        "resourceType": "ServiceRequest",
        "identifier": [{"value": f"O-{number}"}],
        "status": "active",
        "intent": "order",
        "subject": {"identifier": {"value": "7"}},
    }
    for number in (1, 2)
]
schemathesis.openapi.media_type("application/fhir+json", st.sampled_from([json.dumps(one).encode() for one in ORDERS]))
for name in FILM_TYPES:
    schemathesis.openapi.media_type(name, st.sampled_from(FILMS))


@schemathesis.hook
def map_path_parameters(context: schemathesis.HookContext, path_parameters: dict[str, Any]) -> dict[str, Any]:
    """Ask for a study that is there; the PDF of another one, to which no letters come that no font has."""
    path = context.operation.path if context.operation else ""
    if not path.startswith("/studies/{key}") or not re.fullmatch("[0-9a-f]{20}", str(path_parameters.get("key"))):
        return path_parameters
    changed, unchanged = os.environ["LUNGWISE_STUDIES"].split()
    return path_parameters | {"key": unchanged if path.endswith(".pdf") else changed}
