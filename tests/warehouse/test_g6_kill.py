"""G6: a kill at any instant loses nothing and leaves nothing half-published; a re-run completes it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from airflow.sdk.exceptions import AirflowFailException

from sandbox import Fault, Sandbox
from tests.warehouse.pipeline import STEPS, DagRun, Pipeline, dag, snapshot, utc, wait_for

FORK = get_context("fork")
"""As Airflow starts its tasks: a process of its own that keeps the test's clock and connections."""

WINDOW = ("2026-08-20", "2026-08-26")
"""Across the border of the two weather APIs, so that its extraction asks twice."""

INSTANTS = [
    ("weather", "transform", "staging.weather"),
    ("weather", "validate", "audit.validation_result"),
    ("weather", "publish", "core.weather"),
    ("weather", "publish", "core.weather_daily"),
    ("weather", "publish", "staging.weather_unit"),
    ("wikipedia", "transform", "staging.revision"),
    ("wikipedia", "publish", "core.revision"),
    ("wikipedia", "publish", "staging.revision"),
]


@pytest.fixture
def known(pipeline: Pipeline, sandbox: Sandbox) -> Pipeline:
    """The pipeline with other values of the window in core, which a half-published load would mix with new ones."""
    sandbox.add_revisions("New England", utc(WINDOW[0]), 100, 3600)
    sandbox.faults.append(Fault.absurd("temperature_2m", 22.2))
    for dag_id in ("weather", "wikipedia"):
        assert pipeline.run(dag_id, *WINDOW).errors == {}
    sandbox.faults.clear()
    sandbox.add_revisions("New England", utc(WINDOW[0]) + timedelta(minutes=1), 600, 600)
    return pipeline


def planned(pipeline: Pipeline, dag_id: str) -> DagRun:
    params = {"start_date": WINDOW[0], "end_date": WINDOW[1]}
    return pipeline.plan(DagRun(dag_id, "killed", params, pipeline.clock()))


@contextmanager
def started(job: Callable[..., Any], *arguments: Any) -> Iterator[BaseProcess]:
    """The job in a process, which is killed when the block ends: SIGKILL, so that nothing of it can tidy up."""
    process = FORK.Process(target=job, args=arguments)
    process.start()
    try:
        yield process
        assert process.is_alive()
    finally:
        process.kill()
        process.join()
    assert process.exitcode == -9


@contextmanager
def held(pipeline: Pipeline, table: str) -> Iterator[Callable[[], None]]:
    """The table is locked during the block; yields a wait until someone stands before the lock."""
    with pipeline.owner.transaction():
        pipeline.owner.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield lambda: wait_for(lambda: pipeline.rows(WAITING_AT, table))
    # The server finds out about the end of a client after the statement that it is at.
    wait_for(lambda: not pipeline.rows(AT_WORK))


WAITING_AT = "SELECT pid FROM pg_locks WHERE relation = %s::regclass AND NOT granted"

AT_WORK = """
    SELECT 1 FROM pg_stat_activity
    WHERE datname = current_database() AND usename = 'dw_loader' AND state <> 'idle'
"""


def check_that_a_rerun_completes(
    pipeline: Pipeline, run: DagRun, since: str, elsewhere: Callable[[], Pipeline]
) -> None:
    """Its tables are those of a clean run, which is made in a database of its own: over this one it would find its rows there."""
    assert pipeline.finish(run, since=since).errors == {}
    assert pipeline.value("SELECT count(*) FROM audit.load WHERE status <> 'published'") == 0
    completed = tables_of(run.dag_id, pipeline)
    clean = elsewhere()
    assert clean.run(run.dag_id, *WINDOW).errors == {}
    assert completed == tables_of(run.dag_id, clean)


def tables_of(dag_id: str, pipeline: Pipeline) -> dict[str, list[tuple[Any, ...]]]:
    """Of the snapshot, what this DAG fills."""
    return {table: rows for table, rows in snapshot(pipeline).items() if ("weather" in table) == (dag_id == "weather")}


@pytest.mark.parametrize(("dag_id", "step", "table"), INSTANTS)
def test_g6_a_task_killed_at_a_table_leaves_everything_as_it_was(
    known: Pipeline, elsewhere: Callable[[], Pipeline], dag_id: str, step: str, table: str
) -> None:
    before = snapshot(known)
    run = planned(known, dag_id)
    known.finish(run, until=STEPS[STEPS.index(step) - 1])
    with held(known, table) as wait_until_it_stands_there, started(known.execute, dag_id, step, run.loads[0]):
        wait_until_it_stands_there()
    assert snapshot(known) == before
    check_that_a_rerun_completes(known, run, step, elsewhere)


