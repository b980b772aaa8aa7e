"""Reports after an earlier database was put in place: other systems may have later versions of them."""

from __future__ import annotations

from sqlalchemy import case, inspect, select, update
from sqlalchemy.orm import Session

from lungwise.audit.closed_clinics import is_closed
from lungwise.store import Clock, database_time, utc_now
from lungwise.store.migrations.tables import columns_of
from lungwise.studies.dispatch_models import GOES_TO_ARCHIVE, Dispatch, DispatchState
from lungwise.studies.models import Study


def send_reports_anew(session: Session, clock: Clock = utc_now) -> None:
    """Queue each report again for the systems that are no archives, under a version that none of them has.

    What was sent since that database was kept is not known any more: a version that counted on from there would be one
    that a system has already, and need not look at. So each is lifted to the minutes since 1970: no study has as many
    versions as there are minutes. Reports of a closed clinic are not queued: it may have moved, and send its own.

    The database may have the schema of an earlier release; from before reports had versions there is nothing to do.
    """
    if "report_version" not in columns_of(inspect(session.connection()), "studies"):
        return
    minutes = int(clock().timestamp()) // 60
    lifted = case((Study.report_version < minutes, minutes), else_=Study.report_version + 1)
    as_it_is = {"synchronize_session": False}
    session.execute(update(Study).values(report_version=lifted), execution_options=as_it_is)
    clinics = session.scalars(select(Study.clinic_id).distinct()).all()
    of_open = select(Study.id).where(Study.clinic_id.in_([one for one in clinics if not is_closed(session, one)]))
    now = database_time(session, clock)
    again = update(Dispatch).where(~GOES_TO_ARCHIVE, Dispatch.study_id.in_(of_open))
    again = again.values(state=DispatchState.QUEUED, claim="", attempts=0, error="", created_at=now, due_at=now)
    session.execute(again, execution_options=as_it_is)
