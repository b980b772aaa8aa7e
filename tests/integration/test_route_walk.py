"""Every route, as every role, as another clinic, and as nobody."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.orm import Session
from werkzeug.routing import Rule

from lungwise.access import PEOPLE, Role
from lungwise.accounts.models import User
from lungwise.accounts.sessions import Sessions
from lungwise.accounts.tokens import Tokens
from lungwise.audit.service import AuditTrail
from lungwise.patients.service import Patient
from lungwise.settings import Settings
from lungwise.store import FilmStore, utc_now
from lungwise.studies.models import Study
from prior_films import add_prior

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise

PUBLIC = {"/", "/welcome", "/register", "/sign-in", "/healthz", "/readyz", "/metrics", "/static/<path:filename>"}
PUBLIC |= {"/invitation/<token>", "/password/forgotten", "/password/forgotten/<token>", "/fs-static/<path:filename>"}
PUBLIC |= {"/sign-in/oidc", "/sign-in/oidc/callback", "/sign-in/oidc/logout", "/signed-out"}
PUBLIC |= {"/second-factor/code", "/second-factor/recovery", "/second-factor/select"}
"""What may answer without a signed-in person; each of them shows nothing of a clinic."""
ADMINISTRATORS = (
    "/accounts",
    "/aggregates",
    "/audit",
    "/audit.csv",
    "/clinic",
    "/delete",
    "/drift",
    "/held",
    "/hl7",
    "/queue",
    "/retry",
    "/second-model",
    "/unclear",
    "/take-back",
    "/thresholds/propose",
)
ABSENT = (
    *("/profile/oidc", "/sign-in/oidc/confirm"),
    *("/films/<key>/levels/<int:side>", "/studies/<key>/results/<result>/take-back"),
    "/drift/alarms/<key>/acknowledge",
    *("/hl7/<key>", "/hl7/<key>/again", "/hl7/<key>/drop"),
    *(f"/local-accuracy/thresholds/<key>/{action}" for action in ("confirm", "reject", "go-back")),
)
"""What is not there: a JPEG film's full depth, a test's result to take back, an alarm, a message, a proposal of
thresholds; an identity provider."""
DOCTORS = ("/change", "/merge", "/merged", "/whose", "/same", "/separate")

NOT_UPLOADERS = (
    *("/patients", "/statistics", "/studies.csv", "/opinions", "/results", "/next", "/report", "/report.pdf"),
    *("/orders", "/orders/<key>", "/cancel"),
    *("/original", "/results.csv", "/results.zip", "/local-accuracy", "/local-accuracy/thresholds"),
)
"""What is not for those who only upload, beside what is for doctors and administrators."""


@dataclass(frozen=True)
class Things:
    """What there is in the clinic, by key."""

    patient: str
    study: str
    film: str
    account: str
    invitation: str
    order: str
    prior: str
    tokens: dict[str, str]
    """Each role's own token, and the machine's."""
    sessions: dict[str, str]
    """Each role's session in another browser."""

    def path(self, rule: Rule, role: str = "administrator") -> str:
        """Fill a route with the keys of these things."""
        if "/tokens/<key>" in rule.rule:
            owner = "machine" if rule.rule.startswith("/accounts") else role
            return rule.rule.replace("<key>", self.tokens[owner])
        if "/sessions/<key>" in rule.rule:
            return rule.rule.replace("<key>", self.sessions[role])
        if "/invitations/<key>" in rule.rule:
            return rule.rule.replace("<key>", self.invitation)
        if "<role>" in rule.rule:
            return rule.rule.replace("<role>", role)
        noun = rule.rule.split("/")[1]
        if noun == "earlier-films":
            return rule.rule.replace("<key>", self.prior)
        keys = {"patients": self.patient, "studies": self.study, "films": self.film, "accounts": self.account}
        key = {**keys, "orders": self.order}.get(noun)
        return re.sub(r"<[^>]+>", key or "nothing", rule.rule.replace("<prior>", self.prior))


