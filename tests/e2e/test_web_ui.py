"""The web UI in a real browser: a failed load cleared alone, whole runs cleared, a window typed into the trigger form."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext

from sandbox import Fault, Request
from tests.e2e import expected
from tests.e2e.browser import CHROMIUM, WebUi, chromium
from tests.e2e.stack import ENDED, Deployment, Row, Run, Stack, Task, wait_for

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium: apt-get install chromium, or name one in DW_TEST_CHROMIUM"
)

PLACE = "Denver"
WINDOW = ("2015-06-01", "2015-06-03")
OLD_DAY = ("2014-02-01", "2014-02-02")
NEXT_DAY = ("2014-02-02", "2014-02-03")
TWO_PLACES = ["Boston", PLACE]
EDITS = 5
STEPS = ("load.extract", "load.publish", "load.transform", "load.validate")

Tables = dict[str, set[str]]


@pytest.fixture(scope="module")
def logged_in(running: Stack) -> Iterator[BrowserContext]:
    with chromium(running) as context:
        yield context


@pytest.fixture
def ui(logged_in: BrowserContext, stack: Stack) -> Iterator[WebUi]:
    """A tab of its own for each test."""
    page = logged_in.new_page()
    yield WebUi(page, stack.paths.logs)
    page.close()


@pytest.fixture(scope="module")
def loaded(running: Stack) -> dict[str, Run]:
    """Successful runs: weather of an old day and of the next, and edits of the old day."""
    running.sandbox.add_revisions("New England", expected.moment(OLD_DAY[0]), EDITS)
    runs = {
        "old day": running.trigger("weather", *OLD_DAY, locations=TWO_PLACES),
        "next day": running.trigger("weather", *NEXT_DAY, locations=TWO_PLACES),
        "edits": running.trigger("wikipedia", *OLD_DAY, pages=["New England"]),
    }
    for run in runs.values():
        run.wait("success")
    return runs


def test_a_failed_extraction_is_cleared_and_what_had_succeeded_is_not_asked_for_again(stack: Stack, ui: WebUi) -> None:
    [(latitude,)] = stack.sql("SELECT trim_scale(latitude)::text FROM core.location WHERE location_name = %s", PLACE)
    refused = Fault.bad_request("Data is not available", times=None, when=lambda request: latitude in request.query)
    stack.sandbox.faults.append(refused)
    since = len(stack.sandbox.requests)
    run = stack.trigger("weather", *WINDOW)
    run.wait("failed")
    failed = check_that_one_load_failed(run)
    assert count(stack.sandbox.requests[since:], latitude) == (2, failed.try_number)

    stack.sandbox.faults.clear()
    since = len(stack.sandbox.requests)
    others = [task for task in run.tasks() if task.map_index not in (failed.map_index, -1)]
    affected = ui.clear_task(run, failed)
    states = ("Failed", "Failed", "Upstream Failed", "Upstream Failed")
    steps = [(step, state, failed.map_index) for step, state in zip(STEPS, states, strict=True)]
    assert affected == [("all_loaded", "Upstream Failed", -1), *steps]
    run.wait("success")
    ui.expect_success(run, 14)
    assert count(stack.sandbox.requests[since:], latitude) == (0, 1)
    assert [task for task in run.tasks() if task.map_index not in (failed.map_index, -1)] == others
    # To find that there was nothing to publish was a try.
    assert tries(run, failed.map_index) == {**dict.fromkeys(STEPS, 1), "load.extract": 2, "load.publish": 2}
    assert run.loads("status, error") == [("published", None)] * 3
    assert hours_of_places(stack) == [(name, 48) for (name,) in stack.sql(PLACES)]


PLACES = "SELECT location_name FROM core.location ORDER BY 1"
PLACES_OF_LOADS = "map_index, ARRAY(SELECT location_name FROM core.location WHERE location_id = ANY(subject_ids))"


def check_that_one_load_failed(run: Run) -> Task:
    """The others are published; the failed one names its places in log and ledger. Returns its task."""
    [task] = [task for task in run.tasks("load.extract") if task.state == "failed"]
    places: dict[int, list[str]] = dict(run.loads(PLACES_OF_LOADS))
    ledger = {index: (status, error) for index, status, error in run.loads("map_index, status, error")}
    mine, (status, error) = places.pop(task.map_index), ledger.pop(task.map_index)
    assert status == "failed"
    assert PLACE in mine
    for text in (run.errors(task)[-1], error):
        assert [name for name in mine if f"{name} (" not in text] == []
    assert list(ledger.values()) == [("published", None)] * 2
    others = sorted(name for names in places.values() for name in names)
    assert hours_of_places(run.stack) == [(name, 48) for name in others]
    return task


def hours_of_places(stack: Deployment) -> list[Row]:
    """(place, hours of the window in core)"""
    query = """
        SELECT location_name, count(*) FROM core.weather INNER JOIN core.location USING (location_id)
        WHERE observed_at >= %s AND observed_at < %s GROUP BY 1 ORDER BY 1
    """
    return stack.sql(query, *WINDOW)


def count(requests: list[Request], latitude: str) -> tuple[int, int]:
    """How many requests were without and with that latitude."""
    having = sum(latitude in request.query for request in requests)
    return len(requests) - having, having


def tries(run: Run, map_index: int) -> dict[str, int]:
    """The tasks of a load and how often each was tried."""
    return {task.task_id: task.try_number for task in run.tasks() if task.map_index == map_index}


def test_whole_runs_are_cleared_and_leave_identical_tables(stack: Stack, ui: WebUi, loaded: dict[str, Run]) -> None:
    before = tables(stack)
    runs = [loaded["next day"], loaded["edits"]]
    first = {run: (run.tasks(), run.loads("load_id")) for run in runs}
    since = len(stack.sandbox.requests)
    for run in runs:
        mapped = [(step, "Success", 0) for step in STEPS]
        assert ui.clear_run(run) == [("all_loaded", "Success", -1), *mapped, ("plan", "Success", -1)]
    for run in runs:
        run.wait("success")
        ui.expect_success(run, 6)
        tasks, loads = first[run]
        again = [(task.task_id, task.try_number + 1) for task in tasks]
        assert [(task.task_id, task.try_number) for task in run.tasks()] == again
        [load] = [row for row in run.loads("load_id, status, rows_published > 0, rows_changed") if row[:1] not in loads]
        assert load[1:] == ("published", True, 0)
    asked = Counter(request.path for request in stack.sandbox.requests[since:])
    assert asked == {"/v1/archive": 1, "/w/api.php": 1}
    assert before["mart.daily_weather_aggregates"] and before["core.revision"]
    assert changes(before, tables(stack)) == {}


def test_a_run_that_failed_its_audit_is_cleared_once_the_source_is_healthy(stack: Stack, ui: WebUi) -> None:
    before = tables(stack)
    stack.sandbox.faults.append(Fault.absurd("temperature_2m", 999.9))
    run = stack.trigger("weather", "2015-11-01", "2015-11-02", locations=["Boston"])
    run.wait("failed")
    assert changes(before, tables(stack)) == {}
    ui.open_task(run, run.task("load.validate", 0))
    ui.expect_in_log("few_hours_set_aside")
    ui.expect_in_log("clear the task extract of this load with its downstream tasks")

    stack.sandbox.faults.clear()
    since = len(stack.sandbox.requests)
    states = ("Success", "Failed", "Success", "Failed")
    affected = ui.clear_task(run, run.task("load.extract", 0))
    steps = [(step, state, 0) for step, state in zip(STEPS, states, strict=True)]
    assert affected == [("all_loaded", "Upstream Failed", -1), *steps]
    run.wait("success")
    ui.expect_success(run, 6)
    assert len(stack.sandbox.requests) == since + 1
    assert tries(run, 0) == {"load.extract": 2, "load.publish": 2, "load.transform": 2, "load.validate": 2}
    assert run.loads("status, attempt, rows_quarantined, error") == [("published", 2, 0, None)]
    hours = (
        "SELECT count(*), max(temperature_celsius) < 60 FROM core.weather WHERE observed_at >= %s AND observed_at < %s"
    )
    assert stack.sql(hours, "2015-11-01", "2015-11-02") == [(24, True)]


def test_an_old_window_that_is_cleared_changes_its_dates_and_nothing_else(
    stack: Stack, ui: WebUi, loaded: dict[str, Run]
) -> None:
    before = tables(stack)
    corrected = 12.3
    stack.sandbox.faults.append(Fault.absurd("temperature_2m", corrected))
    run = loaded["old day"]
    ui.clear_run(run)
    run.wait("success")

    changed = changes(before, tables(stack))
    assert sorted(changed) == ["core.weather", "core.weather_daily", "mart.daily_weather_aggregates"]
    hours = [row["observed_at"] for row in changed["core.weather"]]
    assert (min(hours), max(hours)) == ("2014-02-01T00:00:00+00:00", "2014-02-01T23:00:00+00:00")
    mart = changed["mart.daily_weather_aggregates"]
    days = {(row["location_name"], row["observation_date"]) for row in mart}
    # West of Greenwich the day in UTC is the evening of one local date and most of the next.
    assert days == {(place, day) for place in TWO_PLACES for day in ("2014-01-31", "2014-02-01")}
    evenings = [row for row in mart if row["observation_date"] == "2014-01-31"]
    assert [row["max_temperature_celsius"] for row in evenings].count(corrected) == 2


def tables(stack: Stack) -> Tables:
    """Every row of core and mart as JSON, once the marts have followed what was published."""
    wait_for("marts that are up to date", lambda: marts_are_settled(stack))
    names = [name for (name,) in stack.sql(TABLES)]
    return {name: {row for (row,) in stack.sql(f"SELECT to_jsonb(t)::text FROM {name} AS t")} for name in names}


TABLES = """
    SELECT oid::regclass::text FROM pg_class
    WHERE relnamespace::regnamespace::text IN ('core', 'mart') AND relkind IN ('r', 'p', 'm') AND NOT relispartition
