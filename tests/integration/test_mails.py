"""Mails, links and invitations: with a mail server, without one, and whatever host a request names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from conftest import open_app
from inbox import inbox
from live_server import serving_site
from lungwise.access import Role
from lungwise.jobs.mail_sender import MailSender
from lungwise.languages import words_of
from lungwise.settings import Registration
from processes import Sender, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Clock, Visitor
    from inbox import Inbox
    from lungwise.access import Person
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise

PASSWORD, NEW = "three green kites fly", "seven blue boats sail"
PUBLIC = "https://lungwise.example.org"
EVIL = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
SENT = re.compile(r"on its way|is sent|have sent|have been sent|we send", re.IGNORECASE)
"""What a page says where a mail goes out."""
REGISTERED: dict[str, Any] = {"name": "Ada", "email": "ada@example.org", "password": NEW, "again": NEW}


@pytest.fixture
def box() -> Iterator[Inbox]:
    with inbox() as box:
        yield box


@pytest.fixture
def opened(settings: Settings, clock: Clock, migrate: Callable[[Settings], None]) -> Iterator[Callable[..., Lungwise]]:
    """Give what opens the application with these settings."""
    apps: list[Iterator[Lungwise]] = []
    migrate(settings)

    def start(given: Settings) -> Lungwise:
        apps.append(open_app(given, clock))
        return next(apps[-1])

    yield start
    for app in apps:
        next(app, None)


def send_all(app: Lungwise, settings: Settings, clock: Clock) -> None:
    """Send what waits."""
    for _taken in MailSender(app.database, settings, clock, words_of).work_all():
        pass


def text_of(box: Inbox) -> str:
    """Give what came, quoted-printable undone."""
    return "\n".join(str(mail.get_payload(decode=True).decode()) for mail in box.mails)  # type: ignore[union-attr]


def links_in(text: str, start: str = "/password/forgotten") -> list[str]:
    return re.findall(rf"({start}/[\w.\-]+)", text)


def test_a_forged_host_enters_no_mail_and_no_page_of_anybody_else(
    opened: Callable[..., Lungwise],
    settings: Settings,
    clock: Clock,
    box: Inbox,
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
) -> None:
    proxied = box.set_up(settings, public_url="", proxies=1)  # as a laptop: any host is served
    app = opened(proxied)
    enrol(app, "Ada", role=Role.ADMINISTRATOR)
    mallory = visit(app)
    token = re.findall(r'csrf_token" value="([^"]+)"', mallory.get("/sign-in", headers=EVIL).text)[0]
    clinic = re.findall(r'<option value="(\d+)"', mallory.get("/register", headers=EVIL).text)[0]
    for path, fields in (("/password/forgotten", {}), ("/register", {**REGISTERED, "clinic": clinic})):
        data = {"csrf_token": token, "email": "ada@example.org", **fields}
        answer = mallory.client.post(path, data=data, headers=EVIL)
        assert answer.status_code == 200
        assert "evil" not in answer.text + str(answer.headers)
    send_all(app, proxied, clock)
    assert "already" in text_of(box)
    assert "evil" not in text_of(box)
    assert "http" not in text_of(box)


def test_a_link_in_a_mail_begins_with_the_public_address_and_works_once(
    opened: Callable[..., Lungwise],
    settings: Settings,
    clock: Clock,
    box: Inbox,
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    by_mail = box.set_up(settings, public_url="http://localhost")
    app = opened(by_mail)
    enrol(app, "Ada")
    ada, other = visit(app), visit(app)
    other.sign_in("ada@example.org")
    for email in ("ada@example.org", "nobody@example.org", "ada@example.org"):
        assert "on its way" in ada.post("/password/forgotten", email=email).text
    send_all(app, by_mail, clock)
    assert [mail["To"] for mail in box.mails] == ["ada@example.org"]
    assert "http://localhost/password/forgotten/" in text_of(box)
    (link,) = links_in(text_of(box))
    assert link not in caplog.text
    assert ada.post(link, password=NEW, password_confirm=NEW).headers["Location"] == "/sign-in"
    assert other.get("/studies").status_code == 302  # the old sessions are over
    assert ada.get(link).status_code == 302, "the link has been used"
    assert ada.sign_in("ada@example.org").status_code == 200
    assert ada.sign_in("ada@example.org", NEW).status_code == 302
    send_all(app, by_mail, clock)
    assert "chosen through a link" in text_of(box)


def test_a_link_ends_when_the_password_is_changed_otherwise(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada", role=Role.ADMINISTRATOR)
    enrol(app, "Bob")
    ada, bob = visit(app), visit(app)
    ada.sign_in("ada@example.org")
    bob.sign_in("bob@example.org")
    link = _recovery_link(ada)
    assert bob.get(link).status_code == 200
    changed = bob.post("/password", password=PASSWORD, new_password=NEW, new_password_confirm=NEW)
    assert changed.status_code == 302, changed.text
    assert visit(app).get(link).headers["Location"] == "/password/forgotten"


def _recovery_link(administrator: Visitor) -> str:
    """Make a colleague's link on the page, as an administrator does without a mail server."""
    action = re.findall(r"/accounts/\w+/recovery-link", administrator.get("/accounts").text)[0]
    page = administrator.post(action, page="/accounts").text
    assert "No mail server is set up. Give this link" in page
    return str(re.findall(r"http://localhost(/password/forgotten/[\w.\-]+)", page)[0])


