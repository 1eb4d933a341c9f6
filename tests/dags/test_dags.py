"""Integrity and policy of the DAG files."""

import subprocess
import sys
from typing import Any

import pytest

from include.settings import read_settings
from include.sources import SOURCES
from tests.conftest import REPO

DAGS = {*SOURCES, "refresh_marts"}
STEPS = ["plan", "load.extract", "load.transform", "load.validate", "load.publish", "all_loaded"]


def test_all_dags_are_there_and_import_without_an_error(bag: Any) -> None:
    assert bag.import_errors == {}
    assert set(bag.dags) == DAGS


@pytest.mark.parametrize("dag_id", sorted(DAGS))
def test_every_dag_has_owner_tags_description_and_documentation(bag: Any, dag_id: str) -> None:
    dag = bag.dags[dag_id]
    assert dag.tags and dag.description and len(dag.doc_md) > 200
    assert dag.owner == "data-platform"
    assert dag.start_date.utcoffset().total_seconds() == 0
    assert all(len(task.doc_md) > 50 for task in dag.tasks)
    # Those of refresh_marts follow from the registry.
    for task_id in STEPS if dag_id in SOURCES else ():
        assert f"`{task_id.removeprefix('load.')}`" in dag.doc_md


@pytest.mark.parametrize("dag_id", sorted(DAGS))
def test_every_task_retries_with_backoff_and_ends(bag: Any, dag_id: str) -> None:
    for task in bag.dags[dag_id].tasks:
        assert task.execution_timeout is not None
        assert task.retries == 3 and task.retry_exponential_backoff
        assert task.retry_delay.total_seconds() == 2


@pytest.mark.parametrize("dag_id", sorted(DAGS))
def test_what_fails_is_noted_and_told(bag: Any, dag_id: str) -> None:
    dag = bag.dags[dag_id]
    assert dag.on_failure_callback.__name__ == "tell_run_failed"
    for task in dag.tasks:
        assert [callback.__name__ for callback in task.on_failure_callback] == ["note_failure"]


def test_a_refresh_that_does_not_end_is_ended_later_than_all_its_tries_take(bag: Any) -> None:
    dag = bag.dags["refresh_marts"]
    longest = sum((task.retries + 1) * task.execution_timeout.total_seconds() for task in dag.tasks)
    assert longest < dag.dagrun_timeout.total_seconds() < 2 * longest


@pytest.mark.parametrize("dag_id", sorted(SOURCES))
def test_a_source_is_plan_and_mapped_loads_of_four_steps(bag: Any, dag_id: str) -> None:
    dag = bag.dags[dag_id]
    source = SOURCES[dag_id]
    assert [task.task_id for task in dag.topological_sort()] == STEPS
    assert set(dag.task_group.children) == {"plan", "load", "all_loaded"}
    extract = dag.get_task("load.extract")
    assert extract.pool == source.pool
    assert extract.execution_timeout.total_seconds() == extract.patience.longest_try
    assert type(extract.retry_policy).__name__ == "HonourRetryAfter"
    assert [outlet.name for outlet in dag.get_task("load.publish").outlets] == [f"core.{source.core_table}"]
    assert dag.get_task("all_loaded").upstream_task_ids == {"load.validate", "load.publish"}
    assert dag.get_task("load.publish").trigger_rule == "all_done"
    assert dag.catchup and dag.max_active_runs == 8


@pytest.mark.parametrize("dag_id", sorted(SOURCES))
def test_a_window_may_be_given_and_need_not(bag: Any, dag_id: str) -> None:
    params = bag.dags[dag_id].params
    names = SOURCES[dag_id].subjects.names_param
    assert params.dump() == {"start_date": None, "end_date": None, names: None, "replay": False}
    assert all(params.get_param(name).description for name in params)


@pytest.mark.parametrize(
    "moment", ["2026-10-01", "2026-10-01T06:00", "2026-10-01T06:00:00Z", "2026-10-01T08:00:00+02:00"]
)
def test_dates_and_datetimes_pass_and_the_ui_shows_a_picker(bag: Any, moment: str) -> None:
    for name in ("start_date", "end_date"):
        param = bag.dags["weather"].params.get_param(name)
        assert param.schema["format"] == "date-time"
        assert param.resolve(moment) == moment


