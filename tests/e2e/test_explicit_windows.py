"""Windows that a user names, through the official client of the REST API and `airflow dags trigger -c`."""

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow_client.client import ApiClient, Configuration, DagRunApi, TriggerDAGRunPostBody
from airflow_client.client.exceptions import ApiException, BadRequestException, UnauthorizedException

from include.sources.weather.api import MAX_CALL_WEIGHT
from local import rest
from sandbox.open_meteo_query import parse
from tests.e2e import expected
from tests.e2e.stack import Run, Stack

YEAR = ("2019-01-01", "2020-01-01")
HOURS = """
    SELECT location_name, count(*), min(observed_at), max(observed_at), count(temperature_celsius)
    FROM core.weather INNER JOIN core.location USING (location_id)
    WHERE observed_at >= %s AND observed_at < %s GROUP BY 1 ORDER BY 1
"""
HOUR = timedelta(hours=1)


def trigger(stack: Stack, dag_id: str, conf: dict[str, Any], logical_date: datetime | None = None) -> Run:
    body = TriggerDAGRunPostBody(conf=conf, logical_date=logical_date)
    run = DagRunApi(stack.api).trigger_dag_run(dag_id, body)
    assert run.logical_date == logical_date
    return Run(stack, dag_id, run.dag_run_id)


def window(start: str, end: str, **names: list[str]) -> dict[str, Any]:
    return {"start_date": start, "end_date": end, **names}


def test_a_wrong_password_gets_no_token(stack: Stack) -> None:
    with pytest.raises(ApiException) as refusal:
        rest.connect(stack.address, "admin", "a guess")
    assert rest.reason(refusal.value) == "HTTP 401 Unauthorized (login of admin)"


def test_without_a_token_nothing_is_run(stack: Stack) -> None:
    stranger = DagRunApi(ApiClient(Configuration(stack.address)))
    body = TriggerDAGRunPostBody(conf=window("2018-01-01", "2018-01-02"), logical_date=None)
    with pytest.raises(UnauthorizedException):
        stranger.trigger_dag_run("weather", body)


@pytest.fixture(scope="module")
def year(running: Stack) -> tuple[Run, list[float]]:
    """One run of ten places over a year; and the weight of each of its requests, as the service counts it."""
    since = len(running.sandbox.requests)
    started = time.monotonic()
    run = trigger(running, "weather", window(*YEAR))
    run.wait("success")
    print(f"\na year of ten places: {time.monotonic() - started:.1f} s")
    asked = running.sandbox.requests[since:]
    return run, [parse(request, running.sandbox.now).weight for request in asked]


def test_a_year_of_ten_places_is_one_run(stack: Stack, year: tuple[Run, list[float]]) -> None:
    run, _ = year
    first, last = expected.moment(YEAR[0]), expected.moment(YEAR[1]) - HOUR
    rows = stack.sql(HOURS, *YEAR)
    assert len(rows) == 10
    assert [row[1:] for row in rows] == [(8760, first, last, 8760)] * 10
    run.wait_for_marts()
    assert expected.weather_mart(stack, *YEAR) == expected.daily_weather(stack, *YEAR)


def test_requests_stay_within_the_weight_of_one_call_and_of_a_minute(year: tuple[Run, list[float]]) -> None:
    weights = year[1]
    assert sum(weights) == pytest.approx(10 * 0.8 * 365 / 14)  # ten places, eight variables: nothing is asked for twice
    assert max(weights) <= MAX_CALL_WEIGHT
    assert sum(weights) < 600


@dataclass(frozen=True)
class Loaded:
    """Runs that are under way at the same time: of the first day there is, of an afternoon, of one page."""

    first_day: Run
    afternoon: Run
    page: Run


@pytest.fixture(scope="module")
def loaded(running: Stack) -> Loaded:
    afternoon = window("2018-03-04T12:30", "2018-03-05T03:00", locations=["Denver", "Boston"])
    runs = Loaded(
        trigger(running, "weather", window("1940-01-01", "1940-01-02")),
        # What conf names wins over the data interval that comes with a logical date.
        trigger(running, "weather", afternoon, datetime.now(UTC)),
        trigger(running, "wikipedia", window("2018-03-01", "2018-05-01", pages=["New England"])),
    )
    for run in (runs.first_day, runs.afternoon, runs.page):
        run.wait("success")
    return runs


