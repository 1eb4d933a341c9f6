"""G3: a row that failed its audit reaches neither core nor marts; core keeps its last good values."""

import random

import psycopg
import pytest
from psycopg import sql

from include.audit import outside, run_suite
from include.suites import Suite, weather, wikipedia
from sandbox import Fault, Sandbox
from tests.warehouse.pipeline import DagRun, Pipeline, snapshot, utc

DAY = ("2026-10-05", "2026-10-06")
BOSTON_AT = (42.3601, -71.0589)


def test_g3_one_absurd_hour_is_quarantined_and_the_rest_published(pipeline: Pipeline, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault.absurd("temperature_2m", 999.9, place=BOSTON_AT, hour="2026-10-07T05:00"))
    run = pipeline.run("weather", "2026-10-05", "2026-10-15")
    assert run.errors == {}
    assert pipeline.value("SELECT count(*) FROM core.weather") == 2 * 240 - 1
    assert pipeline.rows("SELECT row_key, expectation, value FROM audit.quarantine") == [
        ({"location_id": 1, "observed_at": "2026-10-07T05:00:00+00:00"}, "temperature_celsius -50..60", "999.9")
    ]
    assert pipeline.rows("SELECT rows_staged, rows_quarantined, rows_published FROM audit.load") == [(480, 1, 479)]
    raw_location = pipeline.value(
        "SELECT location_name FROM audit.quarantine JOIN raw.weather_observations AS raw ON raw.id = raw_id"
    )
    assert raw_location == "Boston"


def test_g3_one_absurd_hour_of_a_single_place_and_day_is_quarantined_too(pipeline: Pipeline, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault.absurd("temperature_2m", 999.9, place=BOSTON_AT, hour="2026-10-05T05:00"))
    assert pipeline.run("weather", *DAY, conf={"locations": ["Boston"]}).errors == {}
    assert pipeline.rows("SELECT rows_quarantined, rows_published FROM audit.load") == [(1, 23)]


def test_g3_a_quarantined_hour_keeps_its_last_good_value(pipeline: Pipeline, sandbox: Sandbox) -> None:
    pipeline.run("weather", "2026-10-05", "2026-10-15")
    good = snapshot(pipeline)
    sandbox.faults.append(Fault.absurd("pressure_msl", 2000, place=BOSTON_AT, hour="2026-10-07T05:00"))
    assert pipeline.run("weather", "2026-10-05", "2026-10-15").errors == {}
    assert pipeline.value("SELECT count(*) FROM audit.quarantine") == 1
    assert snapshot(pipeline) == good


