"""The page Warehouse in a real browser on the running stack: as administrator, as a viewer and as nobody."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, expect

from sandbox import Fault
from tests.e2e.browser import CHROMIUM, PATIENCE_MS, WebUi, as_user, chromium
from tests.e2e.stack import Run, Stack

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium: apt-get install chromium, or name one in DW_TEST_CHROMIUM"
)

GOOD, BAD, GONE = "2013-03-01", "2013-03-02", "2013-03-03"
WINDOW = (GOOD, "2013-03-04")
PLACE = "Boston"
HOSTILE = "<img src=x onerror=alert(1)>"
VIOLATIONS = """
    window.violations = [];
    addEventListener("securitypolicyviolation", (event) => violations.push(`${event.violatedDirective} ${event.blockedURI}`));
"""


@pytest.fixture(scope="module")
def loaded(running: Stack) -> dict[str, Run]:
    """Three days of a place: one is good, one withheld, one was deleted since."""
    runs = {"good": running.trigger("weather", GOOD, BAD, locations=[PLACE])}
    runs["good"].wait("success")
    running.sandbox.faults.append(Fault.absurd("temperature_2m", 999.9))
    runs["bad"] = running.trigger("weather", BAD, GONE, locations=[PLACE])
    runs["bad"].wait("failed")
    running.sandbox.faults.clear()
    runs["gone"] = running.trigger("weather", GONE, WINDOW[1], locations=[PLACE])
    runs["gone"].wait("success")
    gone = "DELETE FROM core.weather WHERE location_id = %s AND observed_at >= %s AND observed_at < %s RETURNING 1"
    assert len(running.sql(gone, place(running), GONE, WINDOW[1])) == 24
    return runs


@contextmanager
def tab(context: BrowserContext) -> Iterator[Page]:
    """A tab of a browser, whose pages complain of nothing."""
    complaints: list[str] = []
    page = context.new_page()
    page.add_init_script(VIOLATIONS)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(f"a dialog: {dialog.message}"))
    yield page
    check(page)
    assert complaints == []
    page.close()


@pytest.fixture(scope="module")
def logged_in(running: Stack) -> Iterator[BrowserContext]:
    with chromium(running) as context:
        yield context


@pytest.fixture
def browser(logged_in: BrowserContext) -> Browser:
    assert logged_in.browser
    return logged_in.browser


@pytest.fixture
def admin(logged_in: BrowserContext) -> Iterator[Page]:
    with tab(logged_in) as page:
        yield page


@pytest.fixture
def ui(admin: Page, running: Stack) -> WebUi:
    """So that a test that fails leaves a picture."""
    return WebUi(admin, running.paths.logs)


def check(page: Page) -> None:
    """No frame has broken its policy."""
    for frame in page.frames:
        assert frame.evaluate("window.violations") == [], frame.url


def shown(page: Page) -> FrameLocator:
    """What the frame beside Airflow's navigation shows."""
    return page.frame_locator("iframe[title=Warehouse]")


def open_section(page: Page, name: str) -> FrameLocator:
    page.goto("/")
    page.get_by_role("link", name="Warehouse").click()
    frame = shown(page)
    frame.get_by_role("link", name=name, exact=True).click()
    frame.get_by_role("link", name=name, exact=True).and_(frame.locator("[aria-current=page]")).wait_for()
    return frame


def test_nobody_is_asked_to_log_in(browser: Browser, running: Stack) -> None:
    with as_user(browser, running, None) as context:
        page = context.new_page()
        response = page.goto("/warehouse/loads")
        assert response and response.status == 401
        page.get_by_role("link", name="Log in").click()
        page.get_by_label("Username").wait_for()


def test_every_section_is_reached_from_the_navigation_and_survives_a_reload(
    ui: WebUi, admin: Page, loaded: dict[str, Run]
) -> None:
    headings = {
        "Freshness": "Freshness",
        "Coverage": "Coverage of weather",
        "Data quality": "Data quality",
        "Marts": "mart.daily_weather_aggregates",
        "Loads": "Loads",
    }
    for section, heading in headings.items():
        frame = open_section(admin, section)
        frame.get_by_role("heading", name=heading).first.wait_for()
        check(admin)
    admin.reload()
    shown(admin).get_by_role("heading", name="Loads").wait_for()


def test_a_load_leads_out_of_the_frame_to_its_log(ui: WebUi, admin: Page, loaded: dict[str, Run]) -> None:
    frame = open_section(admin, "Loads")
    frame.get_by_label("In run id or error").fill(loaded["bad"].run_id)
    frame.get_by_role("button", name="Show").click()
    row = frame.get_by_role("row").filter(has_text=loaded["bad"].run_id)
    expect(row).to_have_count(1)
    row.get_by_role("link", name="log of validate").click()
    admin.get_by_role("heading", name="load.validate").wait_for()
    assert "/warehouse" not in admin.url and "load.validate" in admin.url
    ui.expect_in_log("999.9")


