"""G5: a run's window is half-open [start, end) in UTC; windows tile; nothing later than now is stored as observed."""

from datetime import timedelta
from itertools import pairwise

import pytest

from sandbox import Sandbox
from tests.warehouse.pipeline import DagRun, Pipeline, utc


def hours(pipeline: Pipeline) -> tuple[object, object, int]:
    """First and last stored hour of Boston, and how many there are."""
    return pipeline.rows("SELECT min(observed_at), max(observed_at), count(*) FROM core.weather WHERE location_id = 1")[
        0
    ]


def test_g5_the_end_is_exclusive(pipeline: Pipeline) -> None:
    pipeline.run("weather", "2026-10-05", "2026-10-06")
    assert hours(pipeline) == (utc("2026-10-05"), utc("2026-10-05T23"), 24)


def test_g5_both_ends_of_a_window_of_revisions(pipeline: Pipeline, sandbox: Sandbox) -> None:
    sandbox.add_revisions("New England", utc("2026-10-05"), 1)
    sandbox.add_revisions("New England", utc("2026-10-06"), 1)
    pipeline.run("wikipedia", "2026-10-05", "2026-10-06")
    stamps = pipeline.rows("SELECT min(revision_timestamp), max(revision_timestamp) FROM core.revision")[0]
    assert stamps[0] == utc("2026-10-05")
    assert stamps[1] < utc("2026-10-06")


@pytest.mark.parametrize("dag_id", ["weather", "wikipedia"])
def test_g5_consecutive_windows_tile_without_gap_or_overlap(pipeline: Pipeline, dag_id: str) -> None:
    windows = ["2026-10-05", "2026-10-05T07", "2026-10-06T23:00:00+02:00", "2026-10-07"]
    for start, end in pairwise(windows):
        assert pipeline.run(dag_id, start, end).errors == {}
    facts = "core.weather" if dag_id == "weather" else "core.revision"
    parts = pipeline.value(f"SELECT count(*) FROM {facts}")
    offered = pipeline.value("SELECT sum(rows_published) FROM audit.load")
    assert pipeline.run(dag_id, windows[0], windows[-1]).errors == {}
    whole = pipeline.value("SELECT rows_published FROM audit.load ORDER BY load_id DESC LIMIT 1")
    assert parts == offered == whole == pipeline.value(f"SELECT count(*) FROM {facts}")


def test_g5_nothing_later_than_now_is_stored(pipeline: Pipeline, sandbox: Sandbox) -> None:
    now = sandbox.now
    tomorrow = (now + timedelta(days=2)).date().isoformat()
    assert pipeline.run("weather", now.date().isoformat(), tomorrow).errors == {}
    assert hours(pipeline)[1] == now.replace(minute=0)
    sandbox.add_revisions("New England", now - timedelta(minutes=1), 5, 30)
    assert pipeline.run("wikipedia", now.date().isoformat(), tomorrow).errors == {}
    assert pipeline.value("SELECT max(revision_timestamp) FROM core.revision") < now
    assert pipeline.value("SELECT max(window_end) FROM audit.load WHERE source = 'wikipedia'") == now


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        ("2026-12-24", "2026-12-25", "lies in the future"),
        ("2026-10-06", "2026-10-05", "is not before end_date"),
        ("2026-10-06", "2026-10-06", "is not before end_date"),
        ("1939-12-31", "1940-01-02", "before 1940-01-01"),
        ("yesterday", "2026-10-05", "start_date must be a date"),
        ("2026-10-05", None, "end_date is missing"),
        ("2026-10-05T06:10", "2026-10-05T06:50", "holds no full hour"),
    ],
)
def test_g5_a_window_that_cannot_be_loaded_is_refused_in_plan(
    pipeline: Pipeline, start: str, end: str | None, words: str
) -> None:
    with pytest.raises(Exception, match=words) as refused:
        pipeline.run("weather", start, end)
    assert "weather" in str(refused.value)
    assert pipeline.value("SELECT count(*) FROM audit.load") == 0


def test_g5_a_data_interval_is_the_window_and_a_scheduled_run_reads_the_days_before_it_again(
    pipeline: Pipeline,
) -> None:
    interval = {"data_interval_start": utc("2026-10-05"), "data_interval_end": utc("2026-10-06")}
    pipeline.run("weather", run_type="backfill", **interval)
    assert hours(pipeline) == (utc("2026-10-05"), utc("2026-10-05T23"), 24)
    pipeline.run("weather", run_type="scheduled", **interval)
    assert hours(pipeline) == (utc("2026-09-30"), utc("2026-10-05T23"), 6 * 24)


def test_g5_a_run_without_interval_reads_the_last_complete_one_before_its_run_after_also_when_cleared_later(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    run = DagRun("weather", "null", {}, run_after=utc("2026-11-18T09:30"))
    pipeline.finish(pipeline.plan(run))
    assert hours(pipeline) == (utc("2026-11-17"), utc("2026-11-17T23"), 24)
    sandbox.now = sandbox.now + timedelta(days=7)
    pipeline.finish(pipeline.plan(run))
    assert hours(pipeline) == (utc("2026-11-17"), utc("2026-11-17T23"), 24)