@pytest.mark.parametrize("dag_id", ["weather", "wikipedia"])
def test_g6_an_extraction_killed_between_two_responses_keeps_the_first(
    known: Pipeline, elsewhere: Callable[[], Pipeline], sandbox: Sandbox, dag_id: str
) -> None:
    before = snapshot(known)
    run = planned(known, dag_id)
    raw = {"weather": "raw.weather_observations", "wikipedia": "raw.wikipedia_pages"}[dag_id]
    landed = f"SELECT count(*) FROM {raw} WHERE load_id = {run.loads[0]['load_id']}"
    asked = len(sandbox.requests)
    sandbox.faults.append(Fault.slow(60, when=lambda _: len(sandbox.requests) == asked + 2))
    with started(known.execute, dag_id, "extract", run.loads[0]):
        wait_for(lambda: len(sandbox.requests) == asked + 2)
    first_response = known.value(landed)
    assert first_response > 0
    assert snapshot(known) == before
    sandbox.faults.clear()
    check_that_a_rerun_completes(known, run, "extract", elsewhere)
    assert known.value(landed) > first_response
    assert known.value("SELECT attempt FROM audit.load WHERE run_id = 'killed'") == 2


UNLOGGED = "SELECT format('%I.%I', relnamespace::regnamespace, relname) FROM pg_class WHERE relpersistence = 'u' AND relkind = 'r'"


def crash_of_postgresql(pipeline: Pipeline) -> None:
    """Empties what its recovery empties; a real one stands in tests/e2e/test_g6_kill.py."""
    tables = [table for (table,) in pipeline.rows(UNLOGGED)]
    assert "staging.staged_load" in tables
    pipeline.owner.execute(f"TRUNCATE {', '.join(tables)}")


@pytest.mark.parametrize("step", ["validate", "publish"])
@pytest.mark.parametrize("dag_id", ["weather", "wikipedia"])
def test_g6_a_crash_of_postgresql_that_empties_staging_loses_nothing(
    known: Pipeline, elsewhere: Callable[[], Pipeline], dag_id: str, step: str
) -> None:
    run = planned(known, dag_id)
    known.finish(run, until=STEPS[STEPS.index(step) - 1])
    crash_of_postgresql(known)
    check_that_a_rerun_completes(known, run, step, elsewhere)


@pytest.mark.parametrize("step", ["validate", "publish"])
def test_g6_a_crash_of_postgresql_just_before_a_step_makes_it_fail_and_its_next_try_completes(
    known: Pipeline, elsewhere: Callable[[], Pipeline], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    run = planned(known, "weather")
    known.finish(run, until=STEPS[STEPS.index(step) - 1])
    with monkeypatch.context() as patched:
        # After the step has looked whether its rows are still there, before its own transaction.
        module, looks = {"validate": ("validate", "stage_again"), "publish": ("publish", "lost_its_rows")}[step]
        patched.setattr(f"plugins.operators.{module}.{looks}", lambda *_: crash_of_postgresql(known))
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="went with a crash of PostgreSQL"):
            known.execute("weather", step, run.loads[0])
    check_that_a_rerun_completes(known, run, step, elsewhere)


def test_g6_all_that_is_staged_goes_with_a_crash_or_nothing_of_it(pipeline: Pipeline) -> None:
    staged = {
        f"staging.{name}" for (name,) in pipeline.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'staging'")
    }
    # What extract noted is not staged: it stays.
    assert {table for (table,) in pipeline.rows(UNLOGGED)} == staged - {"staging.problem"}


def test_g6_a_killed_refresh_stays_due(known: Pipeline) -> None:
    known.refresh_marts()
    assert known.run("weather", *WINDOW).errors == {}
    due = "SELECT count(*) FROM audit.load WHERE marts_due_since IS NOT NULL"
    assert known.value(due) == 1
    refresh = dag("refresh_marts").task_dict["daily_weather_aggregates"].execute
    context = {"dag_run": SimpleNamespace(run_type="scheduled")}
    with held(known, "core.weather_daily") as wait_until_it_stands_there, started(refresh, context):
        wait_until_it_stands_there()
    assert known.value(due) == 1
    assert known.refresh_marts() == ["daily_weather_aggregates"]
    assert known.value(due) == 0


def test_g6_an_audit_that_cannot_be_done_is_not_a_verdict(known: Pipeline, elsewhere: Callable[[], Pipeline]) -> None:
    run = planned(known, "weather")
    known.finish(run, until="transform")
    known.owner.execute("ALTER TABLE core.location RENAME TO away")
    with pytest.raises(psycopg.Error, match=r'"core\.location" does not exist') as raised:
        known.execute("weather", "validate", run.loads[0])
    # Airflow does not try again after an AirflowFailException, how an audit that came to a verdict ends.
    assert not isinstance(raised.value, AirflowFailException)
    known.owner.execute("ALTER TABLE core.away RENAME TO location")
    check_that_a_rerun_completes(known, run, "validate", elsewhere)