def test_the_marts_follow_every_source_and_a_clock(bag: Any) -> None:
    dag = bag.dags["refresh_marts"]
    assert type(dag.timetable).__name__ == "AssetOrTimeSchedule"
    assert {asset.name for asset in dag.timetable.asset_condition.objects} == {
        f"core.{source.core_table}" for source in SOURCES.values()
    }
    assert dag.max_active_runs == 1 and not dag.catchup
    assert {task.outlets[0].name for task in dag.tasks} == {f"mart.{task.task_id}" for task in dag.tasks}


def test_intervals_have_a_width(bag: Any) -> None:
    """A bare cron string has a zero-width interval in Airflow 3."""
    for dag_id in SOURCES:
        assert type(bag.dags[dag_id].timetable).__name__ == "CronDataIntervalTimetable"


def test_a_dag_file_parses_in_under_a_second() -> None:
    """In a process that has Airflow and its providers, as the DAG processor does, and nothing of ours yet. The bound is the
    project's own, in CPU seconds."""
    code = """
import os, sys, time
import airflow.providers.common.sql.operators.sql, airflow.providers.http.operators.http
import airflow.providers.postgres.hooks.postgres
from airflow.dag_processing.dagbag import DagBag
for file in sys.argv[1:]:
    if not os.fork():
        start = time.process_time()
        bag = DagBag(file)
        assert bag.dags and not bag.import_errors
        print(file, time.process_time() - start, flush=True)
        os._exit(0)
    os.wait()
"""
    files = [str(REPO / "dags" / f"{dag_id}.py") for dag_id in sorted(DAGS)]
    ran = subprocess.run([sys.executable, "-c", code, *files], cwd=REPO, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    seconds = dict(line.rsplit(" ", 1) for line in ran.stdout.splitlines() if line.startswith(tuple(files)))
    assert list(seconds) == files
    assert {file: taken for file, taken in seconds.items() if float(taken) >= 1} == {}


def test_a_bad_setting_is_an_import_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.dag_processing.dagbag import DagBag

    monkeypatch.setenv("DW_WEATHER_SCHEDULE", "every now and then")
    bag = DagBag(str(REPO / "dags" / "weather.py"))
    (error,) = bag.import_errors.values()
    assert "DW_WEATHER_SCHEDULE" in error and "every now and then" in error


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.dag_processing.dagbag import DagBag

    monkeypatch.setenv("DW_WEATHER_SCHEDULE", "@hourly")
    monkeypatch.setenv("DW_START_DATE", "2026-03-01")
    dag: Any = DagBag(str(REPO / "dags" / "weather.py")).dags["weather"]
    assert dag.timetable.expression == "0 * * * *"
    assert dag.start_date.isoformat() == "2026-03-01T00:00:00+00:00"
    assert read_settings().sources["weather"].schedule == "@hourly"


@pytest.mark.parametrize("seconds", [0, 600])
def test_a_longer_patience_gives_an_extraction_as_much_more_time(
    bag: Any, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    from airflow.dag_processing.dagbag import DagBag

    monkeypatch.setenv("DW_PATIENCE_SECONDS", str(seconds))
    extract: Any = DagBag(str(REPO / "dags" / "wikipedia.py")).dags["wikipedia"].get_task("load.extract")
    default = bag.dags["wikipedia"].get_task("load.extract")
    assert (default.patience.seconds, extract.patience.seconds) == (75, seconds)
    assert (extract.execution_timeout - default.execution_timeout).total_seconds() == seconds - 75


def test_no_deprecated_path_of_airflow_is_used() -> None:
    """Parsing with Airflow's own deprecations as errors."""
    code = (
        "import warnings, runpy\n"
        "from airflow.exceptions import RemovedInAirflow4Warning\n"
        "warnings.simplefilter('error', RemovedInAirflow4Warning)\n"
        f"for dag in {sorted(DAGS)}: runpy.run_path('dags/' + dag + '.py')\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
