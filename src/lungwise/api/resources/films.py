"""Films by the API: their readings, heat maps and files."""

from __future__ import annotations

import numpy as np
from flask import Response
from numpy.typing import NDArray

from lungwise.accounts.tokens import Scope
from lungwise.api import schemas
from lungwise.api.framework.operations import Operations
from lungwise.api.resources.representations import film_of
from lungwise.api.resources.studies import waited
from lungwise.api.services import services
from lungwise.audit.actions import Action, Subject
from lungwise.audit.after_response import audit_after_response, audit_sight_after_response
from lungwise.errors import NotFound
from lungwise.studies import pictures
from lungwise.studies.stored_answers import film_headline
from lungwise.webkit.current_person import person

films = Operations()
_SIDE = 272


@films.get("/films/<key:key>", schemas.Film, query=schemas.Wait)
def get_film(key: str, query: schemas.Wait) -> schemas.Film:
    """Get a film with its newest reading."""
    waited(services().studies.film(person(), key).study, query.wait)
    audit_after_response(Action.SAW, Subject.FILM, key)
    studies, headlines = services().studies, services().headlines
    film = studies.film(person(), key)
    patient = studies.patient(person(), film.study)
    change = studies.extent_changes(person(), film.study, patient).get(film.key)
    zone, is_doubted = services().clinic_settings.zone, bool(studies.orders_of_others(film.study))
    headline = film_headline(headlines, film, patient, zone, is_doubted=is_doubted)
    return film_of(film, patient, studies.data, headline, change)


@films.get("/films/<key:key>/heat", schemas.HeatMap)
def get_heat_map(key: str) -> schemas.HeatMap:
    """Get a film's heat map as numbers; there is none of a film that is not read or was refused."""
    heat = _heat(key)
    return schemas.HeatMap(side=len(heat), values=[[round(float(value), 4) for value in row] for row in heat])


@films.get("/films/<key:key>/heat.png", "image/png")
def get_heat_picture(key: str) -> Response:
    """Get a film's heat map as a transparent layer over the whole film; there is none of a film that is not read."""
    heat = _heat(key)
    return Response(pictures.as_png(pictures.heat_layer(heat, (_SIDE, _SIDE))), content_type="image/png")


@films.get("/films/<key:key>/original", "application/octet-stream", scope=Scope.EXPORT)
def get_original(key: str) -> Response:
    """Get a film's file as it was uploaded."""
    record = services().studies.film(person(), key)
    data = services().studies.data(record)
    audit_after_response(Action.EXPORTED, Subject.FILM, key)
    return Response(data, content_type="application/octet-stream")


def _heat(key: str) -> NDArray[np.float32]:
    record = services().studies.film(person(), key)
    audit_sight_after_response(Subject.FILM, key, record.study.key)
    heat = record.reading.heat_map if record.reading else None
    if heat is None:
        raise NotFound
    return heat
