"""The indexes that the worklist is read from."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Index


def worklist_indexes() -> Iterator[Index]:
    """Make an index for each order of the worklist: of all studies, of those of one status, and of those whose
    headlines name the same findings.

    Each holds all that the worklist filters by beside. One is of those that one person uploaded.
    """
    filters = ("standing", "named_findings", "patient_id")
    yield Index("ix_studies_author_newest", "author_id", "unread", "taken_at", "id", *filters)
    for only, beside in {"": (), "standing": (), "named_findings": ("standing",)}.items():
        for order, column in {"newest": "taken_at", "urgent": "urgency", "probable": "probability"}.items():
            taken = () if column == "taken_at" else ("taken_at",)
            name = "_".join(filter(None, ("ix_studies", only, order)))
            yield Index(
                name, "clinic_id", *filter(None, (only,)), "unread", column, "id", *taken, *beside, "patient_id"
            )
