"""Scheduled catchup of daily windows, also after a week off; and windows of every kind that overlap at the same time."""

from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import pairwise

import pytest
from airflow_client.client import DagRunApi, DAGRunResponse, TaskInstanceApi

from include.settings import read_settings
from sandbox import Fault
from tests.e2e import expected
from tests.e2e.conftest import DAYS
from tests.e2e.stack import ENDED, Stack, day_of, wait_for

REVISION_DAYS = {
    "weather": read_settings({}).sources["weather"].revision_days,
    "wikipedia": read_settings({}).sources["wikipedia"].revision_days,
}
SOURCES = tuple(REVISION_DAYS)
MAX_ACTIVE_RUNS = 8
TODAY = datetime.now(UTC).date()
"""When the tests began: midnight may pass meanwhile, and one more day is due then."""
AWAY = 7
FIRST_EXPLICIT = 30
"""Days ago: the first day of the explicit windows."""


def ago(days: int) -> str:
    """That UTC date."""
    return str(TODAY - timedelta(days=days))


@pytest.fixture(scope="module")
def first_start(daily_stack: Stack) -> Stack:
    """The stack, once it has caught up for the first time."""
    wait_until_nothing_is_due(daily_stack)
    return daily_stack


@pytest.fixture(scope="module")
def overlapped(first_start: Stack) -> Stack:
    """The same stack, once it has caught up after a week off, while a backfill and explicit windows overlapped with that.

    No clock is turned. What those seven days left is taken away while the scheduler is stopped: their runs through the REST
    API, their rows from core. Then the stack is stopped and started as a user does it. Airflow works out what is due from the
    runs that there are, so it stands where a stack stands that was stopped a week ago. Raw and the ledger still know those
    days, and neither decides what is loaded.

    The other runs are queued while the scheduler is stopped, too, and the services are overloaded until runs of every kind are
    under way: that makes them coincide. They touch the first of the days that are due; the newest three come from the scheduled
    runs alone.
    """
    stack = first_start
    stack.stop("scheduler")
    forget(stack, ago(AWAY))
    for dag_id in SOURCES:
        assert len(days_run(stack, dag_id)) == DAYS - AWAY
        for start, end in ((FIRST_EXPLICIT, 4), (20, 5)):
            stack.trigger(dag_id, ago(start), ago(end))
        words = f"{dag_id} -s {ago(DAYS)} -e {ago(AWAY + 1)} --reset-dagruns --yes --no-wait"
        answer = stack.shell(f"airflow dags backfill {words}")
        assert answer.returncode == 0, answer.stderr
    assert stack.local("down").returncode == 0
    assert stack.left_over() == []
    overloaded = Fault(status=503, body="overloaded", times=None)
    stack.sandbox.faults.append(overloaded)
    up = stack.local("up")
    assert up.returncode == 0, f"{up.stdout}\n{up.stderr}"
    for dag_id in SOURCES:
        wait_for(f"runs of {dag_id} of every kind", partial(are_under_way, stack, dag_id))
    stack.sandbox.faults.remove(overloaded)
    for dag_id in SOURCES:
        wait_for(f"all runs of {dag_id}", partial(all_have_ended, stack, dag_id), 300)
    wait_for_marts(stack)
    return stack


@pytest.fixture(scope="module", params=["at the first start", "after a week off"])
def caught_up(request: pytest.FixtureRequest, first_start: Stack) -> Stack:
    """The stack, once nothing is due."""
    if request.param == "after a week off":
        request.getfixturevalue("overlapped")
    return first_start


KINDS = {"scheduled", "manual", "backfill"}


def are_under_way(stack: Stack, dag_id: str) -> bool:
    """Whether runs of every kind are."""
    return {run.run_type.value for run in stack.runs(dag_id) if run.state == "running"} == KINDS


def forget(stack: Stack, since: str) -> None:
    """Removes the daily runs of the days from `since` on, and what core holds of those days."""
    for dag_id in SOURCES:
        for run in daily_runs(stack, dag_id):
            if day_of(run.logical_date) >= since:
                DagRunApi(stack.api).delete_dag_run(dag_id, run.dag_run_id)
    for table, column in FORGOTTEN.items():
        stack.sql(f"DELETE FROM {table} WHERE {column} >= %s RETURNING 1", since)


FORGOTTEN = {
    "core.weather": "observed_at",
    "core.weather_daily": "observation_date",
    "core.revision": "revision_timestamp",
}


def is_complete(stack: Stack, dag_id: str) -> bool:
    """Whether every complete UTC day since the start date has a run that has ended."""
    return days_run(stack, dag_id) == days_due(stack)


def wait_until_nothing_is_due(stack: Stack) -> None:
    """Until every complete UTC day since the start date has a run that has ended, and the marts show it."""
    for dag_id in SOURCES:
        wait_for(f"every day of {dag_id}", partial(is_complete, stack, dag_id), 300)
    wait_for_marts(stack)


