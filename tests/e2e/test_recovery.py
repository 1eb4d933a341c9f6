"""A service in trouble: refusals are waited out, bad rows go nowhere. What is cleared afterwards: test_web_ui.py."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from airflow_client.client import AssetApi

from sandbox import Fault, Request
from tests.e2e.stack import Run, Stack

WAIT_SECONDS = 8
"""More than the task's own first delay."""


@dataclass(frozen=True)
class Refused:
    """A run whose first request was refused, and when its requests arrived, in seconds."""

    run: Run
    arrivals: list[float]


@pytest.fixture(scope="module")
def refused(running: Stack) -> dict[str, Refused]:
    """A run of each source that was asked to wait, at the same time."""
    faults = {
        "weather": Fault.rate_limited(headers={"Retry-After": str(WAIT_SECONDS)}),
        "wikipedia": Fault.maxlag(retry_after=WAIT_SECONDS),
    }
    arrivals: dict[str, list[float]] = {name: [] for name in faults}
    watches = [Fault(fault.path, note_arrivals(arrivals[name]), None) for name, fault in faults.items()]
    running.sandbox.faults += [*watches, *faults.values()]
    runs = {
        "weather": running.trigger("weather", "2021-08-01", "2021-08-02", locations=["Boston"]),
        "wikipedia": running.trigger("wikipedia", "2021-08-01", "2021-08-02", pages=["Boston"]),
    }
    for run in runs.values():
        run.wait("success")
    running.sandbox.faults.clear()
    return {name: Refused(runs[name], arrivals[name]) for name in faults}


def note_arrivals(into: list[float]) -> Callable[[Request], bool]:
    """Condition of a fault that never applies: it only notes when a request came."""

    def note(_: Request) -> bool:
        into.append(time.monotonic())
        return False

    return note


@pytest.mark.parametrize("dag_id", ["weather", "wikipedia"])
def test_a_refusal_is_waited_out_as_long_as_the_service_asked(dag_id: str, refused: dict[str, Refused]) -> None:
    run, arrivals = refused[dag_id].run, refused[dag_id].arrivals
    assert len(arrivals) == 2
    assert arrivals[1] - arrivals[0] >= WAIT_SECONDS
    assert run.task("load.extract", 0).try_number == 1
    assert run.loads("status, attempt") == [("published", 1)]


def test_a_service_that_is_away_for_a_moment_costs_no_try(stack: Stack) -> None:
    arrivals: list[float] = []
    stack.sandbox.faults += [Fault("/v1", note_arrivals(arrivals), None), Fault.overloaded(times=2)]
    run = stack.trigger("weather", "2021-08-11", "2021-08-12", locations=["Boston"])
    run.wait("success")
    extract = run.task("load.extract", 0)
    assert (len(arrivals), extract.try_number, run.loads("status, attempt")) == (3, 1, [("published", 1)])
    told = [str(entry["event"]) for entry in run.log(extract) if entry.get("level") == "warning"]
    assert [text.partition(":")[0] for text in told] == ["asked again in 1 s", "asked again in 2 s"]
    assert all("HTTP 503: the service failed: The service is overloaded" in text for text in told)


def test_a_load_that_fails_its_audit_leaves_nothing_behind(stack: Stack) -> None:
    stack.sandbox.faults.append(Fault.absurd("temperature_2m", 999.9))
    bad = stack.trigger("weather", "2021-10-01", "2021-10-02", locations=["Boston"])
    bad.wait("failed")
    stack.sandbox.faults.clear()
    good = stack.trigger("weather", "2021-10-02", "2021-10-03", locations=["Boston"])
    good.wait("success")

    validate = bad.task("load.validate", 0)
    assert (validate.state, validate.try_number) == ("failed", 1)
    # All of it is withheld: there is nothing to publish.
    assert bad.task("load.publish", 0).state == "failed"
    assert bad.task("all_loaded").state == "upstream_failed"
    [error] = bad.errors(validate)
    assert "Boston [2021-10-01, 2021-10-02) UTC: too many set aside: 24" in error
    assert "airflow dags trigger weather -c" in error
    assert bad.loads("status") == [("rejected",)]
    quarantined = "(SELECT count(*) FROM audit.quarantine AS row WHERE row.load_id = load.load_id)"
    assert bad.loads(quarantined) == [(24,)]
    assert good.loads(quarantined) == [(0,)]
    days = "SELECT observed_at::date::text, count(*) FROM core.weather WHERE observed_at BETWEEN %s AND %s GROUP BY 1"
    assert stack.sql(days, "2021-10-01", "2021-10-03") == [("2021-10-02", 24)]
    for column in ("core.weather.temperature_celsius", "core.weather_daily.max_temperature_celsius"):
        table, _, name = column.rpartition(".")
        assert stack.sql(f"SELECT count(*) FROM {table} WHERE {name} > 60") == [(0,)]


def test_a_run_of_which_only_the_failed_tasks_are_cleared_is_published(stack: Stack) -> None:
    """A publish that had nothing to publish has failed with them: skipped, it would stay so, and the run end green without it."""
    stack.sandbox.faults.append(Fault.bad_request("No such hours", times=None))
    run = stack.trigger("weather", "2021-10-05", "2021-10-06", locations=["Boston"])
    run.wait("failed")
    assert run.task("load.publish", 0).state == "failed"
    [(error,)] = run.loads("error")
    assert "No such hours" in error
    stack.sandbox.faults.clear()
    run.clear(only_failed=True)
    run.wait("success")
    assert run.loads("status, rows_published") == [("published", 24)]


def test_a_fault_of_one_place_holds_no_other_back(stack: Stack) -> None:
    """The run fails by the name of the place; all else is in the marts; the printed command fetches what was withheld."""
    window = ("2021-11-01", "2021-11-02")
    [boston] = stack.sql("SELECT latitude::float8, longitude::float8 FROM core.location WHERE location_name = 'Boston'")
    stack.sandbox.faults.append(Fault.unit("temperature_2m", "°F", place=boston))
    run = stack.trigger("weather", *window, locations=["Boston", "Denver"])
    run.wait("failed")
    states = {task_id: run.task(f"load.{task_id}", 0).state for task_id in ("transform", "validate", "publish")}
    assert states == {"transform": "success", "validate": "failed", "publish": "success"}
    [error] = run.errors(run.task("load.validate", 0))
    assert "withheld 1 of 2 units, all else of it is published\nBoston [2021-11-01, 2021-11-02) UTC" in error
    run.wait_for_marts()
    marts = "SELECT location_name FROM mart.daily_weather_aggregates WHERE observation_date = '2021-11-01' ORDER BY 1"
    assert stack.sql(marts) == [("Denver",)]
    events = AssetApi(stack.api).get_asset_events(source_dag_id="weather", source_run_id=run.run_id).asset_events
    assert [(event.extra or {}) | {"load_id": 0} for event in events] == [
        {
            "load_id": 0,
            "window_start": "2021-11-01T00:00:00+00:00",
            "window_end": "2021-11-02T00:00:00+00:00",
            "rows": 24,
            "changed": 24,
            "quarantined": 0,
            "withheld": 1,
        }
    ]

    stack.sandbox.faults.clear()
    [printed] = re.findall(r"airflow dags trigger weather -c '[^']*'", error)
    assert stack.shell(printed).returncode == 0
    again = Run(stack, "weather", stack.runs("weather")[-1].dag_run_id)
    again.wait("success")
    again.wait_for_marts()
    assert stack.sql(marts) == [("Boston",), ("Denver",)]
    assert again.loads("cardinality(subject_ids), window_start::date::text") == [(1, "2021-11-01")]
