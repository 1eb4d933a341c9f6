"""G2: any run, cleared and re-run, run twice at once, or overlapping another window, leaves what one clean run leaves."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from include.seeds import Seeds, load_seeds, read_seeds
from sandbox import Fault, Sandbox
from tests.warehouse.pipeline import DagRun, Pipeline, at_once, snapshot, wait_for

WINDOW = ("2026-10-28", "2026-11-03")


def published(pipeline: Pipeline, *dag_and_windows: tuple[str, str, str]) -> None:
    for dag_id, start, end in dag_and_windows:
        assert pipeline.run(dag_id, start, end).errors == {}


@pytest.mark.parametrize("dag_id", ["weather", "wikipedia"])
def test_g2_the_same_window_three_times_is_once(pipeline: Pipeline, dag_id: str) -> None:
    published(pipeline, (dag_id, *WINDOW))
    once = snapshot(pipeline)
    published(pipeline, (dag_id, *WINDOW), (dag_id, *WINDOW))
    assert snapshot(pipeline) == once
    assert pipeline.value("SELECT sum(rows_changed) FROM audit.load WHERE load_id > 1") == 0


@pytest.mark.parametrize("dag_id", ["weather", "wikipedia"])
@pytest.mark.parametrize("since", ["extract", "transform", "publish"])
def test_g2_a_task_cleared_with_its_downstream_leaves_the_same(pipeline: Pipeline, dag_id: str, since: str) -> None:
    run = pipeline.run(dag_id, *WINDOW)
    once = snapshot(pipeline)
    pipeline.finish(run, since=since)
    assert run.errors == {}
    assert snapshot(pipeline) == once


def test_g2_a_whole_run_cleared_opens_new_loads_and_leaves_the_same(pipeline: Pipeline) -> None:
    run = pipeline.run("weather", *WINDOW)
    once = snapshot(pipeline)
    pipeline.finish(pipeline.plan(run))
    assert run.errors == {}
    assert snapshot(pipeline) == once
    assert pipeline.value("SELECT count(*) FROM audit.load WHERE status = 'published'") == 2


def test_g2_a_run_planned_anew_abandons_its_unfinished_loads(pipeline: Pipeline) -> None:
    run = pipeline.run("weather", *WINDOW, conf={})
    pipeline.finish(pipeline.plan(run), until="extract")
    abandoned = list(run.loads)
    pipeline.plan(run)
    run.loads = abandoned
    pipeline.finish(run, since="transform")
    assert "clear the whole run" in run.error


@pytest.mark.parametrize("dag_id", ["weather", "wikipedia"])
def test_g2_two_runs_of_a_window_at_once_are_one(
    pipeline: Pipeline, elsewhere: Callable[[], Pipeline], dag_id: str
) -> None:
    runs: list[DagRun] = []
    at_once(*[lambda: runs.append(pipeline.run(dag_id, *WINDOW))] * 2)
    assert [run.errors for run in runs] == [{}, {}]
    check_that_it_is_what_one_clean_run_leaves(pipeline, elsewhere, (dag_id, *WINDOW))


@pytest.mark.parametrize("dag_id", ["weather", "wikipedia"])
def test_g2_overlapping_windows_four_at_a_time_end_as_one_clean_run(
    pipeline: Pipeline, elsewhere: Callable[[], Pipeline], dag_id: str
) -> None:
    seed = 20261120
    print(f"seed {seed}")
    days = random.Random(seed)
    # Four of them make the whole; the others lie anywhere in it.
    whole = ("2026-09-28", "2026-10-31")
    windows = [("2026-09-28", "2026-10-06"), ("2026-10-05", "2026-10-14"), ("2026-10-13T05", "2026-10-22T17"),
               ("2026-10-22", "2026-10-31")]  # fmt: skip
    for _ in range(4):
        start = days.randint(1, 24)
        windows.append((f"2026-10-{start:02}", f"2026-10-{start + days.randint(1, 6):02}T05"))
    days.shuffle(windows)
    runs: list[DagRun] = []

    def work(mine: list[tuple[str, str]]) -> None:
        for start, end in mine:
            runs.append(pipeline.run(dag_id, start, end))

    at_once(*[lambda mine=windows[part::4]: work(mine) for part in range(4)])
    assert [run.errors for run in runs] == [{}] * 8
    check_that_it_is_what_one_clean_run_leaves(pipeline, elsewhere, (dag_id, *whole))


def check_that_it_is_what_one_clean_run_leaves(
    pipeline: Pipeline, elsewhere: Callable[[], Pipeline], dag_and_window: tuple[str, str, str]
) -> None:
    """In a database of its own: a run over the same one would find its rows there, and leave alone what is wrong."""
    found = snapshot(pipeline)
    clean = elsewhere()
    published(clean, dag_and_window)
    once = snapshot(clean)
    assert once["core.weather" if dag_and_window[0] == "weather" else "core.revision"]
    assert found == once


@pytest.mark.parametrize("known_before", [False, True], ids=["empty-core", "known-before"])
def test_g2_a_response_that_is_published_late_does_not_replace_a_later_one(
    pipeline: Pipeline, sandbox: Sandbox, known_before: bool
) -> None:
    """Also when the later response only confirmed what core held, so that its rows still name an older one."""
    day = {"start_date": "2026-10-05", "end_date": "2026-10-06"}
    if known_before:
        sandbox.faults.append(Fault.absurd("temperature_2m", 22.2, times=1))
        published(pipeline, ("weather", *day.values()))
    early = DagRun("weather", "early", day, pipeline.clock())
    sandbox.faults.append(Fault.absurd("temperature_2m", 11.1, times=1))
    pipeline.finish(pipeline.plan(early), until="validate")
    sandbox.faults.append(Fault.absurd("temperature_2m", 22.2, times=1))
    published(pipeline, ("weather", *day.values()))
    pipeline.finish(early, since="publish")
    assert early.errors == {}
    assert pipeline.rows("SELECT DISTINCT temperature_celsius::text FROM core.weather") == [("22.20",)]


def test_g2_an_hour_that_the_later_response_has_no_good_value_for_is_published_late(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    early = DagRun("weather", "early", {"start_date": "2026-10-05", "end_date": "2026-10-06"}, pipeline.clock())
    pipeline.finish(pipeline.plan(early), until="validate")
    sandbox.faults.append(
        Fault.absurd("temperature_2m", 999.9, hour="2026-10-05T05:00", place=(42.3601, -71.0589), times=1)
    )
    published(pipeline, ("weather", "2026-10-05", "2026-10-06"))
    assert pipeline.value("SELECT count(*) FROM core.weather") == 47
    pipeline.finish(early, since="publish")
    assert early.errors == {}
    assert pipeline.value("SELECT count(*) FROM core.weather") == 48
    assert pipeline.value("SELECT sum(observation_count) FROM core.weather_daily") == 48


def test_g2_revisions_of_a_page_that_was_deleted_meanwhile_are_published_late(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    early = DagRun("wikipedia", "early", {"start_date": "2026-10-05", "end_date": "2026-10-06"}, pipeline.clock())
    pipeline.finish(pipeline.plan(early), until="validate")
    staged = pipeline.value("SELECT count(*) FROM staging.revision")
    sandbox.delete_page("New England")
    published(pipeline, ("wikipedia", "2026-10-05", "2026-10-06"))
    assert pipeline.value("SELECT count(*) FROM core.revision") < staged
    pipeline.finish(early, since="publish")
    assert early.errors == {}
    assert pipeline.value("SELECT count(*) FROM core.revision") == staged


def test_g2_a_late_description_of_a_page_does_not_replace_a_later_one(pipeline: Pipeline, sandbox: Sandbox) -> None:
    early = DagRun("wikipedia", "early", {"start_date": "2026-10-05", "end_date": "2026-10-06"}, pipeline.clock())
    published(pipeline, ("wikipedia", "2026-10-05", "2026-10-06"))
    sandbox.move_page("New England", "Elsewhere")
    pipeline.finish(pipeline.plan(early), until="validate")
    sandbox.clear()
    published(pipeline, ("wikipedia", "2026-10-05", "2026-10-06"))
    pipeline.finish(early, since="publish")
    assert early.errors == {}
    assert pipeline.rows("SELECT page_title FROM core.wikipedia_page") == [("New England",)]


@pytest.mark.parametrize(
    ("dag_id", "lock"),
    [
        ("weather", "SELECT 1 FROM core.location WHERE location_id = 1 FOR NO KEY UPDATE"),
        ("wikipedia", "SELECT 1 FROM core.tracked_page WHERE page_id = 1 FOR NO KEY UPDATE"),
    ],
)
def test_g2_a_repeated_publish_waits_for_another_load_of_its_subjects(
    pipeline: Pipeline, dag_id: str, lock: str
) -> None:
    """Its staging is empty by then, and it recomputes what the other load is about to change."""
    run = pipeline.run(dag_id, "2026-10-05", "2026-10-06")
    with pipeline.owner.transaction():
        pipeline.owner.execute(lock)
        repeated = threading.Thread(target=pipeline.finish, args=(run, "publish"))
        repeated.start()
        waits = "SELECT 1 FROM pg_locks WHERE NOT granted"
        wait_for(lambda: not repeated.is_alive() or pipeline.rows(waits))
        assert repeated.is_alive()
    repeated.join()
    assert run.errors == {}


@pytest.mark.parametrize(
    ("table", "key"), [("core.location", "location_id"), ("core.tracked_page", "page_id")], ids=["places", "pages"]
)
def test_g2_seeding_locks_in_the_order_of_the_publishes(
    pipeline: Pipeline, database: Callable[[str], str], table: str, key: str
) -> None:
    """Whatever the order of the file: while it waits for the first place it holds none that a publish has yet to lock."""
    seeds = read_seeds()
    load_seeds(pipeline.owner, seeds)
    places = [name for (name,) in pipeline.rows("SELECT location_name FROM core.location ORDER BY location_id DESC")]
    pages = [title for (title,) in pipeline.rows("SELECT page_title FROM core.tracked_page ORDER BY page_id DESC")]
    turned = Seeds(
        tuple(sorted(seeds.locations or (), key=lambda location: places.index(location.location_name))),
        tuple(sorted(seeds.pages or (), key=lambda page: pages.index(page.page_title))),
    )
    first, last = pipeline.rows(f"SELECT min({key}), max({key}) FROM {table}")[0]
    lock = f"SELECT 1 FROM {table} WHERE {key} = %s FOR NO KEY UPDATE"

    def seed() -> None:
        with psycopg.connect(database("dw_owner")) as second:
            load_seeds(second, turned)

    with ThreadPoolExecutor() as pool:
        with psycopg.connect(database("dw_loader")) as publish:
            publish.execute(lock, [first])
            seeded = pool.submit(seed)
            wait_for(lambda: pipeline.rows("SELECT 1 FROM pg_locks WHERE NOT granted"))
            publish.execute("SET lock_timeout = '5s'")
            publish.execute(lock, [last])
        seeded.result()


def test_g2_two_loads_need_the_same_new_month_at_once(pipeline: Pipeline, database: Callable[[str], str]) -> None:
    month = "SELECT core.ensure_weather_partitions('1950-01-01Z', '1950-02-01Z')"

    def make_it_too() -> None:
        with psycopg.connect(database("dw_loader")) as second:
            second.execute(month)

    with ThreadPoolExecutor() as pool:
        with psycopg.connect(database("dw_loader")) as first:
            first.execute(month)
            made_too = pool.submit(make_it_too)
            wait_for(lambda: made_too.done() or pipeline.rows("SELECT 1 FROM pg_locks WHERE NOT granted"))
        made_too.result()


def test_g2_a_zombie_of_an_older_attempt_does_not_stop_the_newer_one(pipeline: Pipeline) -> None:
    from include.errors import LoadError
    from include.loads import RunKey, begin_extraction, finish_extraction, record_failure

    run = DagRun("weather", "zombie", {"start_date": "2026-10-05", "end_date": "2026-10-06"}, pipeline.clock())
    load_id = pipeline.plan(run).loads[0]["load_id"]
    zombie = begin_extraction(pipeline.owner, load_id)
    healthy = begin_extraction(pipeline.owner, load_id)
    with pytest.raises(LoadError, match="overtaken"):
        finish_extraction(pipeline.owner, zombie, 0)
    record_failure(pipeline.owner, RunKey("weather", "zombie"), 0, "the zombie's end")
    finish_extraction(pipeline.owner, healthy, 2)
    assert pipeline.rows("SELECT status, rows_raw, error FROM audit.load") == [("extracted", 2, None)]


def test_g2_planning_anew_empties_the_staging_of_what_it_abandons(pipeline: Pipeline) -> None:
    for dag_id in ("weather", "wikipedia"):
        run = DagRun(dag_id, "anew", {"start_date": "2026-10-05", "end_date": "2026-10-06"}, pipeline.clock())
        pipeline.finish(pipeline.plan(run), until="transform")
        pipeline.plan(run)
    for table in ("weather", "weather_unit", "page", "revision"):
        assert pipeline.value(f"SELECT count(*) FROM staging.{table}") == 0


def test_g2_that_a_load_was_published_stays_on_record_when_it_fails_later(pipeline: Pipeline, sandbox: Sandbox) -> None:
    run = pipeline.run("weather", "2026-10-05", "2026-10-06")
    sandbox.faults.append(Fault.server_error())
    pipeline.finish(run)
    assert pipeline.rows("SELECT status, published_at IS NOT NULL FROM audit.load") == [("failed", True)]


def test_g2_days_split_between_two_loads_at_once_are_whole_in_the_rollup(pipeline: Pipeline) -> None:
    halves = [("2026-10-05", "2026-10-06T12"), ("2026-10-06T12", "2026-10-08")]
    for _ in range(5):
        at_once(*[lambda window=window: published(pipeline, ("weather", *window)) for window in halves])
        whole_days = pipeline.rows(
            "SELECT observation_count FROM core.weather_daily WHERE observation_date IN ('2026-10-05', '2026-10-06')"
        )
        assert whole_days == [(24,)] * 4
        pipeline.owner.execute("TRUNCATE core.weather, core.weather_daily")


def test_g2_parents_loaded_after_their_children_give_the_same_size_changes(pipeline: Pipeline) -> None:
    published(pipeline, ("wikipedia", "2026-10-15", "2026-11-01"), ("wikipedia", "2026-10-01", "2026-10-15"))
    backwards = snapshot(pipeline)
    pipeline.owner.execute("TRUNCATE core.revision")
    published(pipeline, ("wikipedia", "2026-10-01", "2026-11-01"))
    assert snapshot(pipeline)["core.revision"] == backwards["core.revision"]
    assert pipeline.value("SELECT count(*) FROM core.revision WHERE size_delta_bytes IS NULL") == 1