@pytest.fixture
def things(
    app: Lungwise,
    settings: Settings,
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
    film: Callable[..., bytes],
) -> Things:
    for role in PEOPLE:
        enrol(app, f"{role.value}.valley", "Valley", role)
    hill = {role.value: enrol(app, f"{role.value}.hill", "Hill", role) for role in PEOPLE}
    with app.database.writing() as session:
        service = Tokens(session, utc_now, AuditTrail(session, utc_now))
        tokens = {role: service.add(person, "script", [], 30)[0].key for role, person in hill.items()}
        sessions = {role: _begin_session(session, person.id) for role, person in hill.items()}
        tokens["machine"] = service.add(hill["administrator"], "archive", [], 30, machine=True)[0].key
    owner = visit(app)
    owner.sign_in("administrator.hill@example.org")
    study = owner.upload(film(1), name="Béla Bartók", identifier="SECRET-7")
    page = owner.get(study).text
    invited = owner.post("/accounts", email="rita@example.org", role="radiologist").text
    account = re.findall(r"/accounts/(\w+)/disable", invited)[0]
    patient = re.findall(r"/patients/(\w+)", page)[0]
    placed = owner.post(f"/patients/{patient}/order", reason="cough", urgency="routine", modality="DX")
    return Things(
        order=placed.location.rsplit("/", 1)[1],
        prior=prior_of(app, settings, study.rsplit("/", 1)[1]),
        patient=patient,
        study=study.rsplit("/", 1)[1],
        film=re.findall(r"/films/(\w+)", page)[0],
        account=account,
        invitation=re.findall(r"/accounts/invitations/(\w+)/take-back", invited)[0],
        tokens=tokens,
        sessions=sessions,
    )


def _begin_session(session: Session, user_id: int | None) -> str:
    service = Sessions(session, utc_now, Settings(), AuditTrail(session, utc_now))
    return service.begin(session.get_one(User, user_id), "Firefox/1.0 (Linux)")


def rules(app: Lungwise) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if rule.endpoint != "static"]


def ask(visitor: Visitor, things: Things, rule: Rule, role: Role) -> list[tuple[int, str]]:
    """Ask for a route by each of its methods, with a form's token that is good."""
    path, answers = things.path(rule, role.value), []
    if "GET" in (rule.methods or ()):
        answer = visitor.get(path)
        answers.append((answer.status_code, answer.text if (answer.mimetype or "").startswith("text") else ""))
    if "POST" in (rule.methods or ()):
        answer = visitor.post(
            path, page="/profile", sure="y", days="30", text="Bartók", identifier="SECRET-7", name="x"
        )
        answers.append((answer.status_code, answer.text if (answer.mimetype or "").startswith("text") else ""))
    return answers


def test_nobody_reaches_anything_but_the_doors(app: Lungwise, things: Things, visit: Callable[..., Visitor]) -> None:
    for rule in rules(app):
        visitor = visit(app)
        for method in {"GET", "POST"} & (rule.methods or set()):
            if rule.rule in PUBLIC:
                continue
            answer = visitor.client.open(things.path(rule), method=method)
            assert answer.status_code in (302, 400), f"{method} {rule.rule}: {answer.status_code}"
            assert "Bartók" not in answer.text


@pytest.mark.parametrize("role", PEOPLE)
def test_nothing_of_a_clinic_is_there_for_another(
    role: Role, app: Lungwise, things: Things, visit: Callable[..., Visitor]
) -> None:
    stranger = visit(app)
    for rule in rules(app):
        if rule.endpoint == "security.logout":
            continue
        stranger.sign_in(f"{role.value}.valley@example.org")
        for status, text in ask(stranger, things, rule, role):
            assert status < 500, rule.rule
            assert "Béla" not in text, rule.rule
            if "<key>" in rule.rule:
                assert status == 404, f"{rule.rule}: {status}"


