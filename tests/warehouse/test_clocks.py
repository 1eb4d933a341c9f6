"""Clocks that disagree: PostgreSQL's decides what is over, and the doctor tells."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from include import doctor
from include.doctor.finding import State
from sandbox import Sandbox
from tests.warehouse.pipeline import Pipeline, task

HOUR = timedelta(hours=1)

TURNED = """
    CREATE SCHEMA turned;
    GRANT USAGE ON SCHEMA turned TO dw_loader;
    CREATE FUNCTION turned.clock_timestamp() RETURNS timestamptz LANGUAGE sql
    RETURN pg_catalog.clock_timestamp() - make_interval(secs => {seconds});
    ALTER TABLE raw.weather_observations ALTER COLUMN ingested_at SET DEFAULT turned.clock_timestamp();
    ALTER TABLE raw.wikipedia_pages ALTER COLUMN ingested_at SET DEFAULT turned.clock_timestamp();
"""
"""What a session finds that looks there before it looks in pg_catalog, and what stamps the responses."""


def turn(owner: psycopg.Connection, url: str, ahead: timedelta) -> None:
    """For this role, PostgreSQL's clock is the right one, and that of this process is ahead of it."""
    owner.execute(TURNED.format(seconds=ahead.total_seconds()).encode())
    with psycopg.connect(url) as connection:
        path = "ALTER ROLE CURRENT_USER IN DATABASE {} SET search_path TO turned, pg_catalog"
        connection.execute(path.format(connection.info.dbname).encode())


@pytest.mark.parametrize("ahead", [HOUR, -HOUR], ids=["ahead", "behind"])
def test_g5_a_worker_whose_clock_is_wrong_goes_by_that_of_postgresql(
    pipeline: Pipeline,
    sandbox: Sandbox,
    database: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
    ahead: timedelta,
) -> None:
    turn(pipeline.owner, database("dw_loader"), ahead)
    # As in a task: with the clock that the DAGs give it.
    monkeypatch.setattr(pipeline, "task", lambda dag_id, task_id: task(dag_id, task_id).prepare_for_execution())
    before = datetime.now(UTC) - ahead
    sandbox.now = before
    sandbox.add_revisions("New England", before - 2 * HOUR, 50, 300)
    window = ((before - 24 * HOUR).date().isoformat(), (before + 48 * HOUR).date().isoformat())
    for dag_id in ("weather", "wikipedia"):
        assert pipeline.run(dag_id, *window).errors == {}
    after = datetime.now(UTC) - ahead
    hour = pipeline.value("SELECT max(observed_at) FROM core.weather")
    assert before - HOUR < hour <= after
    revision = pipeline.value("SELECT max(revision_timestamp) FROM core.revision")
    assert before - timedelta(minutes=10) < revision <= after
    end = pipeline.value("SELECT max(window_end) FROM audit.load WHERE source = 'wikipedia'")
    assert before - timedelta(seconds=1) <= end <= after


def test_the_doctor_tells_of_a_clock_that_is_wrong(
    owner: psycopg.Connection, database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "CHECKS", [check for check in doctor.CHECKS if check.name == "clock"])
    environment = {**os.environ, "WAREHOUSE_URL": database("dw_owner")}
    assert doctor.diagnose(environment, datetime.now(UTC))["clock"].state == State.GOOD
    turn(owner, database("dw_owner"), HOUR)
    found = doctor.diagnose(environment, datetime.now(UTC))["clock"]
    assert (found.state, found.text) == (State.BAD, "60 min ahead of PostgreSQL's")
