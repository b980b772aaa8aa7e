"""The table of what programs asked for with an idempotency key."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from lungwise.store import Base, Moment
from lungwise.store.database import TABLE


class IdempotencyKey(Base):
    """One request that must not be done twice: what it asked, by hash, and which things came of it, as their keys."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (UniqueConstraint("token_id", "key"), UniqueConstraint("user_id", "key"), TABLE)

    id: Mapped[int] = mapped_column(primary_key=True)
    token_id: Mapped[int | None] = mapped_column(ForeignKey("tokens.id", ondelete="CASCADE"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(128))
    request_hash: Mapped[str] = mapped_column(String(64))
    result: Mapped[str] = mapped_column(String(1000))
    created_at: Mapped[datetime] = mapped_column(Moment, index=True)
