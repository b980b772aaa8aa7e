"""The page on a clinic's own thresholds: those in force, what is proposed, and who confirms it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Protocol

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import get_timezone, gettext
from werkzeug.wrappers import Response

from lungwise.access import Right
from lungwise.accounts.second_factor import require_code
from lungwise.clinics.thresholds import ALONE_SINCE, AS_SHIPPED, NEW_SINCE, SetState, Thresholds, ThresholdSet
from lungwise.errors import Contradiction, NotFound, Rejected
from lungwise.monitoring.draft import MOVABLE, Draft, draft, in_force
from lungwise.monitoring.local_films import ClinicFilms
from lungwise.monitoring.local_report import thresholds_of
from lungwise.monitoring.local_words import RAISED, explained
from lungwise.monitoring.proposal import Hindrance, Proposal, level_of
from lungwise.monitoring.threshold_words import HINDRANCES, STATES, THRESHOLD_EXPLANATIONS, UNSUPPORTED
from lungwise.reading.artefact import shipped_card
from lungwise.reading.own_thresholds import findings_from
from lungwise.reading.pattern import COVID
from lungwise.store import Clock
from lungwise.studies.labels import FINDINGS as FINDING_LABELS
from lungwise.studies.labels import SHORT
from lungwise.time_zones import day_in
from lungwise.webkit import rejections
from lungwise.webkit.current_person import person
from lungwise.webkit.request_services import RequestServices
from lungwise.webkit.transactions import undo

bp = Blueprint("thresholds", __name__, url_prefix="/local-accuracy/thresholds")
_VERDICTS: Mapping[int, str] = dict(enumerate(SHORT[verdict] for verdict in ("negative", "uncertain", "positive")))


class ThresholdServices(Protocol):
    """What this page uses in a request."""

    clock: Clock
    clinic_films: ClinicFilms
    thresholds: Thresholds


services = RequestServices[ThresholdServices]("thresholds")


@bp.get("")
def show() -> str:
    """Show a finding's thresholds in force, and what is proposed for the clinic."""
    person().need(Right.SEE_ALL)
    finding = _finding(request.args.get("finding", COVID))
    return _page(finding)


@bp.post("/propose")
def propose() -> Response | str:
    """Propose the thresholds that the page shows, as they are worked out now."""
    person().need(Right.ADMINISTER)
    finding = _finding(request.form.get("finding", COVID))

    def act() -> None:
        found = _draft(finding)
        if not isinstance(found, Draft):
            raise Contradiction("There is nothing to propose any more. Look at the page again.")
        services().thresholds.propose(person(), found.wanted, found.evidence.as_stored())

    return _attempt(finding, act, gettext("Proposed. It is in force once it is confirmed."))


@bp.post("/<key>/confirm")
def confirm(key: str) -> Response | str:
    """Confirm a proposal; whoever made it gives a code of their second factor."""
    person().need(Right.ADMINISTER)
    found = _set(key)

    def act() -> None:
        if not _is_borne(found):
            raise Contradiction(UNSUPPORTED)
        own = found.proposer_id == person().id
        if own:
            services().thresholds.check_time(person(), found)
            require_code(request.form.get("code", ""))
        services().thresholds.confirm(person(), key, has_given_code=own)

    return _attempt(found.finding, act, gettext("Confirmed. New films are read by these thresholds from now on."))


@bp.post("/<key>/reject")
def reject(key: str) -> Response | str:
    """Reject a proposal, or take one's own back."""
    person().need(Right.ADMINISTER)
    found = _set(key)
    return _attempt(found.finding, lambda: services().thresholds.reject(person(), key), gettext("Rejected."))


@bp.post("/<key>/go-back")
def go_back(key: str) -> Response | str:
    """Put a set in force again that was approved before, or the model's own thresholds."""
    person().need(Right.ADMINISTER)
    finding = _finding(request.form.get("finding", COVID)) if key == AS_SHIPPED else _set(key).finding
    said = gettext("New films are read by these thresholds from now on.")
    return _attempt(finding, lambda: services().thresholds.go_back(person(), key), said)


def _attempt(finding: str, act: Callable[[], object], said: str) -> Response | str:
    try:
        act()
    except Rejected as rejected:
        undo()
        rejections.note(rejections.RULE)
        return _page(finding, rejected.translated(gettext))
    flash(said)
    return redirect(url_for("thresholds.show", finding=finding))


def _page(finding: str, error: str = "") -> str:
    used, who = services().thresholds, person()
    sets, own = used.all(who), used.in_force(who.clinic_id)
    waiting = next((one for one in sets if one.state == SetState.WAITING), None)
    found = None if waiting else _draft(finding)
    return render_template(
        "monitoring/thresholds.html",
        error=error,
        finding=finding,
        findings={name: FINDING_LABELS[name] for name in MOVABLE},
        label=FINDING_LABELS[waiting.finding if waiting else finding],
        own=own,
        now=in_force(finding, thresholds_of(shipped_card(), finding), own),
        now_of_waiting=_now_of(waiting) if waiting else None,
        waiting=waiting,
        wanted=next(one for one in findings_from(waiting.findings) if one.finding == waiting.finding)
        if waiting
        else None,
        confirmable_from=used.confirmable_from(who, waiting) if waiting else None,
        time=services().clock(),
        draft=found if isinstance(found, Draft) else None,
        is_in_force=isinstance(found, Draft) and own is not None and own.of(finding) == found.wanted,
        alone_since=ALONE_SINCE if waiting and used.is_alone(who) else None,
        new_since=NEW_SINCE,
        unsupported=UNSUPPORTED if waiting and not _is_borne(waiting) else None,
        hindrance=HINDRANCES[found] if isinstance(found, Hindrance) else None,
        sets=[one for one in sets if one is not waiting],
        is_void=used.is_void,
        states=STATES,
        said=_VERDICTS if (waiting.finding if waiting else finding) == COVID else RAISED,
        finding_labels=FINDING_LABELS,
        explained=explained(THRESHOLD_EXPLANATIONS),
        day_of=date.fromisoformat,
    )


def _draft(finding: str) -> Draft | Hindrance | None:
    """Draft thresholds from the films that the model in use has read; None of a clinic without such films."""
    used, who, card = services().clinic_films, person(), shipped_card()
    model = used.model_in_use(who)
    if model is None:
        return None
    films = used.of(who, model, finding).films
    month = used.last_month(who, model, finding, day_in(get_timezone(), services().clock()))
    own = services().thresholds.in_force(who.clinic_id)
    return draft(finding, films, month, thresholds_of(card, finding), own)


def _is_borne(waiting: ThresholdSet) -> bool:
    """Whether the results as they are now let as much be moved as when it was proposed."""
    found, then = _draft(waiting.finding), waiting.evidence["fitted"]
    if not isinstance(found, Draft):
        return False
    now = found.evidence.fitted
    return level_of(now.positives, now.negatives) >= level_of(then["positives"], then["negatives"])


def _now_of(waiting: ThresholdSet) -> Proposal:
    own = services().thresholds.in_force(waiting.clinic_id)
    return in_force(waiting.finding, thresholds_of(shipped_card(), waiting.finding), own)


def _set(key: str) -> ThresholdSet:
    found = next((one for one in services().thresholds.all(person()) if one.key == key), None)
    if found is None:
        raise NotFound
    return found


def _finding(name: str) -> str:
    if name not in MOVABLE:
        raise NotFound
    return name
