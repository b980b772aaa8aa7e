"""What comes of a request sent once may be twenty orders, and an archive may have a long name: both are kept whole."""

from __future__ import annotations

from lungwise.store.migrations.tables import widen

revision = "0048"
down_revision = "0047"


def upgrade() -> None:
    """Apply the step. Killed halfway on MySQL or MariaDB, it is done again: what is wide already stays so."""
    widen("idempotency_keys", "result", 40, 1000)
    widen("study_dispatches", "destination", 100, 280)
