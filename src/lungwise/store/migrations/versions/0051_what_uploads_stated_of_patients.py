"""What an account's upload stated of its patient: all that is shown to those who see no other patients."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lungwise.store.migrations.tables import columns_of

revision = "0051"
down_revision = "0050"


def upgrade() -> None:
    """Apply the step. Of earlier uploads the films' headers alone are known."""
    if "stated" not in columns_of(sa.inspect(op.get_bind()), "studies"):
        op.add_column("studies", sa.Column("stated", sa.LargeBinary(), nullable=True))
