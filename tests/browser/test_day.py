"""The day's work in a real Chromium: what was typed or chosen is never lost, and lists answer while one types."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, FilePayload, Page, Route, ViewportSize, expect

from accessibility import faults_of
from conftest import blank_bytes
from lungwise.access import Role
from lungwise.audit.service import AuditTrail
from lungwise.patients.service import PatientFacts, Patients
from lungwise.store import utc_now
from photographs import SCENES, photograph

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from live_server import Site

PASSWORD = "three green kites fly"
READ = ".verdict:not(.waiting)"
SCREENS = (ViewportSize(width=1366, height=768), ViewportSize(width=390, height=844))


KEEPS_NO_FILM = """() => new Promise((resolve) => {
    indexedDB.open("lungwise").onsuccess = ({ target: { result } }) => {
        const count = result.transaction("films").objectStore("films").count();
        count.onsuccess = () => { result.close(); resolve(count.result === 0); };
    };
})"""


def file(name: str, data: bytes) -> FilePayload:
    return {"name": name, "mimeType": "image/jpeg", "buffer": data}


def sign_in(page: Page, base: str, email: str = "ada@example.org") -> None:
    page.set_default_timeout(120_000)
    page.goto(f"{base}/sign-in")
    sign_in_here(page, email)
    page.wait_for_url(re.compile(r"/studies"))


def sign_in_here(page: Page, email: str = "ada@example.org") -> None:
    page.fill("[name=email]", email)
    page.fill("[name=password]", PASSWORD)
    page.click("main button")


def upload(page: Page, base: str, *films: bytes, **fields: str) -> str:
    page.goto(f"{base}/studies/new")
    page.set_input_files("#films", [file(f"{number}.jpg", data) for number, data in enumerate(films)])
    for name, value in fields.items():
        page.fill(f"[name={name}]", value)
    page.click("#upload [type=submit]")
    page.wait_for_url(re.compile(r"/studies/[0-9a-f]{20}$"))
    page.wait_for_selector(READ)
    return page.url


def end_session(context: BrowserContext) -> None:
    """Let the session end, as when nobody has touched the page for long."""
    for page in context.pages:
        page.wait_for_load_state("networkidle")
    context.clear_cookies()


def test_what_was_typed_is_there_again_after_signing_in(served: Site, page: Page, film: Callable[..., bytes]) -> None:
    served.enrol("Ada")
    sign_in(page, served.address)
    study = upload(page, served.address, film(1))
    page.fill("[name=note]", "an old scar in the left upper lobe")
    page.check("text=I disagree")
    page.select_option("[name=conclusion]", "tuberculosis")
    end_session(page.context)
    page.click("text=Save opinion")
    expect(page).to_have_url(re.compile("/sign-in"))
    sign_in_here(page)
    page.wait_for_url(study)
    expect(page.locator("[name=note]")).to_have_value("an old scar in the left upper lobe")
    expect(page.locator("[name=conclusion]")).to_have_value("tuberculosis")
    expect(page.locator("#typed-again")).to_be_visible()
    page.click("text=Save opinion")
    expect(page.locator(".said")).to_contain_text("an old scar in the left upper lobe")
    expect(page.locator("#typed-again")).to_be_hidden()
    page.reload()
    expect(page.locator("[name=note]")).to_have_value("")

    def lose(route: Route) -> None:
        """Let a form arrive, and lose the answer with its cookies."""
        before = page.context.cookies()
        route.fetch(max_redirects=0)
        page.context.clear_cookies()
        page.context.add_cookies(
            [{"url": served.address, "name": one["name"], "value": one["value"]} for one in before]
        )
        route.abort("internetdisconnected")

    page.fill("[name=note]", "no change")
    page.route("**/opinions", lose)
    with page.expect_event("requestfailed"):
        page.click("text=Save opinion")
    page.unroute("**/opinions")
    page.goto(study)
    expect(page.locator("#typed-unsure")).to_be_visible(timeout=5000)
    expect(page.locator("[name=note]")).to_have_value("no change")
    expect(page.locator(".said")).to_have_count(2)
    page.click("text=Save opinion")
    expect(page.locator(".notice").filter(visible=True)).to_have_text("Your opinion is saved.")
    expect(page.locator(".said")).to_have_count(2)


def test_a_page_that_leads_elsewhere_after_signing_in_is_tried_once(served: Site, page: Page) -> None:
    ada = served.enrol("Ada", role=Role.ADMINISTRATOR)
    with served.database.writing() as session:
        patients = Patients(session, utc_now, AuditTrail(session, utc_now))
        clara, bob = (
            patients.match_or_add(ada, PatientFacts(identifier="P-1", name=name)).patient.key
            for name in ("Clara Wieck", "Robert Schumann")
        )
    sign_in(page, served.address)
    page.goto(f"{served.address}/patients/{clara}/change")
    page.fill("[name=name]", "Clara Josephine Wieck")
    with served.database.writing() as session:
        patients = Patients(session, utc_now, AuditTrail(session, utc_now))
        patients.change(ada, clara, replace(patients.get(ada, clara).facts, birth_date=date(2019, 9, 13)))
    end_session(page.context)
    page.click("main form [type=submit]")
    expect(page).to_have_url(re.compile("/sign-in"))
    sign_in_here(page)
    expect(page.locator("#typed-again")).to_be_visible()
    page.click("main form [type=submit]")  # what somebody else changed since the page was opened is not wiped
    expect(page.locator("main .alert")).to_contain_text("Someone else changed this first: Birth date: 13")
    expect(page.locator("[name=name]")).to_have_value("Clara Josephine Wieck")
    page.click("main form [type=submit]")
    expect(page.locator("main")).to_contain_text("13 Sep")

    page.goto(f"{served.address}/patients/{bob}/whose")
    end_session(page.context)
    page.click("text=Yes: the same person")
    expect(page).to_have_url(re.compile("/sign-in"))
    with served.database.writing() as session:
        patients = Patients(session, utc_now, AuditTrail(session, utc_now))
        patients.decisions.separate(ada, patients.get(ada, bob))
    loads: list[str] = []
    page.on("framenavigated", lambda frame: loads.append(frame.url))
    sign_in_here(page)
    expect(page.locator("#typed-before")).to_have_text("You had been signed out, so what you sent was not saved.")
    expect(page).to_have_url(f"{served.address}/patients/{bob}")
    page.wait_for_timeout(500)
    assert len(loads) <= 3
    page.reload()
    expect(page.locator("#typed-before")).to_be_hidden()


def test_what_one_typed_is_shown_to_nobody_else(served: Site, page: Page, film: Callable[..., bytes]) -> None:
    served.enrol("Ada")
    served.enrol("Bob")
    sign_in(page, served.address)
    study = upload(page, served.address, film(1))
    page.fill("[name=note]", "only for Ada")
    end_session(page.context)
    page.click("text=Save opinion")
    sign_in(page, served.address, "bob@example.org")
    page.goto(study)
    expect(page.locator("[name=note]")).to_have_value("")
    assert page.evaluate("sessionStorage.getItem('typed')") is None


def test_chosen_films_are_listed_and_one_is_removed(served: Site, page: Page, film: Callable[..., bytes]) -> None:
    served.enrol("Ada")
    sign_in(page, served.address)
    page.goto(f"{served.address}/studies/new")
    page.set_input_files("#films", [file("one.jpg", film(1)), file("two.jpg", film(2))])
    lines = page.locator("#chosen-list li")
    size = max(len(film(3)), len(film(4)))
    for seed in (3, 4):  # of two folders of a disc: other films, by the same name and as large
        page.set_input_files("#films", [file("IMG00001", film(seed).ljust(size, b"\0"))])
    expect(lines).to_have_count(4)
    assert lines.first.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    page.click("[aria-label='Remove two.jpg']")
    expect(lines).to_have_count(3)
    page.click("#upload [type=submit]")
    page.wait_for_selector(READ)
    expect(page.locator("li.film")).to_have_count(3)


def test_a_known_patient_is_suggested_while_typing_and_none_by_going_back(
    served: Site, page: Page, film: Callable[..., bytes]
) -> None:
    served.enrol("Ada")
    sign_in(page, served.address)
    page.goto(f"{served.address}/studies/new")
    page.set_input_files("#films", [file("one.jpg", film(1))])
    page.click("text=Symptoms and SpO2 (optional)")
    page.check("[name=symptoms] >> nth=0")
    page.select_option("[name=sex]", "F")
    fields = {
        "name": "Béla Bartók",
        "identifier": "H-7",
        "birth_date": "2019-09-13",
        "other_symptoms": "a",
        "spo2": "85",
    }
    for name, value in fields.items():
        page.fill(f"[name={name}]", value)
    page.click("#upload [type=submit]")
    page.wait_for_selector(READ)
    page.go_back()
    for name in (*fields, "sex"):
        expect(page.locator(f"[name={name}]")).to_have_value("")
    expect(page.locator("[name=symptoms]:checked")).to_have_count(0)
    page.locator("[name=name]").press_sequentially("bart")
    page.click("#suggested button")
    expect(page.locator("[name=identifier]")).to_have_value("H-7")
    expect(page.locator("[name=name]")).to_have_value("Béla Bartók")


def break_an_upload(page: Page, address: str, content: bytes) -> None:
    """Begin to upload a film, and lose the connection."""
    page.goto(f"{address}/studies/new")
    page.set_input_files("#films", [file("one.jpg", content)])
    page.route("**/studies/new", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    page.click("#upload [type=submit]")
    expect(page.locator("#trouble")).to_contain_text("The connection was lost")


def test_a_patient_who_is_corrected_after_the_connection_broke_gets_the_films(
    served: Site, chromium: Browser, film: Callable[..., bytes]
) -> None:
    served.enrol("Ada")
    context = chromium.new_context()
    page = context.new_page()
    sign_in(page, served.address)
    page.goto(f"{served.address}/studies/new")
    films = [file("one.jpg", film(1)), file("two.jpg", film(2))]
    page.set_input_files("#films", films)
    page.click("summary")

    def send(**fields: str) -> None:
        for name, value in fields.items():
            page.fill(f"[name={name}]", value)
        page.click("#upload [type=submit]")
        expect(page.locator("#sending")).to_be_visible()
        expect(page.locator("#upload [type=submit]")).to_be_enabled()

    def lose(route: Route) -> None:
        route.abort() if route.request.method == "POST" else route.continue_()

    page.route("**/studies/new", lose)
    send(name="Wrong Person", identifier="W-1", spo2="85")
    send(name="Another Person", identifier="W-2")
    assert page.evaluate("keptUploads.of(person).then(([one]) => one.patient)") == "Another Person, W-2"
    hidden = {name: page.input_value(f"#upload [name={name}]") for name in ("csrf_token", "once")}
    typed = {"name": "Another Person", "identifier": "W-2", "spo2": "85"}
    page.request.post(page.url, multipart={**hidden, **typed, "films": films[0]})  # arrives, and its answer is lost
    page.unroute("**/studies/new")
    page.route("**/films", lose)
    send(name="Right Person", identifier="R-1", spo2="91")
    expect(page.locator("#trouble")).to_contain_text("The connection was lost")
    expect(page.locator("[name=identifier]")).to_be_disabled()  # a study is open: the rest goes there
    expect(page.locator("[name=spo2]")).to_be_disabled()
    page.unroute("**/films")
    page.click("#upload [type=submit]")
    expect(page.locator("#trouble")).to_contain_text("also in a study of Another Person (W-2)")
    expect(page.locator("[name=identifier]")).to_be_enabled()
    page.click("text=Go to the study")
    page.wait_for_selector(READ)
    expect(page.locator("section.patient")).to_contain_text("R-1")
    expect(page.locator("main")).to_contain_text("91 %")
    expect(page.locator("li.film")).to_have_count(2)
    page.goto(f"{served.address}/studies")
    expect(page.locator("table.list tbody tr")).to_have_count(2)
    expect(page.locator("table.list")).not_to_contain_text("Wrong Person")
    context.close()


def test_an_upload_survives_that_the_browser_is_closed(
    served: Site, chromium: Browser, film: Callable[..., bytes]
) -> None:
    served.enrol("Ada")
    served.enrol("Bob")
    context = chromium.new_context()
    page = context.new_page()
    sign_in(page, served.address)
    page.goto(f"{served.address}/studies/new")
    page.set_input_files("#films", [file("one.jpg", film(1)), file("two.jpg", film(2))])
    page.fill("[name=name]", "Clara Wieck")
    sent: list[str] = []

    def only_one(route: Route) -> None:
        """Let the first film through, and break the connection afterwards."""
        if route.request.method == "POST":
            sent.append(route.request.url)
        route.continue_() if len(sent) < 2 else route.abort()

    page.route(
        re.compile(r"/studies/(new|[0-9a-f]{20}/films)$"),
        lambda route: only_one(route) if route.request.method == "POST" else route.continue_(),
    )
    page.click("#upload [type=submit]")
    expect(page.locator("#trouble")).to_contain_text("The connection was lost")
    page.close()
    end_session(context)

    page = context.new_page()
    sign_in(page, served.address, "bob@example.org")
    expect(page.locator("#kept-uploads")).to_be_hidden()
    page.goto("about:blank")  # an answer that is still on its way would bring the cookie back
    end_session(context)
    sign_in(page, served.address)
    expect(page.locator("#kept-uploads")).to_be_visible()
    page.click("text=Send the rest, or delete it")
    expect(page.locator("#resume-text")).to_contain_text("two.jpg")
    page.click("#resume-send")
    page.wait_for_selector(READ)
    expect(page.locator("main")).to_contain_text("Clara Wieck")
    expect(page.locator("li.film")).to_have_count(2)
    page.goto(f"{served.address}/studies")
    expect(page.locator("#kept-uploads")).to_be_hidden()
    context.close()


def test_nothing_is_sent_on_while_a_dropped_folder_is_being_listed(
    served: Site, chromium: Browser, film: Callable[..., bytes]
) -> None:
    served.enrol("Ada")
    context = chromium.new_context()
    page = context.new_page()
    sign_in(page, served.address)
    page.goto(f"{served.address}/studies/new")
    page.set_input_files("#films", [file("one.jpg", film(1))])
    page.fill("[name=name]", "Clara Wieck")
    context.route("**/studies/new", lambda route: route.abort())
    page.click("#upload [type=submit]")
    expect(page.locator("#trouble")).to_contain_text("The connection was lost")
    context.unroute("**/studies/new")

    page.reload()
    expect(page.locator("#resume-send")).to_be_enabled()
    page.evaluate(
        """() => {
            window.entriesOf = () => [{isFile: true, file: (listed) => { window.listed = listed; }}];
            document.getElementById("drop").dispatchEvent(new DragEvent("drop", {cancelable: true}));
        }"""
    )
    expect(page.locator("#resume-send")).to_be_disabled()
    page.evaluate("() => window.listed(new File(['film'], 'late.jpg'))")
    expect(page.locator("#chosen-list")).to_contain_text("late.jpg")
    page.click("#resume-send")
    expect(page.locator("#saved")).to_be_visible()
    expect(page.locator("#chosen-list li")).to_have_count(1)  # not sent with the others
    context.close()


def test_films_for_a_study_are_sent_on_after_the_browser_was_closed(
    served: Site, chromium: Browser, film: Callable[..., bytes]
) -> None:
    served.enrol("Ada")
    context = chromium.new_context()
    page = context.new_page()
    sign_in(page, served.address)
    study = upload(page, served.address, film(1), name="Clara Wieck")
    page.set_input_files("#films", [file("two.jpg", film(2)), file("three.jpg", film(3))])
    context.route("**/films", lambda route: route.abort())
    page.click("text=Add films")
    expect(page.locator("#trouble")).to_contain_text("The connection was lost")
    page.close()

    page = context.new_page()
    page.set_default_timeout(120_000)
    page.goto(f"{served.address}/studies/new")
    expect(page.locator("#resume")).to_contain_text("Patient: Clara Wieck")
    page.click("#resume-send")
    expect(page.locator("#trouble")).to_contain_text("The connection was lost")
    expect(page.locator("[name=identifier]")).to_be_disabled()  # it was said whose they are
    page.set_input_files("#films", [file("other.jpg", film(4))])  # of the next patient
    expect(page.locator("#resume")).to_contain_text("Not sent yet: 2 (two.jpg, three.jpg)")
    expect(page.locator("[name=identifier]")).to_be_enabled()
    context.unroute("**/films")
    page.click("#resume-send")
    expect(page.locator("#saved")).to_be_visible()
    expect(page.locator("#chosen-list li")).to_have_count(1)
    page.click("text=Go to the study")
    page.wait_for_url(study)
    page.wait_for_selector(READ)
    expect(page.locator("li.film")).to_have_count(3)
    context.close()


def test_what_is_older_than_seven_days_goes_also_while_nobody_is_signed_in(
    served: Site, chromium: Browser, film: Callable[..., bytes]
) -> None:
    served.enrol("Ada")
    context = chromium.new_context()
    page = context.new_page()
    sign_in(page, served.address)
    break_an_upload(page, served.address, film(1))
    page.evaluate(
        "keptUploads.of(person).then(([one]) => keptUploads.correct({ ...one, at: Date.now() - 8 * 24 * 3600e3 }))"
    )
    end_session(context)
    page.goto(f"{served.address}/sign-in")
    page.wait_for_function(KEEPS_NO_FILM)
    context.close()


def test_signing_out_asks_about_films_that_are_not_sent(
    served: Site, chromium: Browser, film: Callable[..., bytes]
) -> None:
    served.enrol("Ada")
    context = chromium.new_context()
    page, earlier = context.new_page(), context.new_page()
    sign_in(page, served.address)
    earlier.goto(f"{served.address}/studies")  # loaded before anything was kept
    break_an_upload(page, served.address, film(1))
    for one in (page, earlier):
        one.click("text=Sign out")
        expect(one.locator("#ask-kept")).to_be_visible()
        one.click("text=Stay signed in")
        expect(one.locator("#ask-kept")).to_be_hidden()
    page.unroute("**/studies/new")
    page.click("#upload [type=submit]")
    page.wait_for_selector(READ)
    upload(page, served.address, film(2))  # while another tab has the browser's database open
    break_an_upload(page, served.address, film(3))
    earlier.click("text=Sign out")
    earlier.click("text=Delete them and sign out")
    expect(earlier).to_have_url(re.compile("/sign-in"))
    sign_in(page, served.address)
    page.goto(f"{served.address}/studies")
    expect(page.locator("#kept-uploads")).to_be_hidden()
    page.evaluate("sessionStorage.typed = JSON.stringify({ person: document.body.dataset.person, state: 'waiting' })")
    page.click("text=Sign out")
    expect(page).to_have_url(re.compile("/sign-in"))
    assert page.evaluate(KEEPS_NO_FILM) and page.evaluate("sessionStorage.length") == 0
    context.close()


def test_a_phones_photograph_is_made_smaller_before_it_is_sent(
    served: Site, page: Page, film: Callable[..., bytes]
) -> None:
    served.enrol("Ada")
    sign_in(page, served.address)
    page.goto(f"{served.address}/studies/new")
    large = io.BytesIO()
    Image.open(io.BytesIO(film(1))).convert("RGB").resize((4000, 3000)).save(large, "JPEG", quality=95)
    page.set_input_files("#camera", [file("photograph.jpg", large.getvalue())])
    page.click("#upload [type=submit]")
    page.wait_for_url(re.compile("/corners$"))
    kept = page.request.get(page.url.replace("/corners", "/original")).body()
    assert len(kept) < len(large.getvalue())
    assert Image.open(io.BytesIO(kept)).size == (2000, 1500)


def test_the_list_answers_while_one_types_and_back_comes_back_to_it(
    served: Site, page: Page, film: Callable[..., bytes]
) -> None:
    served.enrol("Ada", role=Role.ADMINISTRATOR)
    sign_in(page, served.address)
    upload(page, served.address, film(1, 8), name="Béla Bartók", identifier="B-1")
    upload(page, served.address, film(2), name="Clara Wieck", identifier="C-2")
    page.goto(f"{served.address}/studies")
    rows = page.locator("table.list tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("Clara Wieck")
    page.click("text=Filter and sort")
    page.select_option("[name=order]", "urgent")
    page.click("text=Show")
    expect(rows.first).to_contain_text("Béla Bartók")
    page.goto(f"{served.address}/studies")
    page.locator("[name=text]").press_sequentially("bart")
    expect(rows).to_have_count(1)
    assert "bart" not in page.url.lower()
    rows.first.click(position={"x": 5, "y": 5})  # the whole row opens
    page.wait_for_url(re.compile(r"/studies/[0-9a-f]{20}$"))
    page.go_back()
    expect(rows).to_have_count(1)
    expect(page.locator("[name=text]")).to_have_value("bart")
    picture = rows.first.locator("img")
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    rows.first.locator("td").last.evaluate("cell => { cell.textContent = 'Xpert: positive, '.repeat(9); }")
    patient = rows.first.locator("td").nth(1).bounding_box()
    assert patient is not None
    assert patient["width"] >= 15 * 16  # many results of tests leave it its room


@pytest.mark.parametrize("size", [(390, 844), (1366, 768)])
def test_the_readings_come_without_touching_what_is_typed(
    served: Site, chromium: Browser, size: tuple[int, int]
) -> None:
    served.enrol("Ada")
    context = chromium.new_context(viewport={"width": size[0], "height": size[1]})
    page = context.new_page()
    sign_in(page, served.address)
    page.goto(f"{served.address}/studies/new")
    page.set_input_files("#camera", [file("photograph.jpg", photograph(SCENES["an edge outside"])[0])])
    page.click("#upload [type=submit]")
    page.wait_for_url(re.compile("/corners$"))  # a photograph waits for its corners before it is read
    asked = page.url
    page.goto(f"{served.address}/studies")
    page.click("table.list a")
    page.wait_for_selector(".verdict.waiting")
    expect(page.locator("label", has_text="I agree")).to_be_hidden()  # there is nothing yet to agree with
    page.evaluate("window.isSamePage = true")
    page.fill("[name=note]", "typed meanwhile")
    other = context.new_page()
    other.goto(asked)
    other.click("text=Read the film as marked")
    page.wait_for_selector(READ)
    assert page.evaluate("window.isSamePage")
    expect(page.locator("[name=note]")).to_have_value("typed meanwhile")
    expect(page.locator("label", has_text="I agree")).to_be_visible()
    expect(page.locator("meta[http-equiv=refresh]")).to_have_count(0)
    context.close()


def faults_in_state(page: Page, what: str) -> Iterator[str]:
    """What is wrong with a state of a page, on a desktop and a phone."""
    for screen in SCREENS:
        page.set_viewport_size(screen)
        yield from (f"{what}, {screen['width']}, {fault}" for fault in faults_of(page))
    page.set_viewport_size(SCREENS[0])


def test_axe_finds_nothing_in_any_state_of_the_day(served: Site, chromium: Browser, film: Callable[..., bytes]) -> None:
    served.enrol("Ada", role=Role.ADMINISTRATOR)
    context = chromium.new_context(bypass_csp=True, locale="en-GB")
    page = context.new_page()
    sign_in(page, served.address)
    wrong: list[str] = []

    def look(what: str) -> None:
        wrong.extend(faults_in_state(page, what))

    look("a worklist without studies")
    study = upload(page, served.address, film(1, 8), name="Béla Bartók", identifier="H-7")
    page.goto(f"{served.address}/studies/new")
    page.set_input_files("#films", [file("blank.jpg", blank_bytes())])
    page.click("#upload [type=submit]")
    page.wait_for_selector("text=Send another film")
    expect(page.locator("label", has_text="I agree")).to_have_count(0)
    look("a refused film")
    page.goto(f"{served.address}/studies/new")
    page.set_input_files("#camera", [file("photograph.jpg", photograph(SCENES["an edge outside"])[0])])
    page.click("#upload [type=submit]")
    page.wait_for_url(re.compile("/corners$"))
    page.goto(f"{served.address}/studies")
    page.click("text=Filter and sort")
    look("a worklist")
    page.click("table.list a >> nth=0")
    page.wait_for_selector(".verdict.waiting")
    look("a study whose film waits")
    page.goto(f"{served.address}/studies")
    page.locator("[name=text]").press_sequentially("nobody")
    expect(page.locator("#list")).to_contain_text("No study matches")
    look("a list that nothing matches")

    page.goto(f"{served.address}/studies/new")
    page.set_input_files("#films", [file("one.jpg", film(2)), file("a long name of a film" * 4 + ".jpg", film(3))])
    page.locator("[name=name]").press_sequentially("bart")
    expect(page.locator("#suggested button")).to_be_visible()
    look("a new study with films and suggestions")
    page.route("**/studies/new", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    page.click("#upload [type=submit]")
    expect(page.locator("#trouble")).to_be_visible()
    look("a broken upload")
    page.goto(study)
    expect(page.locator("#kept-uploads")).to_be_visible()
    page.set_input_files("#upload #films", [file("three.jpg", film(4))])
    expect(page.locator("#chosen-list li")).to_have_count(1)
    look("a study to which a film is added")
    page.click("text=Sign out")
    expect(page.locator("#ask-kept")).to_be_visible()
    look("signing out")
    page.click("text=Stay signed in")
    page.goto(f"{served.address}/studies/new")
    expect(page.locator("#resume")).to_be_visible()
    look("an upload to go on with")

    page.goto(study)
    page.fill("[name=note]", "an old scar")
    end_session(page.context)
    page.click("text=Save opinion")
    look("signing in again")
    sign_in_here(page)
    expect(page.locator("#typed-again")).to_be_visible()
    look("what was typed")
    context.close()
    assert not wrong, "\n".join(wrong)