def test_the_first_day_of_the_archive_can_be_loaded(stack: Stack, loaded: Loaded) -> None:
    start, end = "1940-01-01", "1940-01-02"
    assert [row[1] for row in stack.sql(HOURS, "1939-01-01", "1941-01-01")] == [24] * 10
    loaded.first_day.wait_for_marts()
    assert expected.weather_mart(stack, start, end) == expected.daily_weather(stack, start, end)


@pytest.mark.usefixtures("loaded")
def test_hours_and_places_are_the_ones_that_were_named(stack: Stack) -> None:
    first, last = datetime(2018, 3, 4, 13, tzinfo=UTC), datetime(2018, 3, 5, 2, tzinfo=UTC)
    assert stack.sql(HOURS, "2018-01-01", "2019-01-01") == [
        (name, 14, first, last, 14) for name in ("Boston", "Denver")
    ]


def test_pages_are_the_ones_that_were_named(stack: Stack, loaded: Loaded) -> None:
    start, end = "2018-03-01", "2018-05-01"
    loaded.page.wait_for_marts()
    all_pages = expected.daily_edits(stack, start, end)
    mine = [row for row in all_pages if row[0] == "New England"]
    assert 0 < len(mine) < len(all_pages)
    assert expected.wikipedia_mart(stack, start, end) == mine


REFUSED = {
    "ends-first": (window("2018-05-03", "2018-05-01"), "start_date 2018-05-03 is not before end_date 2018-05-01"),
    "empty": (window("2018-05-01", "2018-05-01"), "start_date 2018-05-01 is not before end_date 2018-05-01"),
    "future": (window("2999-01-01", "2999-01-02"), "lies in the future"),
    "before-1940": (window("1939-12-31", "1940-01-02"), "begins before 1940-01-01"),
    "no-date": (window("someday", "2018-05-01"), "start_date must be a date or datetime such as 2026-10-01"),
    "no-end": ({"start_date": "2018-05-01"}, "end_date is missing"),
    "misspelled": (
        {"start_day": "2018-05-01", "end_day": "2018-05-02"},
        "conf has no parameter end_day, start_day; there are start_date, end_date, locations, replay",
    ),
    "no-such-place": (window("2018-05-01", "2018-05-02", locations=["Atlantis"]), "not a tracked location: Atlantis"),
}


@pytest.fixture(scope="module")
def refused(running: Stack) -> dict[str, Run]:
    """The runs of all windows that cannot be, at the same time."""
    return {name: trigger(running, "weather", conf) for name, (conf, _) in REFUSED.items()}


@pytest.mark.parametrize("name", REFUSED)
def test_a_window_that_cannot_be_is_refused_with_what_to_do(name: str, stack: Stack, refused: dict[str, Run]) -> None:
    run = refused[name]
    run.wait("failed")
    plan = run.task("plan")
    assert (plan.state, plan.try_number) == ("failed", 1)
    assert stack.sql("SELECT count(*) FROM audit.load WHERE run_id = %s", run.run_id) == [(0,)]
    [message] = run.errors(plan)
    what, advice = message.splitlines()
    assert what.startswith("weather: ") and REFUSED[name][1] in what and advice


@pytest.mark.parametrize("conf", [window("2018-05-01", "2018-05-02", locations="Boston"), {"start_date": 20180501}])  # type: ignore[arg-type]
def test_conf_of_another_type_starts_no_run(conf: dict[str, Any], stack: Stack) -> None:
    before = len(stack.runs("weather"))
    with pytest.raises(ApiException) as refusal:
        trigger(stack, "weather", conf)
    assert isinstance(refusal.value, BadRequestException)
    assert next(name for name in ("locations", "start_date") if name in conf) in str(refusal.value.body)
    assert len(stack.runs("weather")) == before


def test_airflow_dags_trigger_takes_a_window(stack: Stack) -> None:
    conf = json.dumps(window("2017-06-01", "2017-06-02", locations=["Miami"]))
    answer = stack.shell(f"airflow dags trigger weather -o json -c '{conf}'")
    assert answer.returncode == 0, answer.stderr
    [run] = json.loads(answer.stdout.strip().splitlines()[-1])
    Run(stack, "weather", run["dag_run_id"]).wait("success")
    first, last = expected.moment("2017-06-01"), expected.moment("2017-06-02") - HOUR
    assert stack.sql(HOURS, "2017-01-01", "2018-01-01") == [("Miami", 24, first, last, 24)]
