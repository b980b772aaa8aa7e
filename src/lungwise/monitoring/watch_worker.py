"""The workers of the watch: one looks at every clinic once a week, one calls the webhook about alarms."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from lungwise.access import Person, Role
from lungwise.accounts.letters import words_for
from lungwise.accounts.outbox import Letter, MailKind, Outbox
from lungwise.accounts.service import Accounts
from lungwise.clinics.service import Clinic, Clinics
from lungwise.jobs.worker import SingleJobWorker
from lungwise.languages import words_of
from lungwise.monitoring import alarm_words
from lungwise.monitoring.alarms import Alarms
from lungwise.monitoring.answer_changes import AnswerWatch
from lungwise.monitoring.models import DONE, Alarm, WatchRun
from lungwise.monitoring.webhook import Webhook, WebhookError, alarm_message
from lungwise.settings import Settings
from lungwise.store import Clock, Database
from lungwise.store.lease_queue import Lease, LeaseQueue, LeaseStatements
from lungwise.studies.weeks import correct_weeks, week_of

PAGE = "/drift"
"""Where alarms are shown and acknowledged."""
_LEASE = timedelta(minutes=10)
_log = logging.getLogger("lungwise.watch")


class WatchServices(Protocol):
    """What the watch uses over one session."""

    settings: Settings
    clinics: Clinics
    alarms: Alarms
    answer_watch: AnswerWatch
    outbox: Outbox

    @property
    def accounts(self) -> Accounts:
        """The accounts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedRun(Lease):
    """One clinic whose charts are to be looked at now."""

    clinic_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedCall(Lease):
    """One alarm about which the webhook is to be called now."""

    alarm: Alarm
    clinic: str


class WatchRuns(LeaseQueue[WatchRun]):
    """Each clinic's week is looked at once, by whichever process claims it."""

    statements = LeaseStatements(WatchRun)
    first_pause, longest_pause = timedelta(minutes=5), timedelta(hours=6)

    def __init__(self, session: Session, clock: Clock) -> None:
        super().__init__(session, clock, _LEASE)

    def missing(self, weeks: dict[int, date]) -> dict[int, date]:
        """Return those of the clinics' weeks that are not queued yet."""
        newest = select(WatchRun.clinic_id, WatchRun.week).where(WatchRun.week >= min(weeks.values(), default=date.max))
        known = {(clinic, week) for clinic, week in self._session.execute(newest)}
        return {clinic: week for clinic, week in weeks.items() if (clinic, week) not in known}

    def add(self, weeks: dict[int, date]) -> None:
        """Queue the clinics' weeks that are not queued yet; if another process does so just now, it is tried again."""
        now = self._now()
        for clinic, week in self.missing(weeks).items():
            self._session.add(WatchRun(clinic_id=clinic, week=week, created_at=now, due_at=now))
        self._session.flush()

    def claim(self) -> ClaimedRun | None:
        """Claim the run that has been due for longest."""
        run = self._claim_next()
        return ClaimedRun(job=run.id, token=run.claim, clinic_id=run.clinic_id) if run else None

    def finish(self, run: ClaimedRun) -> None:
        """Keep that a clinic's week was looked at."""
        self._session.get_one(WatchRun, run.job).state = DONE


class AlarmCalls(LeaseQueue[Alarm]):
    """The alarms about which the webhook is still to be called. A call is tried for four days."""

    statements = LeaseStatements(Alarm)

    def __init__(self, session: Session, clock: Clock) -> None:
        super().__init__(session, clock, _LEASE)

    def claim(self) -> ClaimedCall | None:
        """Claim the alarm that has been due for longest."""
        alarm = self._claim_next()
        if alarm is None:
            return None
        clinic = self._session.get_one(Clinic, alarm.clinic_id).name
        return ClaimedCall(job=alarm.id, token=alarm.claim, alarm=alarm, clinic=clinic)

    def finish(self, call: ClaimedCall) -> None:
        """Keep that the webhook was called."""
        alarm = self._session.get_one(Alarm, call.job)
        alarm.state, alarm.error = DONE, ""


