"""G9: a verdict belongs to its own unit, one place on one UTC day or one page: whatever its load is made of."""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg
import pytest

from include.audit import audit_load
from include.gaps import note_catchup
from include.loads import stage_again
from include.seeds import SeedLocation
from include.settings import read_settings
from include.sources import SOURCES
from include.sources.weather import suite as weather
from include.suite import Limit
from sandbox import Fault, Sandbox
from tests.warehouse.conftest import follow
from tests.warehouse.pipeline import DagRun, Pipeline, task, utc, wait_for
from tests.warehouse.places import BOSTON, KIRITIMATI, NEW_ENGLAND, PHOENIX

DAY = ("2026-11-18", "2026-11-19")
DAYS = 4
SEEDS = 4


def six_places(pipeline: Pipeline) -> None:
    """Followed as the responses of the cases have them: in this order."""
    places = [SeedLocation(f"Place {n}", 40 + n, -70 - n, None, None, None, "UTC") for n in range(6)]
    follow(pipeline.owner, places, [NEW_ENGLAND])


@pytest.mark.parametrize("case", ["weather_place_2_all_null.json", "weather_place_2_empty_arrays.json"])
def test_g9_a_place_without_data_is_withheld_by_name_and_all_others_are_published(
    pipeline: Pipeline, sandbox: Sandbox, cases: Path, case: str
) -> None:
    six_places(pipeline)
    note_catchup(pipeline.owner, read_settings({"DW_START_DATE": DAY[0]}))
    response = json.loads((cases / case).read_text())
    sandbox.faults.append(Fault(path="/v1/", transform=lambda _: response))
    run = pipeline.run("weather", *DAY)
    assert (
        "load 1 withheld 1 of 6 units, all else of it is published\nPlace 2 [2026-11-18, 2026-11-19) UTC" in run.error
    )
    assert """airflow dags trigger weather -c '{"start_date": "2026-11-18T00:00:00+00:00\"""" in run.error
    others = [(f"Place {n}", 24) for n in (0, 1, 3, 4, 5)]
    assert hours(pipeline) == others
    assert pipeline.rows("SELECT status, units_withheld, error IS NOT NULL FROM audit.load") == [("published", 1, True)]
    raw_ids = pipeline.value("SELECT raw_ids FROM audit.withheld WHERE span_start = %s", utc(DAY[0]))
    stored = pipeline.value("SELECT location_name FROM raw.weather_observations WHERE id = %s", raw_ids[0])
    assert stored == "Place 2"
    assert pipeline.refresh_marts() == ["daily_weather_aggregates"]
    marts = "SELECT location_name, observation_count FROM mart.daily_weather_aggregates ORDER BY 1"
    assert pipeline.rows(marts) == others
    states = pipeline.rows(STATES, utc(DAY[1]))
    assert states == [(f"Place {n}", "failed" if n == 2 else "loaded") for n in range(6)]

    sandbox.faults.clear()
    assert pipeline.finish(run).errors == {}
    assert hours(pipeline) == [(f"Place {n}", 24) for n in range(6)]
    assert pipeline.value("SELECT count(*) FROM audit.withheld") == 0
    # As before: what had been published is not written again.
    assert pipeline.rows("SELECT rows_changed < 144, units_withheld, error FROM audit.load")[0][1:] == (0, None)


STATES = """
    SELECT subject, state FROM audit.coverage
    WHERE source = 'weather' AND window_start < %s AND (state <> 'missing' OR window_start = '2026-11-18Z') ORDER BY 1
"""


def hours(pipeline: Pipeline) -> list[tuple[Any, ...]]:
    """(place, hours in core)"""
    query = (
        "SELECT location_name, count(*) FROM core.weather JOIN core.location USING (location_id) GROUP BY 1 ORDER BY 1"
    )
    return pipeline.rows(query)


