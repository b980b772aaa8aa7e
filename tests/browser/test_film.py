"""The film on a study's page and in the viewer, in a real Chromium."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, FilePayload, Page, Response, ViewportSize, expect
from sqlalchemy import Update, update

from accessibility import faults_of
from dicom_files import dicom_file
from lungwise.access import Role
from lungwise.studies.models import ReadingRecord, Study
from synthetic_films import chest_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from live_server import Site

PASSWORD = "three green kites fly"
READ = ".verdict:not(.waiting)"
DESKTOP, PHONE = ViewportSize(width=1366, height=768), ViewportSize(width=390, height=844)


def dicom(**attributes: Any) -> bytes:
    """A DICOM film of 12 bits, the right side of the patient at its left edge."""
    about: dict[str, Any] = {
        "PatientID": "H-7",
        "PatientName": "Okafor^Amara",
        "StudyDate": "20240506",
        "BitsStored": 12,
        "WindowCenter": "1200",
        "WindowWidth": "600",
        "PatientOrientation": ["L", "F"],
    }
    return dicom_file(chest_words(800, 640, bits=12), **about | attributes)


def sign_in(page: Page, site: Site) -> None:
    site.enrol("Ada", role=Role.RADIOLOGIST)
    page.goto(f"{site.address}/sign-in")
    page.fill("[name=email]", "ada@example.org")
    page.fill("[name=password]", PASSWORD)
    page.click("main button")
    expect(page.locator("h1")).to_have_text("Worklist")


def choose(page: Page, site: Site, *films: bytes) -> None:
    """Upload films as one study."""
    page.goto(f"{site.address}/studies/new")
    files: list[FilePayload] = [
        {"name": f"{n}.dcm", "mimeType": "application/octet-stream", "buffer": data} for n, data in enumerate(films)
    ]
    page.set_input_files("#films", files)
    page.click("[type=submit]")
    page.wait_for_url(re.compile(r"/studies/[0-9a-f]{20}$"))


def upload(page: Page, site: Site, *films: bytes) -> str:
    """Upload films as one study, and give its address once they are read."""
    choose(page, site, *films)
    page.wait_for_selector(READ)
    return page.url


def enlarge(page: Page) -> None:
    page.click("text=Enlarge >> nth=0")
    expect(page.locator(".layers").first).to_have_attribute("style", re.compile("scale"))


def deepened(page: Page) -> None:
    expect(page.locator(".depth").first).to_have_text("12 bits")


def change(site: Site, values: Update) -> None:
    """Change the database behind the pages."""
    with site.database.writing() as session:
        session.execute(values)


def box(page: Page, selector: str) -> dict[str, float]:
    found = page.locator(selector).first.bounding_box()
    assert found
    return {"x": found["x"], "y": found["y"], "width": found["width"], "height": found["height"]}


def greys(page: Page) -> set[int]:
    """The greys that are on the canvas."""
    return set(
        page.evaluate(
            "() => { const c = document.querySelector('canvas');"
            " const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
            " return [...new Set(d.filter((_, n) => n % 4 === 0))]; }"
        )
    )


def on_film(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a place of the film, in fractions of it, is on the screen."""
    place = page.evaluate(
        "([x, y]) => { const at = panes[0].onStage({ x, y }), r = panes[0].stage.getBoundingClientRect();"
        " return [at.x + r.left, at.y + r.top]; }",
        [x, y],
    )
    return place[0], place[1]