def test_g3_a_load_full_of_absurd_values_fails_and_a_good_one_after_it_carries_nothing_of_it(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    sandbox.faults.append(Fault.absurd("temperature_2m", 999.9, times=1))
    bad = pipeline.run("weather", *DAY)
    assert "expect_column_values_to_be_between(temperature_celsius)" in bad.error
    assert "Boston at 2026-10-05T00:00:00+00:00: temperature_celsius -50..60 is 999.9 (raw id 1 of" in bad.error
    assert (
        "places Boston, Phoenix; window [2026-10-05 00:00:00+00, 2026-10-06 00:00:00+00); raw ids 1 to 2" in bad.error
    )
    assert "clear the task extract" in bad.error
    assert pipeline.run("weather", "2026-10-06", "2026-10-07").errors == {}
    assert pipeline.refresh_marts() == ["daily_weather_aggregates"]
    assert pipeline.value("SELECT count(*) FROM core.weather WHERE observed_at < %s", utc("2026-10-06")) == 0
    assert pipeline.value("SELECT max(max_temperature_celsius) FROM mart.daily_weather_aggregates") < 60
    assert pipeline.rows("SELECT status FROM audit.load ORDER BY load_id") == [("rejected",), ("published",)]
    pipeline.finish(bad)
    assert bad.errors == {}
    assert pipeline.value("SELECT count(*) FROM core.weather WHERE observed_at < %s", utc("2026-10-06")) == 48


def test_g3_a_rejected_load_can_not_be_published(pipeline: Pipeline, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault.absurd("temperature_2m", 999.9, times=1))
    run = pipeline.run("weather", *DAY)
    pipeline.finish(run, since="publish")
    assert "has not finished its task validate" in run.error
    assert pipeline.value("SELECT count(*) FROM core.weather") == 0


def test_g3_rows_staged_again_after_the_audit_need_an_audit_of_their_own(pipeline: Pipeline) -> None:
    run = DagRun("weather", "again", {"start_date": DAY[0], "end_date": DAY[1]}, pipeline.clock())
    pipeline.finish(pipeline.plan(run), until="validate")
    pipeline.finish(run, since="transform", until="transform")
    pipeline.finish(run, since="publish")
    assert "has not finished its task validate" in run.error


@pytest.mark.parametrize(
    ("fault", "expectation"),
    [
        (Fault.unit("temperature_2m", "°F"), "units_as_expected"),
        (Fault.unit("wind_speed_10m", "m/s"), "units_as_expected"),
        (Fault.unit("cloud_cover", "undefined"), "units_as_expected"),
        (Fault.null("relative_humidity_2m"), "expect_column_values_to_not_be_null(humidity_percent)"),
        (
            Fault(path="/v1/", transform=lambda body: [_without_last_hours(place, 3) for place in body]),
            "every_hour_is_present",
        ),
        (
            Fault(path="/v1/", transform=lambda body: [_without_last_hours(body[0], 24), body[1]]),
            "every_place_has_rows",
        ),
        (Fault(path="/v1/", transform=lambda body: [_with_first_hour_twice(place) for place in body]), "to_be_unique"),
    ],
)
def test_g3_a_load_level_expectation_fails_the_load(
    pipeline: Pipeline, sandbox: Sandbox, fault: Fault, expectation: str
) -> None:
    sandbox.faults.append(fault)
    run = pipeline.run("weather", *DAY)
    assert expectation in run.error
    assert pipeline.value("SELECT count(*) FROM core.weather") == 0
    failed = pipeline.rows("SELECT expectation, sample FROM audit.validation_result WHERE NOT success")
    assert failed and all(sample or "null" in name for name, sample in failed)


def _without_last_hours(place: dict, count: int) -> dict:
    return {**place, "hourly": {name: values[:-count] for name, values in place["hourly"].items()}}


def _with_first_hour_twice(place: dict) -> dict:
    return {**place, "hourly": {name: [values[0], *values] for name, values in place["hourly"].items()}}


def test_g3_a_revision_outside_the_window_fails_its_load(pipeline: Pipeline, sandbox: Sandbox) -> None:
    def add_late_revision(body: dict) -> dict:
        late = {**body["query"]["pages"][0]["revisions"][-1], "revid": 1, "timestamp": "2026-10-06T00:00:00Z"}
        body["query"]["pages"][0]["revisions"].append(late)
        return body

    sandbox.add_revisions("New England", utc("2026-10-05T10"), 3)
    sandbox.faults.append(Fault(path="/w/api.php", transform=add_late_revision))
    run = pipeline.run("wikipedia", *DAY)
    assert "timestamps_inside_window" in run.error
    assert pipeline.value("SELECT count(*) FROM core.revision") == 0


def test_g3_a_negative_size_among_many_revisions_is_quarantined(pipeline: Pipeline, sandbox: Sandbox) -> None:
    def spoil(body: dict) -> dict:
        body["query"]["pages"][0]["revisions"][7]["size"] = -1
        return body

    sandbox.add_revisions("New England", utc("2026-10-05T10"), 200)
    sandbox.faults.append(Fault(path="/w/api.php", transform=spoil))
    assert pipeline.run("wikipedia", *DAY).errors == {}
    staged, quarantined, offered = pipeline.rows(
        "SELECT rows_staged, rows_quarantined, rows_published FROM audit.load"
    )[0]
    assert (quarantined, offered) == (1, staged - 1)


@pytest.mark.parametrize("suite", [weather.SUITE, wikipedia.SUITE], ids=lambda suite: suite.name)
def test_g3_great_expectations_and_the_quarantine_agree_on_what_is_outside(pipeline: Pipeline, suite: Suite) -> None:
    """The predicate of the quarantine is derived from the suite; here both judge the same rows, at and around each bound."""
    seed = 20261105
    print(f"seed {seed}")
    randomly = random.Random(seed)
    run = pipeline.run("weather" if suite.name == "weather" else "wikipedia", *DAY)
    load_id = run.loads[0]["load_id"]
    table, columns = suite.table, [limit.column for limit in suite.limits]
    base = {
        "staging.weather": "INSERT INTO staging.weather (load_id, raw_id, location_id, observed_at, {}) "
        "VALUES (%s, 1, 1, now() + %s * interval '1 hour', %s)",
        "staging.revision": "INSERT INTO staging.revision (load_id, raw_id, page_id, revision_id, parent_id, "
        "revision_timestamp, is_minor, is_anonymous, is_temporary, tags, {}) "
        "VALUES (%s, 1, 1, %s, 0, now(), false, false, false, '{{}}', %s)",
    }[table]
    for limit in suite.limits:
        bounds = [bound for bound in (limit.lowest, limit.highest) if bound is not None]
        values = [bound + step for bound in bounds for step in (-1, 0, 1)] + [
            randomly.randint(-300, 2000) for _ in range(9)
        ]
        pipeline.owner.execute(f"DELETE FROM {table}")
        for number, value in enumerate(values):
            pipeline.owner.execute(base.format(limit.column), [load_id, number, value])
        outcomes = run_suite(pipeline.owner, lambda: psycopg.connect(pipeline.owner.info.dsn), suite, load_id)
        judged = next(
            outcome for outcome in outcomes if outcome.column == limit.column and "between" in outcome.expectation
        )
        set_aside = pipeline.owner.execute(
            sql.SQL("SELECT count(*) FROM {} WHERE {}").format(sql.SQL(table), outside(limit))
        ).fetchone()
        assert set_aside == (judged.unexpected_count,), (limit, columns)
        assert judged.unexpected_count > 0
