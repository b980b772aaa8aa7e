"""Sessions: which browsers are signed in to an account, and how each of them is ended.

A session's cookie contains the key of its row, and is valid only as long as the row: not after the session has ended,
was idle for too long or began too long ago.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.orm import Session

from lungwise.accounts.models import SignIn, User
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditTrail
from lungwise.errors import NotFound
from lungwise.settings import Settings
from lungwise.store import Clock, new_key

__all__ = ["Sessions", "SignIn", "device_of"]

_SEEN_EVERY = timedelta(minutes=1)
"""How often the time of a session's last request is saved: not every page view writes."""
_REMEMBERED = timedelta(days=90)
"""How long an ended session is kept, so that its browser is known at the next sign-in."""
_BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser/": "Samsung Internet",
    "Firefox/": "Firefox",
    "FxiOS/": "Firefox",
    "CriOS/": "Chrome",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
_SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


class Sessions:
    """The sessions of every account."""

    def __init__(self, session: Session, clock: Clock, settings: Settings, audit: AuditTrail) -> None:
        self._session = session
        self._clock = clock
        self._audit = audit
        self._idle = timedelta(minutes=settings.session_idle_minutes) + _SEEN_EVERY  # the cookie has the exact time
        self._longest = timedelta(hours=settings.session_hours)

    def begin(self, user: User, user_agent: str, provider_session: str | None = None) -> str:
        """Begin a session, and return its key. The account's old rows are deleted.

        Parameters
        ----------
        provider_session
            The key of the identity provider's session that it begins with; None if it begins with a password.
        """
        now = self._clock()
        old = SignIn.began_at < now - _REMEMBERED
        self._session.execute(delete(SignIn).where(SignIn.user_id == user.id, self._is_over(now), old))
        begun = SignIn(key=new_key(), user_id=user.id, device=device_of(user_agent), began_at=now, seen_at=now)
        begun.provider_session = provider_session
        self._session.add(begun)
        self._session.flush()
        return begun.key

    def is_new_device(self, user: User, user_agent: str) -> bool:
        """Return whether the account has signed in before, but not with such a browser and system lately."""
        devices = self._session.scalars(select(SignIn.device).where(SignIn.user_id == user.id).distinct()).all()
        return bool(devices) and device_of(user_agent) not in devices

    def check(self, user: User, key: str) -> SignIn | None:
        """Find a session of the account by its key; None if it is over."""
        query = select(SignIn).where(SignIn.key == key, SignIn.user_id == user.id)
        return self._session.scalar(query.where(~self._is_over(self._clock())))

    def own(self, user: User) -> list[SignIn]:
        """List the account's sessions, the one last seen first."""
        query = select(SignIn).where(SignIn.user_id == user.id, ~self._is_over(self._clock()))
        return list(self._session.scalars(query.order_by(SignIn.seen_at.desc(), SignIn.id.desc())))

    def is_newly_seen(self, found: SignIn) -> bool:
        """Return whether the time of the session's last request is due to be saved."""
        return self._clock() - found.seen_at > _SEEN_EVERY

    def seen(self, key: str) -> None:
        """Save that a session is used now."""
        self._session.execute(update(SignIn).where(SignIn.key == key).values(seen_at=self._clock()))

    def end(self, user: User, key: str) -> None:
        """End one of the account's sessions.

        Raises
        ------
        NotFound
            If the account has no such session.
        """
        found = self.check(user, key)
        if found is None:
            raise NotFound
        found.ended_at = self._clock()
        self._audit.record(user.person, Action.ENDED_SESSION, Subject.ACCOUNT, user.key)

    def end_others(self, user: User, but: str) -> None:
        """End every session of the account but one."""
        self.end_all_but(user, but)
        self._audit.record(user.person, Action.ENDED_OTHER_SESSIONS, Subject.ACCOUNT, user.key)

    def end_all(self, user: User) -> None:
        """End every session of the account, and each sign-in that waits for a code, as part of a recorded action."""
        self.end_all_but(user, "")
        user.fs_uniquifier = uuid.uuid4().hex  # a browser that waits for a code knows the account by it

    def end_all_but(self, user: User, but: str) -> None:
        """End every session of the account but one, as part of a recorded action."""
        ended = update(SignIn).where(SignIn.user_id == user.id, SignIn.key != but, SignIn.ended_at.is_(None))
        self._session.execute(ended.values(ended_at=self._clock()))

    def forget(self, user: User) -> None:
        """Delete every session of a deleted account, and with them what is known of its browsers."""
        self.end_all(user)
        self._session.execute(delete(SignIn).where(SignIn.user_id == user.id))

    def sign_out(self, user: User, key: str) -> None:
        """End the session that its own browser signs out of."""
        ended = update(SignIn).where(SignIn.user_id == user.id, SignIn.key == key)
        self._session.execute(ended.values(ended_at=self._clock()))
        self._audit.record(user.person, Action.SIGNED_OUT, Subject.ACCOUNT, user.key)

    def _is_over(self, now: datetime) -> ColumnElement[bool]:
        return or_(
            SignIn.ended_at.isnot(None), SignIn.seen_at <= now - self._idle, SignIn.began_at <= now - self._longest
        )


def device_of(user_agent: str) -> str:
    """Name browser and system, as Firefox on Windows; empty if they are not known."""
    browser = next((name for sign, name in _BROWSERS.items() if sign in user_agent), "")
    system = next((name for sign, name in _SYSTEMS.items() if sign in user_agent), "")
    return " · ".join(filter(None, (browser, system)))