def wait_for_marts(stack: Stack) -> None:
    wait_for("the marts", lambda: stack.sql("SELECT 1 FROM audit.load WHERE marts_due_since IS NOT NULL") == [])


def days_due(stack: Stack) -> list[str]:
    first = date.fromisoformat(stack.settings["DW_START_DATE"])
    return [str(first + timedelta(days=day)) for day in range((datetime.now(UTC).date() - first).days)]


def days_run(stack: Stack, dag_id: str) -> list[str]:
    """The UTC day of each daily run that has ended."""
    return [day_of(run.logical_date) for run in daily_runs(stack, dag_id) if run.state in ENDED]


def daily_runs(stack: Stack, dag_id: str) -> list[DAGRunResponse]:
    """Scheduled runs, and those that a backfill has reset, in the order of their days."""
    runs = [run for run in stack.runs(dag_id) if run.run_type != "manual"]
    return sorted(runs, key=lambda run: day_of(run.logical_date))


@pytest.mark.parametrize("dag_id", SOURCES)
def test_every_day_has_one_run_and_the_windows_tile(dag_id: str, caught_up: Stack) -> None:
    runs = daily_runs(caught_up, dag_id)
    assert len(runs) >= DAYS
    assert {run.state.value for run in runs} == {"success"}
    assert day_of(runs[0].data_interval_start) == ago(DAYS)
    for one, next_one in pairwise(runs):
        assert one.data_interval_end == next_one.data_interval_start


@pytest.mark.parametrize("dag_id", SOURCES)
def test_catchup_keeps_to_max_active_runs(dag_id: str, caught_up: Stack) -> None:
    # A backfill has a limit of its own.
    runs = [run for run in caught_up.runs(dag_id) if run.run_type != "backfill"]
    at_once = [len(others) for others in under_way(runs)]
    assert 1 < max(at_once) <= MAX_ACTIVE_RUNS


def under_way(runs: list[DAGRunResponse]) -> list[list[DAGRunResponse]]:
    """The runs that were under way when each of them started, all of which have ended."""
    spans = [(run, run.start_date, run.end_date) for run in runs if run.start_date and run.end_date]
    return [[run for run, started, ended in spans if started <= start < ended] for _, start, _ in spans]


def test_core_has_every_hour_once_and_the_marts_are_right(caught_up: Stack, request: pytest.FixtureRequest) -> None:
    check_tables(caught_up, FIRST_DAYS[request.node.callspec.params["caught_up"]])


FIRST_DAYS = {
    # A scheduled run also reads the days before its own again: core begins there.
    "at the first start": {dag_id: ago(DAYS + days) for dag_id, days in REVISION_DAYS.items()},
    "after a week off": dict.fromkeys(SOURCES, ago(FIRST_EXPLICIT)),
}


def check_tables(stack: Stack, first_days: dict[str, str]) -> None:
    """Core and the marts hold what the services say from these days to the end of the last scheduled run."""
    windows = {
        dag_id: (first_days[dag_id], day_of(daily_runs(stack, dag_id)[-1].data_interval_end)) for dag_id in SOURCES
    }
    start, end = map(expected.moment, windows["weather"])
    hours = int((end - start) / timedelta(hours=1))
    assert stack.sql(HOURS, start, end) == [(name, hours, hours) for (name,) in stack.sql(PLACES)]
    assert expected.weather_mart(stack, *windows["weather"]) == expected.daily_weather(stack, *windows["weather"])
    edits = expected.daily_edits(stack, *windows["wikipedia"])
    assert edits
    assert expected.wikipedia_mart(stack, *windows["wikipedia"]) == edits


PLACES = "SELECT location_name FROM core.location ORDER BY 1"
HOURS = """
    SELECT location_name, count(*), count(DISTINCT observed_at)
    FROM core.weather INNER JOIN core.location USING (location_id)
    WHERE observed_at >= %s AND observed_at < %s GROUP BY 1 ORDER BY 1
"""


def all_have_ended(stack: Stack, dag_id: str) -> bool:
    return days_run(stack, dag_id) == days_due(stack) and all(run.state in ENDED for run in stack.runs(dag_id))


@pytest.mark.parametrize("dag_id", SOURCES)
def test_windows_of_every_kind_overlap_at_once_and_all_succeed(dag_id: str, overlapped: Stack) -> None:
    runs = overlapped.runs(dag_id)
    assert {run.state.value for run in runs} == {"success"}
    kinds = [{run.run_type.value for run in at_once} for at_once in under_way(runs)]
    assert KINDS in kinds
    tasks = TaskInstanceApi(overlapped.api).get_task_instances(dag_id, "~", limit=100).task_instances
    assert {task.state and task.state.value for task in tasks} == {"success"}


def test_overlapping_windows_end_as_each_alone_would(overlapped: Stack) -> None:
    check_tables(overlapped, FIRST_DAYS["after a week off"])
    assert overlapped.sql("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == [(0,)]
