from __future__ import annotations

from datetime import UTC, datetime

from lungwise.clinics.models import SetState, ThresholdSet


def test_a_set_names_who_approved_it_only_once_it_is() -> None:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    one = {"finding": "tuberculosis", "lower": 0.2, "upper": 0.2, "offset": 0.0, "slope": 1.0}
    found = ThresholdSet(key="k", model_sha256="0", findings=[one], proposer_name="Ada", proposed_at=at)
    assert (found.local.approved_by, found.local.approved_at, found.local.id) == ((), at, "k")
    found.state, found.decider_name, found.decided_at = SetState.APPROVED, "Ben", datetime(2026, 3, 3, tzinfo=UTC)
    assert (found.local.approved_by, found.local.approved_at) == (("Ada", "Ben"), found.decided_at)
    found.decider_name = "Ada"
    assert found.local.approved_by == ("Ada",)