def draw(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw a line on the film with the mouse, from one fraction of it to another."""
    page.mouse.move(*on_film(page, *start))
    page.mouse.down()
    page.mouse.move(*on_film(page, *end), steps=4)
    page.mouse.up()


@pytest.fixture
def desktop(chromium: Browser, served: Site) -> Any:
    """A desktop's page, signed in, whose scripts may not fail."""
    context = chromium.new_context(viewport=DESKTOP, locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(120_000)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
    sign_in(page, served)
    yield page
    context.close()
    assert not wrong


def phone(chromium: Browser, **more: Any) -> BrowserContext:
    return chromium.new_context(viewport=PHONE, has_touch=True, is_mobile=True, locale="en-GB", **more)


def test_the_film_takes_half_the_page_beside_the_answer_and_switches_plain_and_heat_map(
    served: Site, desktop: Page, film: Callable[..., bytes]
) -> None:
    page = desktop
    upload(page, served, film(1, 8))
    look, answer = box(page, ".look"), box(page, ".study .head")
    assert look["width"] >= box(page, ".study")["width"] / 2
    assert answer["x"] >= look["x"] + look["width"] and abs(answer["y"] - look["y"]) < 60
    picture = box(page, ".look img.plain")
    assert picture["width"] >= box(page, ".study")["width"] * 0.4
    assert look["height"] <= DESKTOP["height"] - box(page, "section.patient")["height"]  # in sight whole
    assert box(page, ".look img.heat") == picture  # and no cut: the side mark of the film is in sight
    size = page.evaluate("(({naturalWidth: w, naturalHeight: h}) => w / h)(document.querySelector('.look img.plain'))")
    assert picture["width"] / picture["height"] == pytest.approx(size, rel=0.02)
    expect(page.locator(".look .heat-legend")).to_be_visible()
    page.get_by_label("Opacity").fill("20")
    assert page.evaluate("getComputedStyle(document.querySelector('.look img.heat')).opacity") == "0.2"
    page.get_by_label("Plain").check()
    expect(page.locator(".look img.heat")).to_be_hidden()
    page.get_by_label("Heat map", exact=True).check()
    expect(page.locator(".look img.heat")).to_be_visible()


def test_the_switch_works_without_script(served: Site, chromium: Browser, film: Callable[..., bytes]) -> None:
    context = chromium.new_context(java_script_enabled=False, viewport=PHONE)
    page = context.new_page()
    sign_in(page, served)
    choose(page, served, film(1, 8))
    while not page.locator(READ).count():  # without script one loads it again oneself
        page.reload()
    page.get_by_label("Plain").check()
    expect(page.locator(".look img.heat")).to_be_hidden()
    context.close()


def test_the_sides_of_the_patient_are_named_on_the_page_and_follow_turns_and_mirroring(
    served: Site, desktop: Page
) -> None:
    page = desktop
    upload(page, served, dicom())
    expect(page.locator(".look .side.left")).to_have_text("R")
    enlarge(page)
    expect(page.locator(".stage .side.left")).to_have_text("R")
    page.keyboard.press("r")
    expect(page.locator(".stage .side.top")).to_have_text("R")
    page.keyboard.press("m")
    expect(page.locator(".stage .side.top")).to_have_text("R")  # left and right of the screen are mirrored
    page.keyboard.press("r")
    expect(page.locator(".stage .side.right")).to_have_text("R")
    expect(page.locator(".mirrored")).to_be_visible()
    page.keyboard.press("m")
    expect(page.locator(".stage .side.left")).to_have_text("R")
    expect(page.locator(".mirrored")).to_be_hidden()


def test_a_film_that_was_turned_for_reading_is_shown_turned(
    served: Site, desktop: Page, film: Callable[..., bytes]
) -> None:
    page = desktop
    upload(page, served, dicom())
    change(served, update(ReadingRecord).values(quarter_turns=1))
    page.reload()
    upright = box(page, ".look img.plain")
    assert upright["width"] > upright["height"]
    expect(page.locator(".look .side.top")).to_have_text("R")
    enlarge(page)
    deepened(page)
    assert page.evaluate("[panes[0].canvas.width, panes[0].canvas.height]") == [800, 640]


def test_the_viewer_turns_and_mirrors_the_film(served: Site, desktop: Page) -> None:
    page = desktop
    upload(page, served, dicom())
    enlarge(page)
    deepened(page)
    tall = box(page, ".layers")
    page.get_by_role("button", name="Turn right").click()
    wide = box(page, ".layers")
    assert wide["width"] / wide["height"] == pytest.approx(tall["height"] / tall["width"], rel=0.01)
    stage = box(page, ".stage")
    assert wide["width"] <= stage["width"] + 1 and wide["height"] <= stage["height"] + 1
    x, y = on_film(page, 0.1, 0.2)
    page.get_by_role("button", name="Mirror").click()
    mirrored_x, mirrored_y = on_film(page, 0.1, 0.2)
    middle = stage["x"] + stage["width"] / 2
    assert mirrored_x - middle == pytest.approx(middle - x, abs=1) and mirrored_y == pytest.approx(y, abs=1)
    page.get_by_role("button", name="Reset").click()
    assert box(page, ".layers") == pytest.approx(tall, abs=1)


def test_windows_reach_the_full_depth_of_a_dicom_film(served: Site, desktop: Page) -> None:
    page = desktop
    upload(page, served, dicom())
    enlarge(page)
    deepened(page)
    expect(page.locator(".window")).to_have_text("Level 1200, width 600")
    seen: dict[str, set[int]] = {}
    for preset in ("All greys", "Lungs", "Mediastinum", "Bones"):
        page.locator("#preset").select_option(label=preset)
        seen[preset] = greys(page)
    assert all(len(found) > 60 for found in seen.values())
    words = chest_words(800, 640, bits=12)
    # 20 of 4095 levels: a picture of 8 bits has two greys there, the film's own numbers have more
    middle = int(np.median(words))
    low = middle - int(words.min()) - 10
    page.evaluate("low => { panes[0].tones.windows = [{ name: '', low, high: low + 20 }]; choose('file'); }", low)
    assert len(greys(page)) > 15


def test_dragging_changes_level_and_width(served: Site, desktop: Page) -> None:
    page = desktop
    upload(page, served, dicom())
    enlarge(page)
    deepened(page)
    page.keyboard.press("w")
    stage = box(page, ".stage")
    middle = stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 40, middle[1] - 40, steps=4)
    page.mouse.up()
    assert page.get_by_role("slider", name="Contrast").input_value() == "120"
    assert page.get_by_role("slider", name="Brightness").input_value() == "60"
    page.keyboard.press("v")
    page.mouse.down(button="right")  # as in every viewer of films, whatever dragging does
    page.mouse.move(middle[0], middle[1] - 40, steps=4)
    page.mouse.up(button="right")
    assert page.get_by_role("slider", name="Contrast").input_value() == "100"


def test_lines_measure_in_millimetres_where_the_film_says_how_large_it_is(served: Site, desktop: Page) -> None:
    page = desktop
    upload(page, served, dicom(ImagerPixelSpacing=["0.25", "0.5"]))  # 640 columns of 0.5 mm, 800 rows of 0.25 mm
    enlarge(page)
    deepened(page)
    page.keyboard.press("d")
    draw(page, (0.25, 0.5), (0.75, 0.5))
    expect(page.locator("#lengths")).to_have_text(re.compile(r"^1: 1(59|60|61)(\.\d)? mm$"))
    expect(page.locator("#scale")).to_contain_text("at the detector")
    page.keyboard.press("r")
    draw(page, (0.5, 0.1), (0.5, 0.9))
    expect(page.locator("#lengths")).to_have_text(re.compile(r"2: 1(59|60|61)(\.\d)? mm · [12] to [12]: (1|0\.99)$"))
    page.keyboard.press("Delete")
    expect(page.locator(".lines line.over")).to_have_count(1)
    page.click("text=Remove the lines")
    expect(page.locator("#measured")).to_be_hidden()


def test_lines_are_shares_of_the_width_where_no_size_is_known(
    served: Site, desktop: Page, film: Callable[..., bytes]
) -> None:
    page = desktop
    upload(page, served, film(1))
    enlarge(page)
    page.get_by_role("button", name="Measure").click()
    draw(page, (0.2, 0.5), (0.7, 0.5))
    expect(page.locator("#lengths")).to_have_text(re.compile(r"^1: (49\.\d|50(\.\d)?) % of the film's width$"))
    expect(page.locator("#scale")).to_contain_text("does not give its pixel size")
    draw(page, (0.2, 0.7), (0.45, 0.7))
    expect(page.locator("#lengths")).to_have_text(re.compile(r"2 to 1: 0\.(49|50?|51)$"))


def test_lines_are_drawn_and_moved_by_keys(served: Site, desktop: Page, film: Callable[..., bytes]) -> None:
    page = desktop
    upload(page, served, film(1))
    enlarge(page)
    page.locator(".stage").focus()
    page.keyboard.press("d")
    page.keyboard.press("Enter")
    drawn = page.evaluate("lines[0].onScreen(panes[0].lines[0])")
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowLeft"):
        page.keyboard.press(key)
    assert page.evaluate("lines[0].onScreen(panes[0].lines[0])") == pytest.approx(drawn + 12, abs=0.5)
    expect(page.locator("#lengths")).to_have_text(re.compile("^1: .* of the film's width$"))


def test_the_viewer_fills_the_screen_with_the_patients_name_and_a_legend(
    served: Site, desktop: Page, film: Callable[..., bytes]
) -> None:
    page = desktop
    upload(page, served, film(1, 8))
    enlarge(page)
    expect(page.locator(".viewer .heat-legend")).to_be_visible()
    expect(page.locator("section.patient")).to_be_visible()
    small = box(page, ".stage")
    page.keyboard.press("f")
    expect(page.locator("#fullscreen")).to_have_attribute("aria-pressed", "true")
    page.wait_for_function("document.fullscreenElement?.id === 'viewer'")
    page.wait_for_function(f"document.querySelector('.stage').clientWidth > {small['width']}")
    expect(page.locator(".whose")).to_be_visible()
    page.keyboard.press("f")
    expect(page.locator("#fullscreen")).to_have_attribute("aria-pressed", "false")


def test_a_viewer_on_a_slow_link_shows_the_picture_first_and_loads_the_depth_when_it_is_wanted(
    served: Site, chromium: Browser
) -> None:
    context = phone(chromium)
    page = context.new_page()
    sign_in(page, served)
    upload(page, served, dicom())
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    network.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 100, "downloadThroughput": 50_000, "uploadThroughput": 50_000},
    )
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    enlarge(page)
    expect(page.locator(".depth")).to_have_text("8 bits; full depth loads when you change the contrast")
    assert not [address for address in asked if "/levels/" in address]
    page.get_by_role("slider", name="Contrast").fill("60")
    deepened(page)
    context.close()


