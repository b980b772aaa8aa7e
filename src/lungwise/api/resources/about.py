"""What the API says of itself: its model, its document, and the page that shows the document."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from flask import Flask, Response, render_template, request
from flask_babel import get_locale

from lungwise.api import schemas
from lungwise.api.framework.operations import Operations
from lungwise.api.services import services
from lungwise.api.threshold_schemas import InForce
from lungwise.reading.artefact import shipped_card
from lungwise.webkit.current_person import person

describe = Operations()


@describe.get("/model", schemas.Model)
def get_model() -> schemas.Model:
    """Get the model that reads new films."""
    card = shipped_card()
    return schemas.Model.model_validate(
        {
            "name": card.name,
            "version": card.version,
            "created": card.created,
            "preprocessing": card.preprocessing,
            "labels": card.labels,
            "thresholds": {"lower": card.thresholds.lower, "upper": card.thresholds.upper},
            "sha256": card.hashes["onnx"],
            "intended_use": card.intended_use,
            "limits": card.limits,
        }
    )


@describe.get("/thresholds", InForce)
def get_thresholds() -> InForce:
    """Get the thresholds of the clinic's own by which its films are read.

    Null where they are the model's. A reading says which it was given by, and keeps them.
    """
    found = services().thresholds.in_force(person().clinic_id)
    return InForce.model_validate({"thresholds": found and asdict(found)})


def reference(api: Flask, write: Callable[[], dict[str, Any]]) -> None:
    """Add the document, and the page that shows it; it is written when somebody asks for it."""

    def document() -> Response:
        """Return the OpenAPI document."""
        return Response(json.dumps(write()), content_type="application/json")

    def page() -> str:
        """Show the document as a page."""
        root = request.root_path.removesuffix("/api/v1")
        return render_template("api/reference.html", document=write(), root=root, language=str(get_locale()))

    api.add_url_rule("/openapi.json", view_func=document)
    api.add_url_rule("/", view_func=page)