def test_g9_the_verdict_alone_is_repeated_when_a_limit_was_wrong(
    pipeline: Pipeline, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.faults.append(Fault.absurd("temperature_2m", 70, place=(42.3601, -71.0589), times=None))
    run = pipeline.run("weather", *DAY)
    assert "withheld 1 of 2 units" in run.error
    asked = len(sandbox.requests)
    validate = task("weather", "load.validate")
    limits = (Limit("temperature_celsius", -50, 75), *weather.LIMITS[1:])
    monkeypatch.setattr(validate, "suite", replace(weather.SUITE, limits=limits))
    pipeline.finish(run, since="validate")
    assert run.errors == {}
    assert hours(pipeline) == [("Boston", 24), ("Phoenix", 24)]
    assert len(sandbox.requests) == asked


@pytest.mark.parametrize("dag_id", ["weather", "wikipedia"])
@pytest.mark.parametrize("until", ["validate", "publish"])
def test_g9_what_was_withheld_before_anything_was_published_is_published_when_its_verdict_is_repeated(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, dag_id: str, until: str
) -> None:
    """Of all of a load: no place or page of it was trusted, so that the rows that were judged first are still staged."""
    suite = SOURCES[dag_id].suite
    first, *others = suite.limits
    narrow = (replace(first, lowest=10**9, highest=None), *others)
    run = DagRun(dag_id, "narrow", {"start_date": "2026-10-05", "end_date": "2026-10-06"}, pipeline.clock())
    validate = task(dag_id, "load.validate")
    with monkeypatch.context() as patch:
        patch.setattr(validate, "suite", replace(suite, limits=narrow))
        pipeline.finish(pipeline.plan(run), until=until)
    assert "nothing of it is published" in run.error
    assert pipeline.finish(run, since="validate").errors == {}
    staged, published, withheld = pipeline.rows("SELECT rows_staged, rows_published, units_withheld FROM audit.load")[0]
    assert 0 < published == staged and withheld == 0
    facts = "core.weather" if dag_id == "weather" else "core.revision"
    assert pipeline.value(f"SELECT count(*) FROM {facts}") == published


def test_g9_a_value_outside_by_less_than_double_precision_is_set_aside_alone(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    """The warehouse compares exact numbers, Great Expectations doubles."""

    def slightly_over(body: bytes) -> bytes:
        response = json.loads(body)
        response[1]["hourly"]["relative_humidity_2m"][5] = 123454321
        return json.dumps(response).replace("123454321", "100.00000000000000001").encode()

    sandbox.faults.append(Fault(path="/v1/", rewrite=slightly_over))
    assert pipeline.run("weather", *DAY).errors == {}
    assert pipeline.rows("SELECT row_key ->> 'location_id', value FROM audit.quarantine") == [
        ("2", "100.00000000000000001")
    ]
    assert pipeline.value("SELECT count(*) FROM core.weather") == 2 * 24 - 1


WIKI_DAY = ("2026-10-05", "2026-10-06")
REVISIONS = "SELECT page_id, revision_id, wikipedia_page_id, removed_at FROM core.revision ORDER BY 2"


def continued(request: Any) -> bool:
    return "rvcontinue" in request.params


def in_two_parts(body: dict[str, Any]) -> dict[str, Any]:
    """The first half of what the wiki answers."""
    revisions = body["query"]["pages"][0]["revisions"]
    del revisions[len(revisions) // 2 :]
    return {**body, "continue": {"rvcontinue": "20261005130000|9", "continue": "||"}}


def malformed(body: dict[str, Any]) -> dict[str, Any]:
    body["query"]["pages"][0]["revisions"][0]["size"] = "1"
    return body


def of_another_page(body: dict[str, Any]) -> dict[str, Any]:
    body["query"]["pages"][0] |= {"pageid": 303, "title": "Elsewhere"}
    return body


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (malformed, "field query.pages[0].revisions[0].size is '1'"),
        (of_another_page, "the response continues with page 303"),
    ],
)
def test_g9_a_page_whose_response_goes_on_badly_is_withheld_with_its_true_cause_also_by_a_replay(
    pipeline: Pipeline, sandbox: Sandbox, change: Callable[[Any], Any], cause: str
) -> None:
    assert pipeline.run("wikipedia", *WIKI_DAY).errors == {}
    whole = pipeline.rows(REVISIONS)
    assert len(whole) == 8
    first = Fault(path="/w", when=lambda request: not continued(request), transform=in_two_parts)
    sandbox.faults += [Fault(path="/w", when=continued, transform=change), first]
    run = pipeline.run("wikipedia", *WIKI_DAY)
    assert "withheld 1 of 1 units" in run.error and cause in run.error and "twice" not in run.error
    assert pipeline.rows("SELECT expectation FROM audit.withheld") == [
        ("response_can_be_read: a response that can be read",)
    ]
    pipeline.owner.execute("TRUNCATE core.revision")
    assert pipeline.run("wikipedia", *WIKI_DAY, conf={"replay": True}).errors == {}
    assert pipeline.rows(REVISIONS) == whole
    assert pipeline.value("SELECT count(*) FROM audit.load_response") == 1


def test_g9_a_replay_tells_of_no_page_that_the_load_withheld_for_its_title(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    """A title that redirects in a circle, and a page that is gone by its id: nobody knows which of the two is so."""
    assert pipeline.run("wikipedia", *WIKI_DAY).errors == {}
    sandbox.delete_page("New England")
    circle = {"query": {"redirects": [{"from": "New England", "to": "New England"}]}}
    sandbox.faults.append(Fault(path="/w", when=lambda request: "titles" in request.params, transform=lambda _: circle))
    assert "redirects in a circle" in pipeline.run("wikipedia", *WIKI_DAY).error
    present = "SELECT page_title, is_missing FROM core.wikipedia_page WHERE is_current"
    assert pipeline.rows(present) == [("New England", False)]
    assert pipeline.run("wikipedia", *WIKI_DAY, conf={"replay": True}).errors == {}
    assert pipeline.rows(present) == [("New England", False)]


def test_g9_two_audits_of_one_load_at_once_end_well(pipeline: Pipeline, database: Callable[[str], str]) -> None:
    run = DagRun("weather", "judged twice", {"start_date": DAY[0], "end_date": DAY[1]}, pipeline.clock())
    pipeline.finish(pipeline.plan(run), until="transform")
    errors: list[Exception] = []

    def audit() -> None:
        try:
            with psycopg.connect(database("dw_loader"), autocommit=True) as connection:
                audit_load(connection, weather.SUITE, run.loads[0]["load_id"])
        except Exception as error:
            errors.append(error)

    threads = [Thread(target=audit) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    counted = pipeline.value("SELECT count(*) FROM audit.validation_result")
    assert counted == len(weather.SUITE.limits) + len(weather.SUITE.checks)


def test_g9_two_audits_at_once_of_a_load_that_is_published_stage_it_once(pipeline: Pipeline) -> None:
    """The second waits for what the first stages again."""
    run = pipeline.run("weather", *DAY)
    stage = task("weather", "load.validate").stage
    with pipeline.owner.transaction():
        stage_again(pipeline.owner, run.loads[0]["load_id"], stage)
        second = Thread(target=pipeline.finish, args=(run, "validate", "validate"))
        second.start()
        wait_for(lambda: pipeline.rows("SELECT 1 FROM pg_locks WHERE NOT granted"))
    second.join()
    assert run.errors == {}
    assert pipeline.value("SELECT count(*) FROM staging.weather") == 2 * 24


def withheld(pipeline: Pipeline, load_id: int) -> list[tuple[Any, ...]]:
    """(subject, span, check, raw ids) of what a load withheld."""
    return pipeline.rows(
        """
        SELECT
            subject_id, to_char(span_start, 'DD"T"HH24'), to_char(span_end, 'DD"T"HH24'), split_part(expectation, ':', 1), raw_ids
        FROM audit.withheld WHERE load_id = %s ORDER BY 1, 2, 3
        """,
        load_id,
    )


def twice(response: Any) -> Any:
    """The first revision a second time."""
    revisions = response["query"]["pages"][0]["revisions"]
    revisions.append(revisions[0])
    return response


def replayed(pipeline: Pipeline, dag_id: str, start: str, end: str) -> tuple[DagRun, int]:
    run = pipeline.run(dag_id, start, end, conf={"replay": True})
    return run, run.loads[0]["load_id"]


def test_g9_a_replay_withholds_a_reading_of_which_no_trusted_one_has_the_window(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    note_catchup(pipeline.owner, read_settings({"DW_START_DATE": "2026-10-05"}))
    assert pipeline.run("wikipedia", "2026-10-05", "2026-10-06").errors == {}
    sandbox.faults.append(Fault(path="/w/api.php", transform=twice))
    assert "no_revision_twice" in pipeline.run("wikipedia", "2026-10-06", "2026-10-07").error
    run, load_id = replayed(pipeline, "wikipedia", "2026-10-05", "2026-10-07")
    assert (
        "withheld 1 of 2 units, all else of it is published\nen:New England [2026-10-06, 2026-10-07) UTC" in run.error
    )
    assert withheld(pipeline, load_id) == [(1, "06T00", "07T00", "no_revision_twice", [2])]
    assert pipeline.rows("SELECT status, units_withheld FROM audit.load WHERE is_replay") == [("published", 1)]
    states = """
        SELECT state, load_id, error LIKE 'twice: 1, expected no_revision_twice%%' FROM audit.coverage
        WHERE source = 'wikipedia' AND window_start < %s ORDER BY window_start
    """
    assert pipeline.rows(states, utc("2026-10-07")) == [("loaded", None, None), ("failed", load_id, True)]


def test_g9_a_replay_withholds_the_part_of_a_day_that_no_trusted_response_was_asked_for(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    """Each response has the whole day, and is judged by it; what is published of it is what was asked for."""
    note_catchup(pipeline.owner, read_settings({"DW_START_DATE": "2026-10-05"}))
    assert pipeline.run("weather", "2026-10-05", "2026-10-05T12").errors == {}
    sandbox.faults.append(Fault.unit("temperature_2m", "°F", place=(42.3601, -71.0589), times=1))
    assert "units_as_expected" in pipeline.run("weather", "2026-10-05T12", "2026-10-06T06").error
    run, load_id = replayed(pipeline, "weather", "2026-10-05", "2026-10-06T03")
    assert "Boston [2026-10-05T12:00, 2026-10-06T03:00) UTC" in run.error
    assert withheld(pipeline, load_id) == [
        (1, "05T12", "06T00", "units_as_expected", [3]),
        (1, "06T00", "06T03", "units_as_expected", [3]),
    ]
    states = """
        SELECT to_char(window_start, 'DD"T"HH24'), state, load_id FROM audit.coverage
        WHERE subject = 'Boston' AND source = 'weather' AND window_start < %s ORDER BY window_start
    """
    assert pipeline.rows(states, utc("2026-10-06T06")) == [
        ("05T00", "loaded", None), ("05T12", "failed", load_id), ("06T03", "failed", load_id - 1),
    ]  # fmt: skip


@pytest.mark.parametrize("dag_id", ["weather", "wikipedia"])
def test_g9_trusted_units_make_up_together_for_one_that_is_not(
    pipeline: Pipeline, sandbox: Sandbox, dag_id: str
) -> None:
    sandbox.faults.append(Fault.unit("temperature_2m", "°F", times=1))
    sandbox.faults.append(Fault(path="/w/api.php", transform=twice))
    assert "withheld" in pipeline.run(dag_id, "2026-10-05", "2026-10-06").error
    assert pipeline.run(dag_id, "2026-10-05", "2026-10-05T06").errors == {}
    run, load_id = replayed(pipeline, dag_id, "2026-10-05", "2026-10-06")
    spans = {row[1:3] for row in withheld(pipeline, load_id)}
    assert run.errors and spans == {("05T00", "06T00")}
    assert pipeline.run(dag_id, "2026-10-05T06", "2026-10-06").errors == {}
    run, load_id = replayed(pipeline, dag_id, "2026-10-05", "2026-10-06")
    assert run.errors == {}
    assert withheld(pipeline, load_id) == []


def test_g9_of_untrusted_readings_of_one_window_the_newest_is_listed_and_others_by_their_own_windows(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    sandbox.faults.append(Fault(path="/w/api.php", transform=twice, times=None))
    for start, end in (("05", "06"), ("05", "06"), ("05", "07")):
        assert pipeline.run("wikipedia", f"2026-10-{start}", f"2026-10-{end}").errors
    run, load_id = replayed(pipeline, "wikipedia", "2026-10-05", "2026-10-07")
    assert withheld(pipeline, load_id) == [
        (1, "05T00", "06T00", "no_revision_twice", [2]),
        (1, "05T00", "07T00", "no_revision_twice", [3]),
    ]
    assert "withheld 2 of 2 units, nothing of it is published" in run.error


def test_g9_a_day_that_two_requests_of_a_load_have_is_withheld_for_the_one_that_is_not_trusted(
    pipeline: Pipeline, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A load that asks needs each of its responses, for each was asked for other hours."""
    monkeypatch.setattr("include.sources.weather.api.longest_call", lambda places: timedelta(days=1))
    sandbox.faults += [
        Fault(path="/v1/", transform=lambda response: response),  # the first is good
        Fault.unit("temperature_2m", "°F", times=1, when=lambda request: request.params["start_date"] == "2026-10-06"),
    ]
    run = pipeline.run("weather", "2026-10-05T12", "2026-10-07T12")
    assert {row[1:4] for row in withheld(pipeline, run.loads[0]["load_id"])} == {
        ("06T00", "07T00", "units_as_expected"), ("07T00", "08T00", "units_as_expected"),
    }  # fmt: skip
    assert "withheld 4 of 8 units, all else of it is published" in run.error


@pytest.mark.parametrize("number", range(SEEDS))
def test_g9_however_windows_and_batches_are_cut_the_same_is_published_set_aside_and_withheld(
    pipeline: Pipeline, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A service with faults of every kind, asked in one piece and in random pieces of random sizes in random order."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    randomly = random.Random(seed)
    follow(pipeline.owner, [BOSTON, PHOENIX, KIRITIMATI], [NEW_ENGLAND])
    sandbox.faults.append(Fault(path="/v1/", transform=spoiled(seed), times=None))
    pipeline.run("weather", "2026-11-10", "2026-11-14")
    whole = found(pipeline)
    assert whole["withheld"] and whole["core"]
    pipeline.owner.execute("TRUNCATE core.weather, core.weather_daily, audit.withheld, audit.quarantine")

    borders = sorted({0, 24 * DAYS, *(randomly.randrange(24 * DAYS) for _ in range(randomly.randrange(8)))})
    pieces = list(pairwise(borders))
    randomly.shuffle(pieces)
    for first, end in pieces:
        monkeypatch.setenv("DW_WEATHER_PLACES_PER_BATCH", str(randomly.randint(1, 3)))
        moments = [(utc("2026-11-10") + timedelta(hours=hour)).isoformat() for hour in (first, end)]
        pipeline.run("weather", *moments)
    assert found(pipeline) == whole, (seed, pieces)


def found(pipeline: Pipeline) -> dict[str, list[tuple[Any, ...]]]:
    """Core, quarantine and withheld units, without the loads and responses that they came from."""
    core = "SELECT to_jsonb(row) - '{raw_id,load_id,field_raw_ids}'::text[] FROM core.weather AS row ORDER BY row.*"
    return {
        "core": pipeline.rows(core),
        "quarantine": pipeline.rows(
            "SELECT DISTINCT row_key::text, expectation, value FROM audit.quarantine ORDER BY 1, 2"
        ),
        "withheld": pipeline.rows(
            "SELECT DISTINCT subject_id, span_start, span_end, expectation, observed FROM audit.withheld ORDER BY 1, 2, 3"
        ),
    }


def spoiled(seed: int) -> Callable[[Any], Any]:
    """The same faults at the same hours of the same places, however they are asked for."""

    def spoil(body: Any) -> Any:
        return [spoil_place(place) for place in body] if isinstance(body, list) else spoil_place(body)

    def spoil_place(place: dict[str, Any]) -> dict[str, Any]:
        hourly = {name: list(values) for name, values in place["hourly"].items()}
        left_out = []
        for index, hour in enumerate(hourly["time"]):
            day = random.Random(f"{seed} {place['latitude']} {hour[:10]}")
            fault, share = day.choice(["none", "few", "many", "missing", "null", "nulls"]), day.random()
            at = random.Random(f"{seed} {place['latitude']} {hour}")
            if fault == "few" and at.random() < 0.06:
                hourly["temperature_2m"][index] = 200
            if fault == "many" and at.random() < share:
                hourly["relative_humidity_2m"][index] = 101
            if fault == "missing" and at.random() < 0.1:
                left_out.append(index)
            if fault == "nulls" or (fault == "null" and at.random() < share):
                for name in hourly.keys() - {"time"}:
                    hourly[name][index] = None
        kept = [index for index in range(len(hourly["time"])) if index not in left_out]
        return {**place, "hourly": {name: [values[index] for index in kept] for name, values in hourly.items()}}

    return spoil
