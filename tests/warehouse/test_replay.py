"""Replays: core is built again from the responses that raw holds, nobody is asked, and the same rows come out."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from include.sources.weather.api import UNITS
from sandbox import Fault, Sandbox
from tests.warehouse.pipeline import RUN_NUMBERS, DagRun, Pipeline, at_once, mistaken, snapshot
from tests.warehouse.test_wikipedia import later, versions

WINDOW = ("2026-10-05", "2026-10-07")
DAY = ("2026-10-05", "2026-10-06")
HOUR = "2026-10-05T03:00"
SOURCES = pytest.mark.parametrize("dag_id", ["weather", "wikipedia"])
FACTS = {"weather": "core.weather", "wikipedia": "core.revision"}


def load(pipeline: Pipeline, dag_id: str, *window: str, **params: Any) -> DagRun:
    """A run that must succeed."""
    run = pipeline.run(dag_id, *window, conf=params)
    assert run.errors == {}
    return run


def replay(pipeline: Pipeline, dag_id: str, *window: str, **params: Any) -> DagRun:
    """A replay that must succeed."""
    return load(pipeline, dag_id, *window, replay=True, **params)


def planned(pipeline: Pipeline, dag_id: str, *window: str, **params: Any) -> DagRun:
    """A run that was planned and no more."""
    times = {"start_date": window[0], "end_date": window[1]}
    return pipeline.plan(DagRun(dag_id, f"planned_{next(RUN_NUMBERS)}", times | params, pipeline.clock()))


def reject(sandbox: Sandbox, value: float = 99) -> None:
    """The next response is one that the audit rejects as a whole."""
    sandbox.faults.append(Fault.absurd("temperature_2m", value, times=1))


def temperatures(pipeline: Pipeline) -> set[str]:
    """All that stand in core at HOUR."""
    query = "SELECT DISTINCT temperature_celsius::text FROM core.weather WHERE observed_at = %s"
    return {row[0] for row in pipeline.rows(query, f"{HOUR}Z")}


def nulls(sandbox: Sandbox, hour: str = HOUR) -> None:
    """The next response knows nothing of one hour."""
    sandbox.faults += [Fault.null(variable, hour=hour, times=1) for variable in UNITS]


def last_load(pipeline: Pipeline, columns: str) -> tuple[Any, ...]:
    return pipeline.rows(f"SELECT {columns} FROM audit.load ORDER BY load_id DESC LIMIT 1")[0]


DAMAGE = {
    "weather": [
        "UPDATE core.weather SET temperature_celsius = 0, load_id = 0 WHERE observed_at < '2026-10-05T06:00Z'",
        "DELETE FROM core.weather WHERE observed_at >= '2026-10-06T12:00Z'",
        "UPDATE core.weather_daily SET avg_temperature_celsius = 0",
    ],
    "wikipedia": [
        "UPDATE core.revision SET revision_comment = 'damage', load_id = 0 WHERE revision_timestamp < '2026-10-05T06:00Z'",
        "DELETE FROM core.revision WHERE revision_timestamp >= '2026-10-06T12:00Z'",
        "UPDATE core.wikipedia_page SET namespace = 7",
    ],
}


@SOURCES
def test_a_replay_restores_what_was_damaged_and_asks_nobody(pipeline: Pipeline, dag_id: str, sandbox: Sandbox) -> None:
    first = load(pipeline, dag_id, *WINDOW)
    clean, raw = snapshot(pipeline), rows_of_raw(pipeline)
    damaged = sum(pipeline.owner.execute(statement).rowcount for statement in DAMAGE[dag_id][:2])
    pipeline.owner.execute(DAMAGE[dag_id][2])
    assert damaged > 3 and snapshot(pipeline) != clean
    asked = len(sandbox.requests)
    again = replay(pipeline, dag_id, *WINDOW)
    assert len(sandbox.requests) == asked
    assert snapshot(pipeline) == clean
    assert rows_of_raw(pipeline) == raw
    load_ids = dict(pipeline.rows(f"SELECT load_id, count(*) FROM {FACTS[dag_id]} GROUP BY 1"))
    assert load_ids == {
        first.loads[0]["load_id"]: sum(load_ids.values()) - damaged,
        again.loads[0]["load_id"]: damaged,
    }
    lineage = f"SELECT DISTINCT load_id FROM {raw_table(dag_id)} WHERE id IN (SELECT raw_id FROM {FACTS[dag_id]})"
    assert pipeline.rows(lineage) == [(first.loads[0]["load_id"],)]
    assert last_load(pipeline, "is_replay, status, attempt, rows_raw, rows_changed") == (
        True, "published", 1, sum(len(rows) for rows in raw), damaged,
    )  # fmt: skip


def raw_table(dag_id: str) -> str:
    return {"weather": "raw.weather_observations", "wikipedia": "raw.wikipedia_pages"}[dag_id]


def rows_of_raw(pipeline: Pipeline) -> list[list[tuple[Any, ...]]]:
    return [pipeline.rows(f"SELECT * FROM {raw_table(dag_id)} ORDER BY id") for dag_id in FACTS]


@SOURCES
def test_a_replay_restores_what_is_gone(pipeline: Pipeline, dag_id: str) -> None:
    load(pipeline, dag_id, *WINDOW)
    clean = snapshot(pipeline)
    pipeline.owner.execute("TRUNCATE core.weather, core.weather_daily, core.revision, core.wikipedia_page")
    replay(pipeline, dag_id, *WINDOW)
    assert snapshot(pipeline) == clean


@SOURCES
def test_a_replay_of_an_intact_core_rewrites_nothing(pipeline: Pipeline, dag_id: str) -> None:
    load(pipeline, dag_id, *WINDOW)
    load(pipeline, dag_id, "2026-10-04", "2026-10-06")
    before = every_row(pipeline)
    replay(pipeline, dag_id, "2026-10-04", "2026-10-07")
    assert every_row(pipeline) == before
    published, changed = last_load(pipeline, "rows_published, rows_changed")
    assert published == pipeline.value(f"SELECT count(*) FROM {FACTS[dag_id]}") > 0
    assert changed == 0


def every_row(pipeline: Pipeline) -> list[list[tuple[Any, ...]]]:
    tables = ("core.weather", "core.weather_daily", "core.revision", "core.wikipedia_page")
    return [pipeline.rows(f"SELECT xmin::text, * FROM {table} ORDER BY 2, 3, 4") for table in tables]


@SOURCES
def test_a_replay_keeps_to_its_window(pipeline: Pipeline, dag_id: str) -> None:
    load(pipeline, dag_id, *WINDOW)
    table, column = FACTS[dag_id], {"weather": "observed_at", "wikipedia": "revision_timestamp"}[dag_id]
    pipeline.owner.execute(f"TRUNCATE {table}")
    replay(pipeline, dag_id, "2026-10-05T05", "2026-10-06T05")
    span = pipeline.rows(
        f"SELECT min({column}) >= '2026-10-05T05:00Z', max({column}) < '2026-10-06T05:00Z' FROM {table}"
    )
    assert span == [(True, True)]
    assert last_load(pipeline, "rows_published") == ({"weather": 48, "wikipedia": 8}[dag_id],)


@pytest.mark.parametrize("known", ["before", "after"])
def test_an_hour_with_a_value_counts_more_than_one_without(pipeline: Pipeline, sandbox: Sandbox, known: str) -> None:
    for is_null in (known == "after", known == "before"):
        if is_null:
            nulls(sandbox)
        load(pipeline, "weather", *DAY)
    clean = snapshot(pipeline)
    assert len(clean["core.weather"]) == 48
    pipeline.owner.execute("TRUNCATE core.weather")
    replay(pipeline, "weather", *DAY)
    assert snapshot(pipeline) == clean


def test_an_hour_that_no_response_knows_stays_unknown(pipeline: Pipeline, sandbox: Sandbox) -> None:
    nulls(sandbox)
    load(pipeline, "weather", *DAY)
    clean = snapshot(pipeline)
    replay(pipeline, "weather", *DAY)
    assert snapshot(pipeline) == clean
    assert last_load(pipeline, "rows_staged, rows_published") == (48, 46)


def test_of_several_responses_the_newest_counts(pipeline: Pipeline, sandbox: Sandbox) -> None:
    for value in (11.1, 22.2):
        sandbox.faults.append(Fault.absurd("temperature_2m", value, times=1))
        load(pipeline, "weather", *DAY)
    pipeline.owner.execute("TRUNCATE core.weather")
    replay(pipeline, "weather", *DAY)
    assert temperatures(pipeline) == {"22.20"}
    assert last_load(pipeline, "rows_staged, rows_published") == (96, 48)


def test_the_newest_is_what_was_landed_last_not_what_was_extracted_last(pipeline: Pipeline, sandbox: Sandbox) -> None:
    """As for loads that ask: that a slow extraction ended later says nothing about its responses."""
    from include.loads import begin_extraction, finish_extraction

    early = planned(pipeline, "weather", *DAY)
    quick = planned(pipeline, "weather", *DAY)
    loads = [begin_extraction(pipeline.owner, run.loads[0]["load_id"]) for run in (early, quick)]
    for slow_or_quick, value in zip(loads, (11.1, 22.2), strict=True):
        sandbox.faults.append(Fault.absurd("temperature_2m", value, times=1))
        land_all(pipeline, slow_or_quick)
    for extracted in reversed(loads):
        finish_extraction(pipeline.owner, extracted, 2)
    for run in (quick, early):
        assert pipeline.finish(run, since="transform").errors == {}
    assert temperatures(pipeline) == {"22.20"}
    pipeline.owner.execute("TRUNCATE core.weather")
    replay(pipeline, "weather", *DAY)
    assert temperatures(pipeline) == {"22.20"}


def land_all(pipeline: Pipeline, begun: Any) -> None:
    """All that the task extract does between beginning and finishing an attempt."""
    pipeline.task("weather", "load.extract")._converse(pipeline.owner, begun)


def test_responses_that_are_not_trusted_give_way_to_those_that_are(pipeline: Pipeline, sandbox: Sandbox) -> None:
    load(pipeline, "weather", *DAY)
    clean = snapshot(pipeline)
    sandbox.faults.append(Fault.unit("temperature_2m", "°F", times=1))
    assert "units_as_expected" in pipeline.run("weather", *DAY).error
    reject(sandbox)
    assert "withheld 2 of 2 units" in pipeline.run("weather", *DAY).error
    pipeline.owner.execute("TRUNCATE core.weather")
    replay(pipeline, "weather", *DAY)
    assert snapshot(pipeline) == clean


def test_a_row_that_an_audit_set_aside_gives_way_to_an_older_one(pipeline: Pipeline, sandbox: Sandbox) -> None:
    """As core did when it was loaded: it kept its last good value."""
    load(pipeline, "weather", *WINDOW)
    clean = snapshot(pipeline)
    sandbox.faults.append(Fault.absurd("temperature_2m", 99, hour=HOUR, place=(42.3601, -71.0589), times=1))
    load(pipeline, "weather", *WINDOW)
    assert snapshot(pipeline) == clean
    assert last_load(pipeline, "rows_quarantined") == (1,)
    pipeline.owner.execute("TRUNCATE core.weather")
    replay(pipeline, "weather", *WINDOW)
    assert snapshot(pipeline) == clean
    assert last_load(pipeline, "rows_quarantined, rows_published") == (1, 96)


@SOURCES
def test_a_load_that_is_being_extracted_again_counts_as_it_was_published(
    pipeline: Pipeline, sandbox: Sandbox, dag_id: str
) -> None:
    run = load(pipeline, dag_id, *WINDOW)
    clean = snapshot(pipeline)
    sandbox.faults.append(Fault(path="/", status=500))
    assert "HTTP 500" in pipeline.finish(run).error
    pipeline.owner.execute(f"TRUNCATE {FACTS[dag_id]}")
    replay(pipeline, dag_id, *WINDOW)
    assert snapshot(pipeline) == clean


def test_a_stored_response_counts_whatever_became_of_its_load(pipeline: Pipeline, sandbox: Sandbox) -> None:
    """Of a load that was published, then extracted again and planned anew: each of its responses is judged by itself."""
    run = load(pipeline, "weather", *DAY)
    sandbox.faults.append(Fault.absurd("temperature_2m", 11.1, times=1))
    pipeline.finish(run, until="validate")
    pipeline.plan(run)
    pipeline.owner.execute("TRUNCATE core.weather")
    replay(pipeline, "weather", *DAY)
    assert temperatures(pipeline) == {"11.10"}


def test_what_an_interrupted_attempt_landed_of_weather_counts_too(pipeline: Pipeline, sandbox: Sandbox) -> None:
    """Of a window across the border of both services the first attempt gets one half, with an hour that nobody knows later."""
    border = (sandbox.now - timedelta(days=90)).date()
    window = ((border - timedelta(days=1)).isoformat(), (border + timedelta(days=1)).isoformat())
    run = planned(pipeline, "weather", *window)
    sandbox.faults.append(Fault.rate_limited("Daily", path="/v1/forecast"))
    assert "API request limit exceeded" in pipeline.finish(run).error
    replay(pipeline, "weather", *window)
    assert pipeline.value("SELECT count(*) FROM core.weather") == 2 * 24
    nulls(sandbox, f"{window[0]}T03:00")
    assert pipeline.finish(run).errors == {}
    pipeline.owner.execute("TRUNCATE core.weather")
    replay(pipeline, "weather", *window)
    assert pipeline.value("SELECT count(*) FROM core.weather") == 2 * 48


@SOURCES
def test_nothing_stored_is_a_clear_error(pipeline: Pipeline, dag_id: str, sandbox: Sandbox) -> None:
    load(pipeline, dag_id, *DAY)
    asked = len(sandbox.requests)
    run = pipeline.run(dag_id, "2026-10-20", "2026-10-22", conf={"replay": True})
    assert len(sandbox.requests) == asked
    subjects = {"weather": "places Boston, Phoenix", "wikipedia": "pages en:New England"}[dag_id]
    assert run.error == (
        f"{dag_id}: {raw_table(dag_id)} holds no complete response to replay for {subjects}; window [2026-10-20, 2026-10-22) UTC\n"
        "run the window without replay first, which asks the service"
    )
    assert last_load(pipeline, "status, attempt, extracted_at") == ("failed", 1, None)


@SOURCES
def test_a_window_that_was_loaded_in_part_is_replayed_in_part(pipeline: Pipeline, dag_id: str) -> None:
    load(pipeline, dag_id, *WINDOW)
    load(pipeline, dag_id, "2026-10-09", "2026-10-10")
    clean = snapshot(pipeline)
    pipeline.owner.execute(f"TRUNCATE {FACTS[dag_id]}")
    replay(pipeline, dag_id, "2026-10-03", "2026-10-12")
    assert snapshot(pipeline) == clean


def test_a_place_and_a_page_that_were_never_loaded_are_not_missed(pipeline: Pipeline, sandbox: Sandbox) -> None:
    from include.seeds import SeedPage
    from tests.warehouse.conftest import follow
    from tests.warehouse.places import BOSTON, KIRITIMATI, NEW_ENGLAND, PHOENIX

    load(pipeline, "weather", *DAY)
    load(pipeline, "wikipedia", *DAY)
    clean = snapshot(pipeline)
    follow(pipeline.owner, [BOSTON, PHOENIX, KIRITIMATI], [NEW_ENGLAND, SeedPage("Boston", "en")])
    replay(pipeline, "weather", *DAY)
    replay(pipeline, "wikipedia", *DAY)
    assert snapshot(pipeline) == clean


def test_a_reading_of_which_one_request_brought_no_response_is_not_replayed(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    """The title alone says that the page is missing; what its id leads to is not known."""
    load(pipeline, "wikipedia", *DAY)
    sandbox.now = sandbox.now + timedelta(days=1)
    sandbox.delete_page("New England")
    clean = snapshot(pipeline)
    sandbox.faults.append(Fault(path="/w/api.php", when=lambda request: "pageids" in request.params, delay=60))
    pipeline.patience.response_seconds = 0.5
    run = pipeline.run("wikipedia", *DAY)
    assert "no response from" in run.error
    assert pipeline.value("SELECT count(*) FROM raw.wikipedia_pages WHERE problem IS NULL") == 2
    replay(pipeline, "wikipedia", *DAY)
    assert snapshot(pipeline) == clean


def test_hours_that_a_response_covers_are_missed(pipeline: Pipeline) -> None:
    load(pipeline, "weather", *DAY)
    run = pipeline.finish(planned(pipeline, "weather", *DAY, replay=True), until="transform")
    pipeline.owner.execute("DELETE FROM staging.weather WHERE observed_at = %s AND location_id = 1", [f"{HOUR}Z"])
    pipeline.owner.execute("DELETE FROM staging.weather WHERE location_id = 2")
    pipeline.finish(run, since="validate")
    assert "withheld 2 of 2 units" in run.error
    assert "Boston [2026-10-05, 2026-10-06) UTC: missing hours: 1, expected each hour of the day" in run.error
    assert "Phoenix [2026-10-05, 2026-10-06) UTC: missing hours: 24" in run.error
    assert "raw id 1 of raw.weather_observations" in run.error
    # Of a replay that reads the same responses again.
    assert "clear the task extract" not in run.error
    assert "a replay asks nobody: to ask the service again run\nairflow dags trigger weather" in run.error


def test_a_page_that_a_response_is_about_is_missed(pipeline: Pipeline) -> None:
    load(pipeline, "wikipedia", *DAY)
    run = pipeline.finish(planned(pipeline, "wikipedia", *DAY, replay=True), until="transform")
    pipeline.owner.execute("TRUNCATE staging.page")
    pipeline.finish(run, since="validate")
    assert "no response tells of the page" in run.error


def test_an_hour_twice_in_one_response_fails_a_replay_too(pipeline: Pipeline, sandbox: Sandbox) -> None:
    def twice(places: Any) -> Any:
        for place in places:
            for values in place["hourly"].values():
                values.append(values[0])
        return places

    sandbox.faults.append(Fault(path="/v1", transform=twice))
    assert "no_other_hour" in pipeline.run("weather", *DAY).error
    assert "no_other_hour" in pipeline.run("weather", *DAY, conf={"replay": True}).error


def test_an_hour_twice_in_one_response_gives_way_to_a_response_that_has_it_once(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    def twice(places: Any) -> Any:
        for values in places[0]["hourly"].values():
            values.append(values[0])
        return places

    load(pipeline, "weather", *DAY)
    clean = snapshot(pipeline)
    sandbox.faults.append(Fault(path="/v1", transform=twice))
    pipeline.run("weather", *DAY)
    replay(pipeline, "weather", *DAY)
    assert snapshot(pipeline) == clean


def test_a_revision_twice_in_one_response_fails_a_replay_too(pipeline: Pipeline, sandbox: Sandbox) -> None:
    def twice(response: Any) -> Any:
        revisions = response["query"]["pages"][0]["revisions"]
        revisions.append(revisions[0])
        return response

    sandbox.faults.append(Fault(path="/w/api.php", transform=twice))
    assert "no_revision_twice" in pipeline.run("wikipedia", *DAY).error
    assert "no_revision_twice" in pipeline.run("wikipedia", *DAY, conf={"replay": True}).error


def test_a_response_of_whole_days_gives_a_replay_what_was_asked_for(pipeline: Pipeline) -> None:
    load(pipeline, "weather", "2026-10-05T05", "2026-10-05T10")
    replay(pipeline, "weather", *WINDOW)
    assert last_load(pipeline, "rows_published, rows_changed") == (10, 0)


def test_a_reading_beyond_its_own_window_is_withheld_by_a_replay_too(pipeline: Pipeline, sandbox: Sandbox) -> None:
    """Also by one whose window has what lies beyond."""

    def put(response: Any) -> Any:
        stray = {"revid": 7, "parentid": 0, "size": 1, "timestamp": "2026-10-06T01:00:00Z", "user": "x", "comment": ""}
        response["query"]["pages"][0]["revisions"].append(stray)
        return response

    sandbox.faults.append(Fault(path="/w/api.php", transform=put))
    assert "timestamps_inside_window" in pipeline.run("wikipedia", *DAY).error
    assert "timestamps_inside_window" in pipeline.run("wikipedia", *WINDOW, conf={"replay": True}).error
    assert pipeline.value("SELECT count(*) FROM core.revision") == 0


def test_a_later_load_keeps_its_hours_from_a_replay_that_is_published_after_it(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    load(pipeline, "weather", *WINDOW)
    run = pipeline.finish(planned(pipeline, "weather", *WINDOW, replay=True), until="validate")
    sandbox.faults.append(Fault.absurd("temperature_2m", 33.3, times=1))
    load(pipeline, "weather", *DAY)
    mixed = snapshot(pipeline)
    assert pipeline.finish(run, since="publish").errors == {}
    assert snapshot(pipeline) == mixed
    assert last_load(pipeline, "status") == ("published",)
    assert pipeline.rows("SELECT rows_published, rows_changed FROM audit.load WHERE is_replay") == [(96, 0)]
    assert temperatures(pipeline) == {"33.30"}


def test_a_replay_gives_what_a_load_under_way_will_publish(pipeline: Pipeline, sandbox: Sandbox) -> None:
    load(pipeline, "weather", *DAY)
    sandbox.faults.append(Fault.absurd("temperature_2m", 33.3, times=1))
    asking = pipeline.finish(planned(pipeline, "weather", *DAY), until="validate")
    for publish in (lambda: replay(pipeline, "weather", *DAY), lambda: pipeline.finish(asking, since="publish")):
        assert publish().errors == {}
        assert temperatures(pipeline) == {"33.30"}
    assert pipeline.value("SELECT rows_changed FROM audit.load WHERE load_id = 2") == 0


def test_revisions_and_pages_that_a_later_load_published_are_left_to_it(pipeline: Pipeline, sandbox: Sandbox) -> None:
    load(pipeline, "wikipedia", *DAY)
    run = pipeline.finish(planned(pipeline, "wikipedia", *DAY, replay=True), until="validate")
    sandbox.hide_user(pipeline.value("SELECT min(revision_id) FROM core.revision"))
    later(sandbox)
    sandbox.move_page("New England", "Elsewhere")
    load(pipeline, "wikipedia", *DAY)
    moved = snapshot(pipeline)
    assert pipeline.finish(run, since="publish").errors == {}
    assert snapshot(pipeline) == moved
    assert pipeline.value("SELECT rows_changed FROM audit.load WHERE is_replay") == 0


@SOURCES
def test_replays_and_loads_of_a_window_at_once_are_one(pipeline: Pipeline, dag_id: str) -> None:
    load(pipeline, dag_id, *WINDOW)
    clean = snapshot(pipeline)
    pipeline.owner.execute(f"TRUNCATE {FACTS[dag_id]}")
    jobs = [partial(replay, pipeline, dag_id, *WINDOW), partial(replay, pipeline, dag_id, *DAY)]
    at_once(*jobs, partial(load, pipeline, dag_id, *DAY), partial(load, pipeline, dag_id, "2026-10-06", "2026-10-07"))
    assert snapshot(pipeline) == clean


def test_responses_that_come_during_a_replay_are_not_its_own(pipeline: Pipeline, sandbox: Sandbox) -> None:
    nulls(sandbox)
    load(pipeline, "weather", *DAY)
    run = pipeline.finish(planned(pipeline, "weather", *DAY, replay=True), until="extract")
    pipeline.finish(planned(pipeline, "weather", *DAY), until="extract")
    assert pipeline.finish(run, since="transform").errors == {}
    assert temperatures(pipeline) == set()


def test_a_replay_cleared_at_its_transform_publishes_again(pipeline: Pipeline) -> None:
    load(pipeline, "weather", *DAY)
    clean = snapshot(pipeline)
    run = replay(pipeline, "weather", *DAY)
    pipeline.owner.execute("UPDATE core.weather SET temperature_celsius = 0")
    assert pipeline.finish(run, since="transform").errors == {}
    assert snapshot(pipeline) == clean


@SOURCES
def test_a_replay_after_the_correction_of_a_transform_corrects_core(pipeline: Pipeline, dag_id: str) -> None:
    mistakes = {"/ 3.6": "/ 1.8", "revision.size,": "revision.size * 2,", "page.ns,": "page.ns + 1,"}
    with mistaken(f"{dag_id}/stage", mistakes):
        load(pipeline, dag_id, *WINDOW)
    wrong = snapshot(pipeline)
    since = pipeline.rows("SELECT valid_from FROM core.wikipedia_page")
    replay(pipeline, dag_id, *WINDOW)
    corrected = snapshot(pipeline)
    assert pipeline.rows("SELECT valid_from FROM core.wikipedia_page") == since
    pipeline.owner.execute("TRUNCATE core.weather, core.weather_daily, core.revision, core.wikipedia_page")
    load(pipeline, dag_id, *WINDOW)
    assert snapshot(pipeline) == corrected != wrong


def test_loads_that_a_broken_transform_failed_are_replayed(pipeline: Pipeline) -> None:
    with mistaken("weather/stage", {"\n    temperature_2m,": "\n    99,"}):
        assert "withheld 2 of 2 units" in pipeline.run("weather", *DAY).error
    replay(pipeline, "weather", *DAY)
    replayed = snapshot(pipeline)
    pipeline.owner.execute("TRUNCATE core.weather, core.weather_daily")
    load(pipeline, "weather", *DAY)
    assert snapshot(pipeline) == replayed


def test_a_user_hidden_since_stays_hidden(pipeline: Pipeline, sandbox: Sandbox) -> None:
    load(pipeline, "wikipedia", *DAY)
    hidden = pipeline.value("SELECT min(revision_id) FROM core.revision")
    sandbox.hide_user(hidden)
    load(pipeline, "wikipedia", *DAY)
    pipeline.owner.execute("UPDATE core.revision SET revision_user = 'damage'")
    replay(pipeline, "wikipedia", *DAY)
    assert pipeline.rows("SELECT revision_id FROM core.revision WHERE revision_user IS NULL") == [(hidden,)]


def test_a_replay_of_the_past_leaves_the_present_of_a_page(pipeline: Pipeline, sandbox: Sandbox) -> None:
    load(pipeline, "wikipedia", "2026-10-01", "2026-10-03")
    later(sandbox)
    sandbox.move_page("New England", "Elsewhere")
    load(pipeline, "wikipedia", *DAY)
    present = pipeline.rows("SELECT * FROM core.wikipedia_page ORDER BY valid_from")
    for window in (("2026-10-01", "2026-10-03"), DAY, ("2026-10-01", "2026-10-06")):
        replay(pipeline, "wikipedia", *window)
        assert pipeline.rows("SELECT * FROM core.wikipedia_page ORDER BY valid_from") == present
    pipeline.owner.execute("DELETE FROM core.wikipedia_page WHERE valid_to IS NULL")
    replay(pipeline, "wikipedia", "2026-10-01", "2026-10-03")
    assert versions(pipeline) == [("New England", 0, False, False, False)]
    replay(pipeline, "wikipedia", "2026-10-01", "2026-10-06")
    assert versions(pipeline) == [("New England", 0, False, False, False), ("Elsewhere", 0, False, False, True)]


def test_a_description_that_was_overtaken_is_not_replayed_into_the_present(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    """Neither one that was published late, nor one that never was."""
    load(pipeline, "wikipedia", "2026-10-08", "2026-10-09")
    sandbox.move_page("New England", "Elsewhere")
    late = pipeline.finish(planned(pipeline, "wikipedia", *DAY), until="validate")
    pipeline.finish(planned(pipeline, "wikipedia", "2026-10-06", "2026-10-07"), until="extract")
    sandbox.clear()
    load(pipeline, "wikipedia", "2026-10-08", "2026-10-09")
    assert pipeline.finish(late, since="publish").errors == {}
    for window in (DAY, ("2026-10-06", "2026-10-07")):
        replay(pipeline, "wikipedia", *window)
        assert versions(pipeline) == [("New England", 0, False, False, True)]


def test_what_a_wiki_said_and_no_load_published_is_replayed(pipeline: Pipeline, sandbox: Sandbox) -> None:
    """It is news of the page then: it ends a version, as a load that asks would."""
    load(pipeline, "wikipedia", *DAY)
    later(sandbox)
    hidden = pipeline.value("SELECT min(revision_id) FROM core.revision")
    sandbox.hide_user(hidden)
    sandbox.move_page("New England", "Elsewhere")
    pipeline.finish(planned(pipeline, "wikipedia", *DAY), until="extract")
    replay(pipeline, "wikipedia", *DAY)
    assert pipeline.rows("SELECT revision_id FROM core.revision WHERE revision_user IS NULL") == [(hidden,)]
    said = [("New England", 0, False, False, False), ("Elsewhere", 0, False, False, True)]
    assert versions(pipeline) == said
    replay(pipeline, "wikipedia", *DAY)
    assert versions(pipeline) == said


@SOURCES
def test_what_a_replay_is_made_of_stays_written_down(pipeline: Pipeline, sandbox: Sandbox, dag_id: str) -> None:
    """Also when the load that landed it is cleared, and fails."""
    landed = load(pipeline, dag_id, *DAY)
    made_of = "SELECT raw_id FROM audit.load_response ORDER BY raw_id"
    replay(pipeline, dag_id, *DAY)
    before = pipeline.rows(made_of)
    assert before == pipeline.rows(f"SELECT id FROM {raw_table(dag_id)}")
    sandbox.faults.append(Fault(path="/", status=500))
    assert "HTTP 500" in pipeline.finish(landed).error
    assert pipeline.rows(made_of) == before
    assert pipeline.value("SELECT count(*) FROM audit.published_response") == {"weather": 0, "wikipedia": 2}[dag_id]


def test_every_page_that_had_the_title_is_replayed(pipeline: Pipeline, sandbox: Sandbox) -> None:
    load(pipeline, "wikipedia", *DAY)
    later(sandbox)
    sandbox.add_revisions("Another", sandbox.now - timedelta(days=60), 400, 3 * 3600)
    sandbox.move_page("Another", "New England", leave_redirect=False)
    load(pipeline, "wikipedia", "2026-10-06", "2026-10-07")
    clean = snapshot(pipeline)
    assert len({row[1] for row in clean["core.wikipedia_page"]}) == 2
    pipeline.owner.execute("TRUNCATE core.revision")
    replay(pipeline, "wikipedia", *WINDOW)
    assert snapshot(pipeline) == clean


def test_a_replay_restricted_to_a_place_replays_that_place(pipeline: Pipeline) -> None:
    load(pipeline, "weather", *DAY)
    pipeline.owner.execute("TRUNCATE core.weather")
    replay(pipeline, "weather", *DAY, locations=["Phoenix"])
    assert pipeline.rows("SELECT location_id, count(*) FROM core.weather GROUP BY 1") == [(2, 24)]


def test_a_replay_waits_for_no_service_and_needs_none(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    load(pipeline, "weather", *DAY)
    for connection in ("OPEN_METEO", "OPEN_METEO_ARCHIVE"):
        monkeypatch.delenv(f"AIRFLOW_CONN_{connection}")
    replay(pipeline, "weather", *DAY)
