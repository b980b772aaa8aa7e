from __future__ import annotations

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from lungwise.api import order_schemas
from lungwise.orders.order import MODALITIES, OrderStatus, OrderUrgency, OrderWay

KEY = "0" * 20


def test_the_words_are_those_of_the_clinic() -> None:
    assert set(get_args(order_schemas.OrderState)) == set(OrderStatus)
    assert set(get_args(order_schemas.Urgency)) == set(OrderUrgency)
    assert get_args(order_schemas.Modality) == MODALITIES
    assert set(get_args(order_schemas.Order.model_fields["way"].annotation)) == set(OrderWay)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"patient": KEY, "facts": {}},
        {"patient": "../x"},
        {"patient": KEY, "scheduled_at": "2026-03-02T10:00:00"},
        {"patient": KEY, "scheduled_at": "0001-01-01T00:00:00+14:00"},
        {"patient": KEY, "scheduled_at": "1700000000"},
        {"patient": KEY, "scheduled_at": 1700000000},
        {"patient": KEY, "accession": "a\\b"},
        {"patient": KEY, "placer": {"number": " "}},
        {"patient": KEY, "modality": "CT"},
        {"patient": KEY, "procedure": {"description": "x" * 65}},
        {"patient": KEY, "status": "done"},
    ],
)
def test_an_order_that_is_not_as_described_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        order_schemas.OrderIn.model_validate(body)