class WeeklyWatch(SingleJobWorker[WatchRuns, ClaimedRun, int]):
    """Looks at each clinic's charts once a week, from Monday on where it stands; yields how many alarms were raised.

    Any number of processes may do so beside each other.

    Parameters
    ----------
    over
        Makes the services over a session.
    """

    poll_seconds = 300.0

    def __init__(self, database: Database, clock: Clock, over: Callable[[Session], WatchServices]) -> None:
        super().__init__(database, "weekly watch")
        self._clock = clock
        self._over = over

    def queue(self, session: Session) -> WatchRuns:
        """Open the queue over a session."""
        return WatchRuns(session, self._clock)

    def claim(self, queue: WatchRuns) -> ClaimedRun | None:
        """Claim the next clinic."""
        return queue.claim()

    def work(self) -> None:
        """Queue what this week lacks, and do what is due."""
        self.queue_week()
        super().work()

    def queue_week(self) -> None:
        """Queue every clinic's present week, where it is not queued."""
        with self._database.reading() as session:
            clinics, now = self._over(session).clinics, self._clock()
            zones = {clinic.id: clinics.settings_of(clinic.id).zone for clinic in clinics.all()}
            weeks = {clinic: week_of(now, zone) for clinic, zone in zones.items()}
            missing = self.queue(session).missing(weeks)
        if missing:
            self._write(lambda queue: queue.add(missing))

    def do(self, job: ClaimedRun) -> int:
        """Look at one clinic's charts, and keep that it was done."""
        self._database.transact(lambda session: self._correct_weeks(session, job.clinic_id))
        raised = self.look(job.clinic_id)
        self._write(lambda queue: queue.finish(job))
        return raised

    def _correct_weeks(self, session: Session, clinic_id: int) -> None:
        """Count studies in the clinic's weeks that an earlier release, or another setting, counted in others."""
        zone = self._over(session).clinics.settings_of(clinic_id).zone
        correct_weeks(session, clinic_id, zone, self._clock())

    def look(self, clinic_id: int) -> int:
        """Look at one clinic's charts now, raise what alarms they give, and return how many."""
        person = Person(None, "weekly watch", clinic_id, Role.ADMINISTRATOR)
        with self._database.reading() as session:  # the charts take a while; nothing is locked meanwhile
            services = self._over(session)
            model, charts = services.alarms.charts(person)
            jump = services.answer_watch.jump(person)
        if jump is None and not any(chart.crossing for chart in charts):
            return 0

        def raise_new(session: Session) -> int:
            services = self._over(session)
            new = services.alarms.raise_new(person, model, charts) if model else []
            new += services.alarms.raise_jump(person, jump) if jump else []
            if new:
                _write_letters(services, person, new)
            return len(new)

        return self._database.transact(raise_new)


class AlarmCaller(SingleJobWorker[AlarmCalls, ClaimedCall, bool]):
    """Calls the webhook about one alarm after the other; yields whether it took each."""

    poll_seconds = 30.0
    stop_seconds = 15.0

    def __init__(self, database: Database, settings: Settings, clock: Clock) -> None:
        super().__init__(database, "alarm caller")
        self._clock = clock
        self._page = page_address(settings)
        self._webhook = Webhook(settings, clock)

    def queue(self, session: Session) -> AlarmCalls:
        """Open the queue over a session."""
        return AlarmCalls(session, self._clock)

    def claim(self, queue: AlarmCalls) -> ClaimedCall | None:
        """Claim the next alarm."""
        return queue.claim()

    def do(self, job: ClaimedCall) -> bool:
        """Call the webhook, and return whether it took the message."""
        try:
            self._webhook.send(alarm_message(job.alarm, job.clinic, self._page))
        except WebhookError as error:
            reason = str(error)
            _log.error("The webhook was not told of an alarm (%s); it is tried again. Check webhook_url.", reason)
            self._write(lambda queue: queue.fail(job, reason))
            return False
        self._write(lambda queue: queue.finish(job))
        return True


def page_address(settings: Settings) -> str:
    """Return the address of the page on alarms; empty where it is not known."""
    return settings.public_url + PAGE if settings.public_url else ""


def _write_letters(services: WatchServices, person: Person, new: list[Alarm]) -> None:
    """Queue a mail to each of the clinic's administrators, in their language."""
    clinic, settings = services.clinics.settings_of(person.clinic_id), services.settings
    otherwise = words_of(clinic.language or settings.language)
    for user in services.accounts.administrators(person):
        subject, text = alarm_words.letter(new, page_address(settings), words_for(user, otherwise))
        services.outbox.add(MailKind.NOTICE, Letter(to=user.email, subject=subject, text=text))
