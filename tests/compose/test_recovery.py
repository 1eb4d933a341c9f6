"""Three workers, one of them killed in the middle of a run; PostgreSQL restarted in the middle of a backfill."""

from collections.abc import Iterator

import pytest

from tests.compose.stack import ComposeStack
from tests.docker import docker
from tests.e2e.stack import Run, Task, day_of, wait_for

WORKERS = 3
LOADS = 5
HOURS = """
    SELECT observed_at::date::text, count(*), count(DISTINCT (location_id, observed_at)) FROM core.weather
    WHERE observed_at >= %s AND observed_at < %s GROUP BY 1 ORDER BY 1
"""


@pytest.fixture
def three_workers(stack: ComposeStack) -> Iterator[None]:
    """Three workers of two tasks each, and a pool that lets all loads of a run ask at once."""
    stack.up("--scale", f"airflow-worker={WORKERS}")
    stack.resize_pool("open_meteo", LOADS)
    yield
    stack.resize_pool("open_meteo", 1)
    stack.compose("rm", "--force", "airflow-worker")  # the killed one
    stack.up()


@pytest.mark.usefixtures("three_workers")
def test_extraction_spreads_and_a_killed_worker_costs_nothing_but_time(stack: ComposeStack) -> None:
    with stack.paused("sandbox"):
        run = stack.trigger("weather", "2021-06-01", "2021-06-03")
        wait_for("all loads to be asked for", lambda: len(extracting(run)) == LOADS)
        spread = {task.host for task in extracting(run)}
        lost = extracting(run)[0]
        docker("kill", "--signal", "KILL", lost.host)
    run.wait("success")

    workers = {container["Config"]["Hostname"] for container in stack.containers("airflow-worker")}
    assert spread == workers
    assert len(workers) == WORKERS
    retried = run.task("load.extract", lost.map_index)
    assert retried.try_number > lost.try_number
    assert retried.host in workers - {lost.host}
    assert run.loads("status, error") == [("published", None)] * LOADS
    assert stack.sql(HOURS, "2021-05-20", "2021-06-10") == [("2021-06-01", 240, 240), ("2021-06-02", 240, 240)]


def extracting(run: Run) -> list[Task]:
    """The extractions that run on a worker."""
    return [task for task in run.tasks("load.extract") if task.state == "running" and task.host]


def test_a_restart_of_postgres_in_the_middle_of_a_backfill_loses_and_doubles_nothing(stack: ComposeStack) -> None:
    days = ["2022-05-01", "2022-05-02", "2022-05-03"]
    with stack.paused("sandbox"):
        backfill = stack.start("./airflow.sh", "dags", "backfill", "weather", "-s", days[0], "-e", days[-1])
        wait_for(
            "an extraction of the backfill", lambda: [task for run in backfilled(stack) for task in extracting(run)]
        )
        stack.compose("restart", "postgres")
    told, _ = backfill.communicate(timeout=300)
    assert backfill.returncode == 0, told
    assert "3/3 windows done, 0 running, 0 failed" in told
    assert [run.loads("status") for run in backfilled(stack)] == [[("published",)] * LOADS] * len(days)
    assert stack.sql(HOURS, "2022-04-20", "2022-05-10") == [(day, 240, 240) for day in days]


def backfilled(stack: ComposeStack) -> list[Run]:
    """The runs of this test's backfill."""
    found = [run for run in stack.runs("weather") if run.run_type == "backfill"]
    return [Run(stack, "weather", run.dag_run_id) for run in found if day_of(run.logical_date).startswith("2022-05")]
