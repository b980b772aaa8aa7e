"""An account may be bound to an identity at a provider, and a session to the one there that it began with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lungwise.store.database import Moment
from lungwise.store.migrations.tables import columns_of, create_table, indexes_of

revision = "0044"
down_revision = "0043"


def upgrade() -> None:
    """Apply the step."""
    inspector = sa.inspect(op.get_bind())
    if "provider_session" not in columns_of(inspector, "sign_ins"):
        op.add_column("sign_ins", sa.Column("provider_session", sa.String(64)))
    if "ix_sign_ins_provider_session" not in indexes_of(inspector, "sign_ins"):
        op.create_index("ix_sign_ins_provider_session", "sign_ins", ["provider_session"])
    if not inspector.has_table("provided_identities"):
        create_table(
            "provided_identities",
            sa.Column("id", sa.Integer(), primary_key=True),
            sa.Column(
                "user_id", sa.Integer(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True
            ),
            sa.Column("issuer", sa.String(255), nullable=False),
            sa.Column("name", sa.String(64), nullable=False, unique=True),
            sa.Column("created_at", Moment(), nullable=False),
        )
