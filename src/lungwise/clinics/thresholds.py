"""A clinic's own thresholds: proposed by one administrator, confirmed by another, in force until somebody goes back.

What moves a threshold takes two people, so that no mistake and no stolen account moves it alone: who was no
administrator yet when it was proposed, and may be nobody else's account, waits a day. A clinic with a single
administrator has them enter a code of their second factor, and sleep on it. Going back to what was approved before
takes one person and no waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditEntry, AuditTrail
from lungwise.clinics.models import Clinic, SetState, ThresholdSet
from lungwise.errors import Contradiction, NotFound, Rejected
from lungwise.films.refusals import N_
from lungwise.reading.artefact import ModelCard
from lungwise.reading.local_thresholds import LocalThresholds
from lungwise.reading.own_thresholds import FindingThresholds
from lungwise.store import Clock, new_key

__all__ = ["SetState", "ThresholdSet", "Thresholds", "in_force"]

WAIT = timedelta(days=1)
"""How long a single administrator waits before they confirm what they proposed, and a new one what another did."""
AS_SHIPPED = "shipped"
"""What the audit trail and pages call the model's own thresholds."""
ALONE_SINCE = N_(
    "When you proposed this there was another administrator. If you are the only one now, take it back and propose it "
    "again."
)
"""Nobody gets rid of the other administrator to confirm their own proposal at once."""
NEW_SINCE = N_(
    "You became an administrator, or your account was recovered, after this was proposed: you can confirm it a day "
    "after that."
)
"""Nobody makes the other administrator who confirms their own proposal at once."""


class Administrators(Protocol):
    """The administrators of clinics."""

    def count(self, clinic_id: int) -> int:
        """Count the administrators of a clinic who can sign in."""

    def last_made(self, person: Person) -> AuditEntry | None:
        """Return the entry of when an account was last made an administrator's, or recovered."""


def in_force(session: Session, clinic_id: int) -> LocalThresholds | None:
    """Return the set of thresholds in force at a clinic, for whichever model; None where the model's own are."""
    query = select(ThresholdSet).join(Clinic, Clinic.thresholds == ThresholdSet.key)
    found = session.scalar(query.where(Clinic.id == clinic_id, ThresholdSet.clinic_id == clinic_id))
    return found.local if found else None