def test_what_was_withheld_is_shown_with_its_response(ui: WebUi, admin: Page, loaded: dict[str, Run]) -> None:
    frame = open_section(admin, "Data quality")
    unit = frame.get_by_role("region", name="Units withheld").get_by_role("row").filter(has_text=BAD)
    expect(unit).to_contain_text(PLACE)
    unit.get_by_role("link").last.click()
    expect(frame.locator("pre.payload")).to_contain_text("999.9")


def test_the_button_fills_what_is_gone(ui: WebUi, admin: Page, running: Stack, loaded: dict[str, Run]) -> None:
    frame = open_section(admin, "Coverage")
    frame.get_by_role("textbox", name="Month").fill(GOOD[:7])
    frame.get_by_label("Name of a location").fill(PLACE)
    frame.get_by_role("button", name="Show").click()
    for day, state in ((GOOD, "complete"), (BAD, "withheld"), (GONE, "missing")):
        frame.get_by_role("link", name=f"{PLACE}, {day}: {state}").wait_for()
    frame.get_by_role("link", name=f"{PLACE}, {GONE}: missing").click()
    frame.get_by_text("airflow dags trigger weather").wait_for()
    frame.get_by_role("button", name="Start this run").click()
    frame.get_by_role("status").filter(has_text="success").wait_for(timeout=2 * PATIENCE_MS)
    frame.get_by_role("link", name="See the day as it is now").click()
    frame.get_by_text("complete, 24 of 24 hours").wait_for()
    hours = "SELECT count(*) FROM core.weather WHERE location_id = %s AND observed_at >= %s AND observed_at < %s"
    assert running.sql(hours, place(running), GONE, WINDOW[1]) == [(24,)]


def test_a_viewer_sees_the_gap_and_has_no_button(browser: Browser, running: Stack, loaded: dict[str, Run]) -> None:
    with as_user(browser, running, "viewer") as context, tab(context) as page:
        page.goto(f"/plugin/warehouse/warehouse/coverage/weather/{place(running)}/{BAD}")
        frame = shown(page)
        frame.get_by_text("airflow dags trigger weather").wait_for()
        expect(frame.get_by_role("button", name="Start this run")).to_have_count(0)
        refused = page.request.post(
            "/api/v2/dags/weather/dagRuns", data={"logical_date": None, "conf": {}}, fail_on_status_code=False
        )
        assert refused.status == 403


def test_a_plot_is_drawn_of_what_the_mart_has(ui: WebUi, admin: Page, running: Stack, loaded: dict[str, Run]) -> None:
    loaded["good"].wait_for_marts()
    query = f"source=weather&subject_id={place(running)}&first={GOOD}&end={BAD}"
    admin.goto(f"/warehouse/marts?{query}")
    chart = admin.locator("img.chart")
    expect(chart).to_be_visible(timeout=PATIENCE_MS)
    admin.wait_for_function("document.querySelector('img.chart').naturalWidth > 300")
    address = "/warehouse/api/marts/weather/daily_weather_aggregates"
    rows = admin.request.get(f"{address}?{query}").json()["rows"]
    numbers = """
        SELECT location_id, observation_date::text, observation_count
        FROM mart.daily_weather_aggregates WHERE location_id = %s AND observation_date = %s
    """
    assert [tuple(row[:3]) for row in rows] == running.sql(numbers, place(running), GOOD)
    assert admin.request.get(f"{address}/chart.png?{query}").body().startswith(b"\x89PNG")
    assert (
        admin.request.get(f"{address}/data.csv?{query}")
        .text()
        .splitlines()[1]
        .startswith(f"{rows[0][0]},{PLACE},{GOOD}")
    )


def test_hostile_words_do_nothing(ui: WebUi, admin: Page, running: Stack, loaded: dict[str, Run]) -> None:
    kept = running.sql("SELECT load_id, error FROM audit.load WHERE run_id = %s", loaded["bad"].run_id)[0]
    told = "UPDATE audit.load SET error = %s WHERE load_id = %s RETURNING 1"
    running.sql(told, HOSTILE, kept[0])
    try:
        admin.goto(f"/warehouse/loads/{kept[0]}")
        admin.get_by_text("why").click()
        expect(admin.get_by_text(HOSTILE)).to_be_visible()
        expect(admin.locator("img")).to_have_count(0)
    finally:
        running.sql(told, kept[1], kept[0])


def test_it_has_airflows_colours_and_fits_a_phone(ui: WebUi, admin: Page, loaded: dict[str, Run]) -> None:
    frame = open_section(admin, "Freshness")
    root = admin.locator("html")
    for theme in ("dark", "light"):
        admin.evaluate("theme => { document.documentElement.className = theme }", theme)
        expect(frame.locator("html")).to_have_attribute("data-theme", theme)
    expect(root).to_have_class("light")
    admin.set_viewport_size({"width": 390, "height": 800})
    for section in ("", "coverage", "quality", "marts", "loads"):
        admin.goto(f"/warehouse/{section}")
        assert admin.evaluate("document.documentElement.scrollWidth <= innerWidth"), section


def place(stack: Stack) -> int:
    """The key of the place."""
    return int(stack.sql("SELECT location_id FROM core.location WHERE location_name = %s", PLACE)[0][0])
