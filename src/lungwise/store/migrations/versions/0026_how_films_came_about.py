"""Films say their view, their machine and the number of the order, by which results find them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from lungwise.store.migrations.tables import columns_of

revision = "0026"
down_revision = "0025"

_COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {
    "view": sa.String(16),
    "device": sa.String(64),
    "accession": sa.LargeBinary(),
}


def upgrade() -> None:
    """Apply the step, or what a step that was interrupted left. Of films before it none of that is known."""
    present = columns_of(sa.inspect(op.get_bind()), "films")
    for name, kind in _COLUMNS.items():
        if name not in present:
            op.add_column("films", sa.Column(name, kind, nullable=True))