class Thresholds:
    """The sets of thresholds of clinics.

    Parameters
    ----------
    card
        Of the model that reads: sets for another one are void.
    """

    def __init__(
        self,
        session: Session,
        clock: Clock,
        audit: AuditTrail,
        card: Callable[[], ModelCard],
        administrators: Administrators,
    ) -> None:
        self._session = session
        self._clock = clock
        self._audit = audit
        self._card = card
        self._administrators = administrators

    def in_force(self, clinic_id: int) -> LocalThresholds | None:
        """Return the set by which a clinic's films are read; None where it is the model's own thresholds."""
        found = in_force(self._session, clinic_id)
        return found if found and found.fits(self._card()) else None

    def all(self, person: Person) -> list[ThresholdSet]:
        """List the sets of a person's clinic, the newest first."""
        person.need(Right.SEE_ALL)
        own = select(ThresholdSet).where(ThresholdSet.clinic_id == person.clinic_id)
        return list(self._session.scalars(own.order_by(ThresholdSet.id.desc())))

    def waiting(self, person: Person) -> ThresholdSet | None:
        """Return the set that waits to be confirmed at a person's clinic."""
        person.need(Right.SEE_ALL)
        own = (ThresholdSet.clinic_id == person.clinic_id, ThresholdSet.state == SetState.WAITING)
        return self._session.scalar(select(ThresholdSet).where(*own))

    def waits_for(self, person: Person) -> ThresholdSet | None:
        """Return the set that a person could confirm now; None where there is none, or it is for somebody else to."""
        found = self.waiting(person) if person.may(Right.ADMINISTER) else None
        if found is None or self.is_void(found):
            return None
        begins = self.confirmable_from(person, found)
        return found if begins is not None and begins <= self._clock() else None

    def is_void(self, found: ThresholdSet) -> bool:
        """Return whether a set was made for another model than the one that reads."""
        return not found.local.fits(self._card())

    def propose(self, by: Person, wanted: FindingThresholds, evidence: Mapping[str, Any]) -> ThresholdSet:
        """Propose thresholds of one finding, on top of those in force.

        Parameters
        ----------
        evidence
            What is known of them now, for whoever confirms.

        Raises
        ------
        Rejected
            If another proposal waits, or it is not somebody with an account who proposes.
        """
        by.need(Right.ADMINISTER)
        if by.id is None:
            raise Rejected("Somebody who is signed in must propose thresholds.")
        clinic = self._locked_clinic(by)
        if self.waiting(by):
            raise Contradiction("A proposal waits already. Confirm or reject it first.")
        now, card, before = self._clock(), self._card(), self.in_force(by.clinic_id)
        kept = [one for one in (before.findings if before else ()) if one.finding != wanted.finding]
        made = ThresholdSet(
            key=new_key(),
            clinic_id=clinic.id,
            model=card.name,
            version=card.version,
            model_sha256=card.hashes["onnx"],
            finding=wanted.finding,
            findings=_as_stored([*kept, wanted]),
            before=before.id if before else None,
            evidence=dict(evidence),
            state=SetState.WAITING,
            proposer_id=by.id,
            proposer_name=by.name,
            proposed_at=now,
            alone=self.is_alone(by),
        )
        self._session.add(made)
        self._session.flush()
        self._audit.record(by, Action.PROPOSED, Subject.THRESHOLDS, made.key)
        return made

    def confirmable_from(self, by: Person, found: ThresholdSet) -> datetime | None:
        """Return from when on a person can confirm a set; None where somebody else must."""
        if not by.may(Right.ADMINISTER) or by.id is None:
            return None
        if by.id != found.proposer_id:
            return self._confirmable_by_another_from(by, found)
        return found.proposed_at + WAIT if found.alone and self.is_alone(by) else None

    def _confirmable_by_another_from(self, by: Person, found: ThresholdSet) -> datetime:
        proposed = self._audit.last(found.clinic_id, found.key, [Action.PROPOSED])
        made = self._administrators.last_made(by)
        if proposed and made and made.id < proposed.id:
            return found.proposed_at
        return (made.at if made else found.proposed_at) + WAIT

    def is_alone(self, by: Person) -> bool:
        """Return whether a person's clinic has no more than one administrator."""
        return self._administrators.count(by.clinic_id) == 1

    def confirm(self, by: Person, key: str, *, has_given_code: bool = False) -> None:
        """Confirm a proposal, and put it in force.

        Parameters
        ----------
        has_given_code
            Whether the person has just entered a code of their second factor: asked of one who confirms what they
            proposed themselves.

        Raises
        ------
        Rejected
            If somebody else must confirm it, a code is missing, or it is too soon.
        Contradiction
            If it was decided already, or is for another model or on top of another set than are in force.
        """
        clinic, found = self._locked_clinic(by), self._waiting_set(by, key)
        self._check_who(by, found, has_given_code)
        self._check_model(found)
        before = self.in_force(by.clinic_id)
        if (before.id if before else None) != found.before:
            raise Contradiction("Other thresholds have been put in force since. Reject this proposal and make it anew.")
        self._decide(by, found, SetState.APPROVED)
        clinic.thresholds = found.key
        self._session.flush()
        self._audit.record(by, Action.APPROVED, Subject.THRESHOLDS, found.key)

    def reject(self, by: Person, key: str) -> None:
        """Reject a proposal; whoever made it may take it back so."""
        self._locked_clinic(by)
        found = self._waiting_set(by, key)
        self._decide(by, found, SetState.REJECTED)
        self._session.flush()
        self._audit.record(by, Action.REJECTED, Subject.THRESHOLDS, found.key)

    def go_back(self, by: Person, key: str) -> None:
        """Put a set in force again that was approved before, or `AS_SHIPPED`; from now on, for new films.

        Raises
        ------
        Rejected
            If the set was never approved.
        Contradiction
            If it is for another model.
        """
        clinic = self._locked_clinic(by)
        if key == AS_SHIPPED:
            chosen = None
        else:
            found = self._own(by, key)
            if found.state != SetState.APPROVED:
                raise Rejected("Only thresholds that were approved can be put in force.")
            self._check_model(found)
            chosen = found.key
        if clinic.thresholds != chosen:
            clinic.thresholds = chosen
            self._session.flush()
            self._audit.record(by, Action.WENT_BACK, Subject.THRESHOLDS, key)

    def check_time(self, by: Person, found: ThresholdSet) -> None:
        """Check that a person may confirm a set now, before a code of theirs is used up.

        Raises
        ------
        Rejected
            If somebody else must, or it is too soon.
        """
        begins = self.confirmable_from(by, found)
        if begins is None:
            raise Rejected(
                ALONE_SINCE if self.is_alone(by) else "Another administrator must confirm what you proposed."
            )
        if self._clock() < begins:
            if by.id != found.proposer_id:
                raise Rejected(NEW_SINCE)
            raise Rejected("You are the only administrator: you can confirm it a day after you proposed it.")

    def _check_who(self, by: Person, found: ThresholdSet, has_given_code: bool) -> None:
        self.check_time(by, found)
        if by.id == found.proposer_id and not has_given_code:
            raise Rejected("You are the only administrator: enter a code of your second factor.")

    def _check_model(self, found: ThresholdSet) -> None:
        if self.is_void(found):
            raise Contradiction("These thresholds were made for another model, and are void with this one.")

    def _decide(self, by: Person, found: ThresholdSet, state: SetState) -> None:
        found.state, found.decider_id, found.decider_name = state, by.id, by.name
        found.decided_at = self._clock()

    def _locked_clinic(self, by: Person) -> Clinic:
        """Let what two administrators do at once happen one after the other."""
        by.need(Right.ADMINISTER)
        found = self._session.get(Clinic, by.clinic_id, with_for_update=True, populate_existing=True)
        if found is None:
            raise NotFound
        return found

    def _own(self, by: Person, key: str) -> ThresholdSet:
        query = select(ThresholdSet).where(ThresholdSet.key == key, ThresholdSet.clinic_id == by.clinic_id)
        found = self._session.scalar(query.execution_options(populate_existing=True))
        if found is None:
            raise NotFound
        return found

    def _waiting_set(self, by: Person, key: str) -> ThresholdSet:
        found = self._own(by, key)
        if found.state != SetState.WAITING:
            raise Contradiction("This proposal was decided already.")
        return found


def _as_stored(findings: list[FindingThresholds]) -> list[dict[str, Any]]:
    return [asdict(one) for one in sorted(findings, key=lambda one: one.finding)]
