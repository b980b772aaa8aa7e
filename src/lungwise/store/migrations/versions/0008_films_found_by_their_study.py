"""Films are found by the UID of their study, and those that came without DICOM have UIDs of their own."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_ROOT = uuid.UUID("6f3f2c0e-41a8-5d0b-9c53-1f6f8b3b7a52")
_FILMS = sa.table(
    "films", *map(sa.column, ("id", "study_id", "key", "kind", "study_uid", "series_uid", "instance_uid"))
)
_STUDIES = sa.table("studies", *map(sa.column, ("id", "key", "study_uid")))


def upgrade() -> None:
    """Apply the step."""
    op.create_index("ix_films_study_uid", "films", ["study_uid"])
    connection = op.get_bind()
    bare = (_FILMS.c.instance_uid.is_(None), _FILMS.c.kind != "DICOM")
    joined = _FILMS.join(_STUDIES, _FILMS.c.study_id == _STUDIES.c.id)
    columns = (_FILMS.c.id, _FILMS.c.key, _STUDIES.c.key.label("study"), _STUDIES.c.study_uid)
    for film in connection.execute(sa.select(*columns).select_from(joined).where(*bare)).all():
        uids = {
            "study_uid": film.study_uid or _own_uid("study", film.study),
            "series_uid": _own_uid("series", film.key),
            "instance_uid": _own_uid("film", film.key),
        }
        connection.execute(sa.update(_FILMS).where(_FILMS.c.id == film.id).values(uids))


def _own_uid(*words: str) -> str:
    return f"2.25.{uuid.uuid5(_ROOT, chr(0).join(words)).int}"
