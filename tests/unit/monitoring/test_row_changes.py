from __future__ import annotations

from typing import TYPE_CHECKING

import synthetic
from lungwise.monitoring.row_changes import DeletedStudies, NewRows
from lungwise.studies.models import Study

if TYPE_CHECKING:
    from conftest import Services


def test_new_rows_are_found_once_and_deleted_studies_when_they_are_gone(services: Services) -> None:
    ada, session = services.person(), services.session
    new, deleted = NewRows(Study.id), DeletedStudies()
    assert new.since_last(session) == set()
    synthetic.fill(session, ada, 5, services.clock())
    assert deleted.still_there(session, ada.clinic_id) is None
    first = new.since_last(session)
    assert len(first) == 5
    assert new.since_last(session) == set()
    session.delete(session.get_one(Study, min(first)))
    session.flush()
    there = deleted.still_there(session, ada.clinic_id)
    assert there is not None
    assert set(there.tolist()) == first - {min(first)}
    assert deleted.still_there(session, ada.clinic_id) is None
