from __future__ import annotations

import json
from dataclasses import asdict

from lungwise.films.film import Photographed, photographed_from

CORNERS = ((0.1, 0.2), (0.9, 0.2), (0.9, 0.8), (0.1, 0.8))


def test_corners_are_the_same_after_json() -> None:
    marked = Photographed(corners=CORNERS)

    assert photographed_from(json.loads(json.dumps(asdict(marked)))["corners"]) == marked


def test_a_photograph_without_corners_is_still_one() -> None:
    assert photographed_from(None) == Photographed()