"""


def marts_are_settled(stack: Stack) -> bool:
    """Whether no publication waits for a refresh and no refresh runs."""
    [(due,)] = stack.sql("SELECT count(*) FROM audit.load WHERE marts_due_since IS NOT NULL")
    return due == 0 and all(refresh.state in ENDED for refresh in stack.runs("refresh_marts"))


def changes(before: Tables, after: Tables) -> dict[str, list[dict[str, Any]]]:
    """The rows that only one of them has, of the tables that differ."""
    assert before.keys() == after.keys()
    return {
        name: [json.loads(row) for row in before[name] ^ after[name]] for name in before if before[name] != after[name]
    }


def test_the_trigger_form_explains_its_fields_and_loads_exactly_that_window(stack: Stack, ui: WebUi) -> None:
    ui.choose_utc()
    form = ui.open_trigger_form("weather")
    fields = form.fields()
    assert list(fields) == ["Start date", "End date", "Only these locations", "Replay stored responses"]
    assert "choose UTC at the clock" in fields["Start date"] and "Empty:" in fields["Start date"]
    assert "exclusive" in fields["End date"]
    assert "One name a line" in fields["Only these locations"]
    assert "without asking the service" in fields["Replay stored responses"]

    form.pick("Start date", "2015/07/01", "06:00")
    form.pick("End date", "2015/07/03", "00:00")
    assert form.picked("Start date") == "Jul 01, 2015 06:00"
    form.write("Only these locations", "Boston\nSt Louis")
    run = Run(stack, "weather", form.trigger())
    run.wait("success")
    assert run.loads("window_start::text, window_end::text") == [("2015-07-01 06:00:00+00", "2015-07-03 00:00:00+00")]
    hours = """
        SELECT location_name, count(*), min(observed_at)::text, max(observed_at)::text
        FROM core.weather INNER JOIN core.location USING (location_id)
        WHERE observed_at BETWEEN '2015-06-20' AND '2015-07-20' GROUP BY 1 ORDER BY 1
    """
    first, last = "2015-07-01 06:00:00+00", "2015-07-02 23:00:00+00"
    assert stack.sql(hours) == [(name, 42, first, last) for name in ("Boston", "St Louis")]