def test_without_a_mail_server_nothing_says_that_a_mail_was_sent(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    clinic = enrol(app, "Ada", role=Role.ADMINISTRATOR).clinic_id
    enrol(app, "Bob")
    stranger, ada, bob = visit(app), visit(app), visit(app)
    pages = [
        stranger.get("/password/forgotten").text,
        stranger.post("/password/forgotten", page="/sign-in", email="ada@example.org").text,
        stranger.post("/register", clinic=clinic, **REGISTERED).text,
        stranger.post("/register", clinic=clinic, **{**REGISTERED, "email": "new@example.org"}).text,
        stranger.get("/sign-in").text,
    ]
    ada.sign_in("ada@example.org")
    bob.sign_in("bob@example.org")
    link = _recovery_link(ada)
    invited = ada.post("/accounts", email="rita@example.org", role="radiologist").text
    pages += [
        invited,
        bob.post("/password", password=PASSWORD, new_password=NEW, new_password_confirm=NEW, follow=True).text,
        visit(app).get(link, follow_redirects=True).text,
        ada.get("/profile").text,
    ]
    for page in pages:
        assert not SENT.search(page), page
    assert "administrator for a link" in pages[0]
    assert "No mail server is set up. Give this link to rita@example.org" in invited
    assert not links_in(caplog.text) and not links_in(caplog.text, "/invitation")


def test_with_a_mail_server_and_no_public_address_links_are_handed_over(
    opened: Callable[..., Lungwise],
    settings: Settings,
    clock: Clock,
    box: Inbox,
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
) -> None:
    by_mail = box.set_up(settings, public_url="")
    app = opened(by_mail)
    enrol(app, "Ada", role=Role.ADMINISTRATOR)
    enrol(app, "Bob")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    action = re.findall(r"/accounts/\w+/recovery-link", ada.get("/accounts").text)[0]
    made = ada.post(action, page="/accounts").text
    invited = ada.post("/accounts", email="rita@example.org", role="radiologist").text
    for page in (made, invited, visit(app).get("/password/forgotten").text):
        assert not SENT.search(page)
    assert links_in(made) and links_in(invited, "/invitation")
    send_all(app, by_mail, clock)
    assert box.mails == []


def test_an_administrator_sends_links_by_mail(
    opened: Callable[..., Lungwise],
    settings: Settings,
    clock: Clock,
    box: Inbox,
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
) -> None:
    by_mail = box.set_up(settings, public_url="http://localhost")
    app = opened(by_mail)
    enrol(app, "Ada", role=Role.ADMINISTRATOR)
    enrol(app, "Bob")
    ada, rita = visit(app), visit(app)
    ada.sign_in("ada@example.org")
    action = re.findall(r"/accounts/\w+/recovery-link", ada.get("/accounts").text)[0]
    page = ada.post(action, page="/accounts", follow=True).text
    assert "on its way to bob@example.org" in page
    assert not links_in(page), "what goes to a colleague by mail is not the administrator's to read"
    invited = ada.post("/accounts", follow=True, email="rita@example.org", role="radiologist").text
    assert "on its way to rita@example.org" in invited
    assert not links_in(invited, "/invitation"), "it says to who opens it whether the address has an account"
    send_all(app, by_mail, clock)
    assert [mail["To"] for mail in box.mails] == ["bob@example.org", "rita@example.org"]
    assert rita.get(links_in(text_of(box))[0]).status_code == 200
    link = links_in(text_of(box), "/invitation")[0]
    rita.post(link, name="Rita", password=PASSWORD, again=PASSWORD)
    assert rita.sign_in("rita@example.org").status_code == 302
    assert "Radiologist" in rita.get("/profile").text
    assert rita.get(link).status_code == 422


def test_an_invitation_is_listed_and_taken_back(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada", role=Role.ADMINISTRATOR)
    ada = visit(app)
    ada.sign_in("ada@example.org")
    page = ada.post("/accounts", email="rita@example.org", role="radiologist").text
    (link,) = links_in(page, "/invitation")
    assert visit(app).get(link).status_code == 200
    action = re.findall(r"/accounts/invitations/\w+/take-back", page)[0]
    assert "rita@example.org" not in ada.post(action, page="/accounts", follow=True).text
    assert visit(app).get(link).status_code == 422
    assert visit(app).post(link, page="/sign-in", name="Rita", password=PASSWORD, again=PASSWORD).status_code == 422
    assert "withdrew an invitation" in ada.get("/audit").text


def test_an_invitation_for_an_account_of_another_clinic_says_so(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada", role=Role.ADMINISTRATOR)
    enrol(app, "Rita", clinic="Valley")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    (link,) = links_in(ada.post("/accounts", email="Rita@example.org", role="radiologist").text, "/invitation")
    answer = visit(app).get(link)
    assert answer.status_code == 422
    assert "already has an account, perhaps in another clinic" in answer.text


def test_an_account_is_deleted_on_the_page_and_can_do_nothing_more(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada", role=Role.ADMINISTRATOR)
    enrol(app, "Bob")
    ada, bob = visit(app), visit(app)
    ada.sign_in("ada@example.org")
    bob.sign_in("bob@example.org")
    action = re.findall(r"/accounts/\w+/delete", ada.get("/accounts").text)[0]
    assert "Nothing was deleted" in ada.post(action, page="/accounts", follow=True).text
    assert bob.get("/studies").status_code == 200
    assert "bob@example.org" not in ada.post(action, page="/accounts", follow=True, sure="y").text
    assert bob.get("/studies").status_code == 302
    assert bob.sign_in("bob@example.org").status_code == 200


def test_registering_is_told_to_the_addresss_owner_whether_or_not_it_is_new(
    opened: Callable[..., Lungwise],
    settings: Settings,
    clock: Clock,
    box: Inbox,
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
) -> None:
    by_mail = box.set_up(settings, public_url="http://localhost", registration=Registration.OPEN)
    app = opened(by_mail)
    clinic = enrol(app, "Ada").clinic_id
    pages = [
        re.sub(r'value="[^"]*"', "", visit(app).post("/register", clinic=clinic, **{**REGISTERED, "email": email}).text)
        for email in ("ada@example.org", "new@example.org")
    ]
    assert pages[0] == pages[1]
    send_all(app, by_mail, clock)
    assert [mail["To"] for mail in box.mails] == ["ada@example.org", "new@example.org"]


def test_a_slow_mail_server_holds_nobody_up(
    settings: Settings, migrate: Callable[[Settings], None], box: Inbox
) -> None:
    box.speaks.clear()
    migrate(settings)
    with serving_site(box.set_up(settings, public_url="")) as site:
        site.enrol("Ada")
        browser = Sender(int(site.address.rsplit(":", 1)[1]))
        browser.sign_in()
        fields = {"password": PASSWORD, "new_password": NEW, "new_password_confirm": NEW}
        body = urlencode({"csrf_token": browser.token("/password"), **fields}).encode()
        assert browser.ask("POST", "/password", body, "application/x-www-form-urlencoded")[0] == 302
        until(lambda: box.taken == 1)
        assert browser.ask("GET", "/healthz")[0] == 200
        assert not box.sent, "the mail is still on its way"
        box.speaks.set()
        until(lambda: len(box.sent) == 1)
        browser.connection.close()
