"""The four ways of use on Celery workers: REST, ./airflow.sh dags backfill and replay, catchup, and a clear through the API."""

import re
from functools import partial

import pytest

from tests.compose.stack import ComposeStack
from tests.e2e import expected
from tests.e2e.stack import ENDED, Row, Run, day_of, wait_for

WINDOW = ("2021-03-01", "2021-03-04")
SOURCES = ("weather", "wikipedia")


@pytest.fixture(scope="module")
def loaded(stack: ComposeStack) -> dict[str, Run]:
    """One successful run of each source, triggered over REST, once the marts show them."""
    runs = {dag_id: stack.trigger(dag_id, *WINDOW) for dag_id in SOURCES}
    for run in runs.values():
        run.wait("success")
        wait_for(f"the marts after {run.dag_id}", partial(no_mart_is_due, run))
    return runs


def no_mart_is_due(run: Run) -> bool:
    return all(due is None for (due,) in run.loads("marts_due_since"))


def test_the_tasks_run_on_celery_workers(stack: ComposeStack, loaded: dict[str, Run]) -> None:
    workers = {container["Config"]["Hostname"] for container in stack.containers("airflow-worker")}
    # all_loaded does nothing, so no worker gets it.
    tasks = [task for run in loaded.values() for task in run.tasks() if task.host]
    assert len(tasks) == (1 + 5 * 4) + (1 + 4)
    assert {task.host for task in tasks} <= workers


def test_the_marts_are_refreshed_on_a_worker_by_the_assets(stack: ComposeStack, loaded: dict[str, Run]) -> None:
    refreshes = [run for run in stack.runs("refresh_marts") if run.run_type == "asset_triggered"]
    ended = [Run(stack, "refresh_marts", run.dag_run_id) for run in refreshes if run.state in ENDED]
    assert {run.state() for run in ended} == {"success"}
    # The last that had work: others may have run on a worker that is gone.
    hosts = next(hosts for run in reversed(ended) if (hosts := {task.host for task in run.tasks() if task.host}))
    assert hosts <= {container["Config"]["Hostname"] for container in stack.containers("airflow-worker")}


@pytest.mark.usefixtures("loaded")
def test_the_weather_mart_is_right(stack: ComposeStack) -> None:
    rows = stack.sql(
        """
        SELECT
            location_name, observation_date, observation_count, min_temperature_celsius, max_temperature_celsius,
            avg_temperature_celsius, total_precipitation_mm
        FROM mart.daily_weather_aggregates
        WHERE observation_date BETWEEN %s::date - 1 AND %s ORDER BY 1, 2
        """,
        *WINDOW,
    )
    assert len(rows) == 10 * 4
    assert rows == expected.daily_weather(stack, *WINDOW)


@pytest.mark.usefixtures("loaded")
def test_the_wikipedia_mart_is_right(stack: ComposeStack) -> None:
    rows = stack.sql(
        """
        SELECT page_title, revision_date, revision_count, unique_editors, avg_bytes_per_revision
        FROM mart.daily_wikipedia_page_stats WHERE revision_date >= %s AND revision_date < %s ORDER BY 1, 2
        """,
        *WINDOW,
    )
    assert rows
    assert rows == expected.daily_edits(stack, *WINDOW)


@pytest.mark.parametrize("dag_id", SOURCES)
def test_catchup_fills_the_days_since_the_start_date(dag_id: str, stack: ComposeStack) -> None:
    def succeeded() -> list[str]:
        runs = [run for run in stack.runs(dag_id) if run.run_type == "scheduled" and run.state == "success"]
        return sorted(day_of(run.data_interval_start) for run in runs)

    start = stack.settings["DW_START_DATE"]
    days = [expected.days_ago(days) for days in (3, 2, 1)]
    assert days[0] >= start
    wait_for(f"the runs of three days of {dag_id}", lambda: set(days) <= set(succeeded()))


def test_the_backfill_command_works_in_the_stack(stack: ComposeStack) -> None:
    answer = stack.run("./airflow.sh", "dags", "backfill", "weather", "-s", "2022-03-01", "-e", "2022-03-03")
    assert answer.returncode == 0, f"{answer.stdout}\n{answer.stderr}"
    assert "3/3 windows done, 0 running, 0 failed" in answer.stdout
    days = ["2022-03-01", "2022-03-02", "2022-03-03"]
    assert stack.sql(HOURS, "2022-02-20", "2022-03-10") == [(day, 240, 240) for day in days]


@pytest.mark.usefixtures("loaded")
def test_the_replay_command_works_in_the_stack(stack: ComposeStack) -> None:
    words = ("-s", "2021-03-01", "-e", "2021-03-03", "--only", "New England")
    answer = stack.run("./airflow.sh", "dags", "replay", "wikipedia", *words)
    assert answer.returncode == 0, f"{answer.stdout}\n{answer.stderr}"
    assert "wikipedia: 6/6 tasks done, 0 running, 0 failed" in answer.stdout
    assert re.search(r"^Replayed \d+ stored responses: 0 of [1-9]\d* rows changed in core\.$", answer.stdout, re.M)


def test_gaps_prints_a_command_that_fills_them_as_it_stands(stack: ComposeStack) -> None:
    day, end = expected.days_ago(2), expected.days_ago(1)
    wait_for(f"catchup of {day}", lambda: stack.sql(HOURS, day, end) == [(day, 240, 240)])
    stack.sql("DELETE FROM core.weather WHERE observed_at >= %s AND observed_at < %s RETURNING 1", day, f"{day}T06:00Z")
    told = stack.run("./airflow.sh", "python", "-m", "include", "gaps")
    assert told.returncode == 1, f"{told.stdout}\n{told.stderr}"
    _, _, commands = told.stdout.partition("To fill them:\n")
    assert f"./airflow.sh dags backfill weather -s {day}T00:00:00+00:00 -e {day}T00:00:00+00:00 " in commands
    filled = stack.run("bash", "-ec", commands)
    assert filled.returncode == 0, f"{filled.stdout}\n{filled.stderr}"
    assert stack.sql(HOURS, day, end) == [(day, 240, 240)]


HOURS = """
    SELECT observed_at::date::text, count(*), count(DISTINCT (location_id, observed_at)) FROM core.weather
    WHERE observed_at >= %s AND observed_at < %s GROUP BY 1 ORDER BY 1
"""


def test_a_run_cleared_through_the_api_leaves_the_same_rows(stack: ComposeStack, loaded: dict[str, Run]) -> None:
    before = core_rows(stack)
    assert len(before[0]) == 10 * 72
    for run in loaded.values():
        run.clear()
    for run in loaded.values():
        run.wait("success")
    assert core_rows(stack) == before


def core_rows(stack: ComposeStack) -> tuple[list[Row], list[Row]]:
    """The rows of the window, lineage included: unchanged rows are not rewritten."""
    weather = "SELECT * FROM core.weather WHERE observed_at >= %s AND observed_at < %s ORDER BY 1, 2"
    edits = "SELECT * FROM core.revision WHERE revision_timestamp >= %s AND revision_timestamp < %s ORDER BY 1, 2"
    return stack.sql(weather, *WINDOW), stack.sql(edits, *WINDOW)
