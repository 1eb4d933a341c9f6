"""G3: a row that failed its audit reaches neither core nor marts; core keeps its last good values."""

import random
from dataclasses import replace

import pytest

from include.audit import audit_load
from include.sources import SOURCES
from include.suite import Suite
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


def test_g3_a_load_full_of_absurd_values_is_withheld_and_a_good_one_after_it_carries_nothing_of_it(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    sandbox.faults.append(Fault.absurd("temperature_2m", 999.9, times=1))
    bad = pipeline.run("weather", *DAY)
    assert "load 1 withheld 2 of 2 units, nothing of it is published" in bad.error
    assert "Boston [2026-10-05, 2026-10-06) UTC: too many set aside: 24, expected at most one hour" in bad.error
    assert "(few_hours_set_aside; raw id 1 of raw.weather_observations)" in bad.error
    assert "clear the task extract" in bad.error
    assert pipeline.value("SELECT count(*) FROM audit.quarantine WHERE value = '999.9'") == 48
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
    assert pipeline.rows("SELECT status FROM audit.load") == [("rejected",)]
    assert pipeline.value("SELECT count(*) FROM core.weather") == 0


def test_g3_rows_staged_again_after_the_audit_need_an_audit_of_their_own(pipeline: Pipeline) -> None:
    run = DagRun("weather", "again", {"start_date": DAY[0], "end_date": DAY[1]}, pipeline.clock())
    pipeline.finish(pipeline.plan(run), until="validate")
    pipeline.finish(run, since="transform", until="transform")
    pipeline.finish(run, since="publish")
    [(status, error)] = pipeline.rows("SELECT status, error FROM audit.load")
    assert (status, "the audit has no verdict on it" in error) == ("failed", True)
    assert pipeline.value("SELECT count(*) FROM core.weather") == 0
    pipeline.finish(run, since="validate")
    assert pipeline.value("SELECT count(*) FROM core.weather") == 48


@pytest.mark.parametrize(
    ("fault", "expectation"),
    [
        (Fault.unit("temperature_2m", "°F"), "units_as_expected"),
        (Fault.unit("wind_speed_10m", "m/s"), "units_as_expected"),
        (Fault.unit("cloud_cover", "undefined"), "units_as_expected"),
        (
            Fault(path="/v1/", transform=lambda body: [_without_last_hours(place, 3) for place in body]),
            "every_hour_is_present",
        ),
        (
            Fault(path="/v1/", transform=lambda body: [_without_last_hours(place, 24) for place in body]),
            "every_hour_is_present",
        ),
        (Fault(path="/v1/", transform=lambda body: [_with_first_hour_twice(place) for place in body]), "no_other_hour"),
        (Fault(path="/v1/", transform=lambda body: [_with_half_an_hour(place) for place in body]), "no_other_hour"),
    ],
)
def test_g3_a_day_that_is_not_to_be_trusted_is_withheld(
    pipeline: Pipeline, sandbox: Sandbox, fault: Fault, expectation: str
) -> None:
    sandbox.faults.append(replace(fault))
    run = pipeline.run("weather", *DAY)
    assert "withheld 2 of 2 units" in run.error
    assert pipeline.value("SELECT count(*) FROM core.weather") == 0
    failed = pipeline.rows(
        "SELECT expectation, sample FROM audit.validation_result WHERE NOT success AND severity = 'critical'"
    )
    assert expectation in [name for name, _ in failed]
    assert all(len(sample) == 2 for _, sample in failed)
    reasons = pipeline.rows("SELECT DISTINCT split_part(expectation, ':', 1) FROM audit.withheld")
    assert reasons == [(expectation,)]


def _without_last_hours(place: dict, count: int) -> dict:
    return {**place, "hourly": {name: values[:-count] for name, values in place["hourly"].items()}}


def _with_first_hour_twice(place: dict) -> dict:
    return {**place, "hourly": {name: [values[0], *values] for name, values in place["hourly"].items()}}


def _with_half_an_hour(place: dict) -> dict:
    hourly = {name: [*values, values[-1]] for name, values in place["hourly"].items()}
    return {
        **place,
        "hourly": {**hourly, "time": [*hourly["time"][:-1], hourly["time"][0].replace("T00:00", "T00:30")]},
    }


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


@pytest.mark.parametrize("suite", [source.suite for source in SOURCES.values()], ids=lambda suite: suite.name)
def test_g3_great_expectations_and_the_quarantine_agree_on_what_is_outside(pipeline: Pipeline, suite: Suite) -> None:
    """The predicate of the quarantine is derived from the suite; here both judge the same rows, at and around each bound."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    randomly = random.Random(seed)
    run = DagRun(suite.name, "judged", {"start_date": DAY[0], "end_date": DAY[1]}, pipeline.clock())
    pipeline.finish(pipeline.plan(run), until="transform", only=[0])
    load_id = run.loads[0]["load_id"]
    time_column = {"weather": "observed_at", "wikipedia": "revision_timestamp"}[suite.name]
    assert pipeline.value(f"SELECT count(*) FROM {suite.table}") > 5
    for limit in suite.limits:
        bounds = [bound for bound in (limit.lowest, limit.highest) if bound is not None]
        values = [bound + step for bound in bounds for step in (-1, 0, 1)]
        values += [randomly.randint(-300, 2000) for _ in range(9)]
        for value in values:
            pipeline.owner.execute(f"UPDATE {suite.table} SET {limit.column} = %s", [bounds[0]])
            one = f"(SELECT ctid FROM {suite.table} ORDER BY {time_column}, raw_id LIMIT 1)"
            pipeline.owner.execute(f"UPDATE {suite.table} SET {limit.column} = %s WHERE ctid = {one}", [value])
            audit = audit_load(pipeline.owner, suite, load_id)
            judged = next(outcome for outcome in audit.outcomes if outcome.column == limit.column)
            is_outside = value < bounds[0] or value > bounds[-1]
            assert (judged.success, judged.unexpected_count) == (not is_outside, int(is_outside)), (limit, value)
            quarantined = pipeline.value("SELECT count(*) FROM audit.quarantine")
            assert quarantined == int(is_outside), (limit, value)
        pipeline.owner.execute(f"UPDATE {suite.table} SET {limit.column} = %s", [bounds[0]])