def test_on_a_phone_one_finger_scrolls_the_page_unless_the_film_is_zoomed(
    served: Site, chromium: Browser, film: Callable[..., bytes]
) -> None:
    context = phone(chromium)
    page = context.new_page()
    sign_in(page, served)
    upload(page, served, film(1))
    enlarge(page)
    touch = context.new_cdp_session(page)

    def swipe(by: int) -> None:
        stage = box(page, ".stage")
        x, y = stage["x"] + stage["width"] / 2, min(stage["y"] + stage["height"] / 2, 700)
        for step in range(11):
            point = {"x": x, "y": y + by * step / 10, "id": 0}
            touch.send(
                "Input.dispatchTouchEvent", {"type": "touchMove" if step else "touchStart", "touchPoints": [point]}
            )
            page.wait_for_timeout(16)
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        page.wait_for_timeout(300)

    page.evaluate("scrollTo(0, 0)")
    swipe(-200)
    scrolled = page.evaluate("scrollY")
    assert scrolled > 100
    page.get_by_role("button", name="Closer").click()
    page.get_by_role("button", name="Closer").click()
    still, before = page.evaluate("scrollY"), page.evaluate("view.y")
    swipe(-60)
    assert page.evaluate("scrollY") == still
    assert page.evaluate("view.y") < before
    context.close()


