"""The committed evaluation is of the documented form, to its last number."""

from __future__ import annotations

import json
from pathlib import Path
from types import UnionType
from typing import Any, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest

from lungwise.evaluation.schema import Estimate, Evaluation, Refusals

EVALUATION = Path(__file__).parents[3] / "docs" / "evaluation.json"


def fits(value: object, form: Any) -> bool:
    """Whether a JSON value is of the form that a type describes."""
    if is_typeddict(form):
        hints = get_type_hints(form, include_extras=True)  # __required_keys__ does not know postponed annotations
        required = {key for key, hint in hints.items() if get_origin(hint) is not NotRequired}
        keys = set(value) if isinstance(value, dict) else {""}
        return required <= keys <= set(hints) and all(fits(value[key], hints[key]) for key in keys)  # type: ignore[index]
    origin, arguments = get_origin(form), get_args(form)
    if origin in (Union, UnionType):
        return any(fits(value, one) for one in arguments)
    if origin is NotRequired:
        return fits(value, arguments[0])
    if origin is list:
        return isinstance(value, list) and all(fits(one, arguments[0]) for one in value)
    if origin is dict:
        return isinstance(value, dict) and all(fits(one, arguments[1]) for one in value.values())
    return form is Any or isinstance(value, int | float if form is float else form)


@pytest.mark.parametrize(
    ("value", "form", "is_so"),
    [
        ({"value": 0.5, "lower": 0, "upper": 1.0, "of": 9}, Estimate, True),
        ({"value": 0.5, "lower": 0, "upper": 1.0}, Estimate, False),
        ({"value": "0.5", "lower": 0, "upper": 1.0, "of": 9}, Estimate, False),
        ({"share": None, "codes": {}}, Refusals, False),
    ],
)
def test_a_form_is_held(value: object, form: Any, is_so: bool) -> None:
    assert fits(value, form) is is_so


def test_the_committed_evaluation_has_the_form_that_is_documented() -> None:
    assert fits(json.loads(EVALUATION.read_text(encoding="utf-8")), Evaluation)