@pytest.mark.parametrize("role", PEOPLE)
def test_each_role_reaches_what_it_may_and_nothing_else(
    role: Role,
    app: Lungwise,
    settings: Settings,
    things: Things,
    visit: Callable[..., Visitor],
    film: Callable[..., bytes],
) -> None:
    visitor = visit(app)
    visitor.sign_in(f"{role.value}.hill@example.org")
    if role is Role.HEALTH_WORKER:
        things = own_things(visitor, things, film(2), app, settings)
    deleting = [rule for rule in rules(app) if "delete" in rule.rule or "/held/<key>" in rule.rule]
    for rule in [*(rule for rule in rules(app) if rule not in deleting), *deleting]:
        if rule.endpoint.startswith("security.") or rule.rule in PUBLIC:
            continue
        only_administrators = any(part in rule.rule for part in ADMINISTRATORS)
        not_radiologists = any(rule.rule.endswith(part) for part in DOCTORS)
        not_uploaders = rule.rule.startswith("/patients") or any(rule.rule.endswith(part) for part in NOT_UPLOADERS)
        hidden = (
            (only_administrators and role is not Role.ADMINISTRATOR)
            or (not_radiologists and role is Role.RADIOLOGIST)
            or (not_uploaders and role is Role.HEALTH_WORKER)
        )
        hidden = hidden or rule.rule in ABSENT
        for status, _text in ask(visitor, things, rule, role):
            gone = role is Role.ADMINISTRATOR and rule in deleting  # what it is of may be gone already
            assert (status == 404) is hidden or gone, f"{role} {rule.rule}: {status}"
            assert status < 500


def prior_of(app: Lungwise, settings: Settings, study: str) -> str:
    """Keep an earlier film of a study's patient, and give its key."""
    with app.database.writing() as session:
        patient = session.get_one(Patient, session.query(Study).filter_by(key=study).one().patient_id)
        return add_prior(session, FilmStore(settings), utc_now, patient).key


def own_things(visitor: Visitor, things: Things, film: bytes, app: Lungwise, settings: Settings) -> Things:
    """Upload a film, and put what comes of it in the place of what somebody else uploaded."""
    study = visitor.upload(film, name="Clara Schumann", identifier="9")
    page = visitor.get(study).text
    key = study.rsplit("/", 1)[1]
    prior = prior_of(app, settings, key)
    return replace(things, study=key, film=re.findall(r"/films/(\w+)", page)[0], prior=prior)


def test_who_only_uploads_sees_no_study_of_anybody_else(
    either_app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], film: Callable[..., bytes]
) -> None:
    for name, role in (("Ada", Role.DOCTOR), ("Hana", Role.HEALTH_WORKER)):
        enrol(either_app, name, role=role)
    ada, hana = visit(either_app), visit(either_app)
    ada.sign_in("ada@example.org")
    hana.sign_in("hana@example.org")
    study = ada.upload(film(1), name="Béla Bartók", identifier="SECRET-7")
    key = re.findall(r"/films/(\w+)", ada.get(study).text)[0]
    for rule in rules(either_app):
        if rule.rule.startswith(("/studies/<key>", "/films/<key>")):
            path = re.sub(r"<[^>]+>", study.rsplit("/", 1)[1] if "/studies/" in rule.rule else key, rule.rule)
            for method in {"GET", "POST"} & (rule.methods or set()):
                answer = hana.get(path) if method == "GET" else hana.post(path, page="/profile", sure="y")
                assert answer.status_code == 404, f"{method} {rule.rule}: {answer.status_code}"
    assert "Bartók" not in hana.get("/studies").text
    own = hana.upload(film(2), name="Clara Schumann", identifier="9")
    assert "Clara Schumann" in hana.get("/studies").text
    page = hana.get(own).text
    assert 'class="verdict' in page
    assert "/patients/" not in page
    assert "/report" not in page
    refused = hana.post(
        "/studies/new", page="/studies/new", name="", identifier="", films=[(io.BytesIO(film(1)), "film.jpg")]
    )
    assert "SECRET-7" not in refused.text
    assert "Bartók" not in refused.text
    assert "in a study that somebody else uploaded" in refused.text