def test_both_films_of_a_comparison_have_the_days_on_which_they_were_taken(served: Site, desktop: Page) -> None:
    page = desktop
    upload(page, served, dicom())
    upload(page, served, dicom(StudyDate="20250708", SOPInstanceUID="1.2.3.4"))
    enlarge(page)
    page.click("ul.plain a >> nth=0")
    expect(page.locator("canvas")).to_have_count(2)
    expect(page.locator("figcaption").first).to_contain_text("Taken 8 Jul 2025")
    expect(page.locator("figcaption").last).to_contain_text("Taken 6 May 2024")


def test_one_goes_from_a_study_to_the_next_unread(served: Site, desktop: Page, film: Callable[..., bytes]) -> None:
    page = desktop
    first, second = upload(page, served, film(3)), upload(page, served, film(1))
    change(served, update(Study).values(unread=False))
    page.reload()
    expect(page.locator("text=Next unread")).to_have_count(0)
    change(served, update(Study).values(unread=True))
    page.reload()
    page.click("text=Next unread")
    page.wait_for_url(first)
    assert page.url != second
    expect(page.locator("section.patient")).to_be_visible()


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing_of_any_impact(screen: Any, served: Site, chromium: Browser) -> None:
    context = chromium.new_context(viewport=screen, bypass_csp=True, locale="en-GB")
    page = context.new_page()
    sign_in(page, served)
    wrong: list[str] = []

    def look(what: str) -> None:
        wrong.extend(f"{what}, {fault}" for fault in faults_of(page))

    upload(page, served, dicom(ImagerPixelSpacing=["0.25", "0.5"]))
    study = upload(page, served, dicom(StudyDate="20250708", SOPInstanceUID="1.2.3.4"))
    look("study")
    page.goto(f"{study}/report")
    look("report")
    page.goto(study)
    enlarge(page)
    deepened(page)
    page.evaluate("panes[0].lines.push({ from: { x: 0.2, y: 0.4 }, to: { x: 0.8, y: 0.4 } }); lines[0].draw(); told()")
    look("viewer with a line")
    page.click("ul.plain a >> nth=0")
    expect(page.locator("canvas")).to_have_count(2)
    look("comparison")
    page.click("section.patient a")
    look("patient")
    context.close()
    assert not wrong, "\n".join(wrong)


def test_the_pages_of_a_film_weigh_at_most_60_kilobytes_before_their_pictures(served: Site, desktop: Page) -> None:
    page, weight = desktop, dict[str, int]()
    upload(page, served, dicom())

    def weigh(response: Response) -> None:
        if response.request.resource_type in ("document", "stylesheet", "script"):
            weight[response.url] = len(response.body())

    page.on("response", weigh)
    page.reload(wait_until="networkidle")
    study = sum(weight.values())
    weight.clear()
    enlarge(page)
    deepened(page)
    assert study <= 60_000 and sum(weight.values()) <= 60_000, (study, weight)
