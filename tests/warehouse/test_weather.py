"""Weather from response to mart: values, units, borders of APIs, months, years and clocks."""

import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from include.sources.weather.api import UNITS
from sandbox import Fault, Sandbox
from tests.warehouse.conftest import follow
from tests.warehouse.pipeline import Pipeline, utc
from tests.warehouse.places import BOSTON, KIRITIMATI, PHOENIX


def recorded_places(recorded: Path) -> Any:
    """A real response for two places. It asked for other variables and for knots."""
    return json.loads((recorded / "open_meteo" / "archive_hourly_multi2_gmt.json").read_text())


def completed(place: dict[str, Any], units: dict[str, str]) -> dict[str, Any]:
    """The real series, with NULL for the variables it did not ask for."""
    missing = {name: [None] * 24 for name in UNITS if name not in place["hourly"]}
    return {**place, "hourly": {**place["hourly"], **missing}, "hourly_units": units}


def test_recorded_knots_are_refused(pipeline: Pipeline, sandbox: Sandbox, recorded: Path) -> None:
    def response(_: Any) -> Any:
        return [completed(place, {**UNITS, **place["hourly_units"]}) for place in recorded_places(recorded)]

    sandbox.faults.append(Fault(path="/v1/archive", transform=response))
    run = pipeline.run("weather", "2025-06-15", "2025-06-16")
    assert "wind_speed_10m in kn" in run.error and "units_as_expected" in run.error
    assert pipeline.value("SELECT count(*) FROM core.weather") == 0


def test_recorded_responses_are_stored_with_the_values_they_hold(
    pipeline: Pipeline, sandbox: Sandbox, recorded: Path
) -> None:
    """Its knots are converted to what we ask for, km/h; three variables are unknown, which is a warning."""
    kmh_per_knot = Decimal("1.852")
    real = recorded_places(recorded)
    for place in real:
        place["hourly"]["wind_speed_10m"] = [float(kn * kmh_per_knot) for kn in _decimals(place, "wind_speed_10m")]
    sandbox.faults.append(Fault(path="/v1/archive", transform=lambda _: [completed(place, UNITS) for place in real]))
    assert pipeline.run("weather", "2025-06-15", "2025-06-16").errors == {}
    for location_id, place in enumerate(real, start=1):
        rows = pipeline.rows(
            "SELECT to_char(observed_at, 'YYYY-MM-DD\"T\"HH24:MI'), temperature_celsius, pressure_hpa, cloud_cover_percent, "
            "wind_direction_degrees, wind_speed_mps FROM core.weather WHERE location_id = %s ORDER BY observed_at",
            location_id,
        )
        plain = ["temperature_2m", "pressure_msl", "cloud_cover", "wind_direction_10m"]
        metres = [round(kmh / Decimal("3.6"), 3) for kmh in _decimals(place, "wind_speed_10m")]
        expected = zip(place["hourly"]["time"], *[_decimals(place, name) for name in plain], metres, strict=True)
        assert rows == list(expected)


def _decimals(place: dict[str, Any], name: str) -> list[Decimal]:
    return [Decimal(str(value)) for value in place["hourly"][name]]


def test_the_sandbox_response_reaches_the_mart_unchanged(pipeline: Pipeline) -> None:
    """Phoenix keeps one offset all year: its local day is 07:00 to 07:00 UTC."""
    pipeline.run("weather", "2026-10-05", "2026-10-08")
    pipeline.refresh_marts()
    payload = json.loads(pipeline.value("SELECT payload FROM raw.weather_observations WHERE location_name = 'Phoenix'"))
    day = slice(24 + 7, 48 + 7)
    celsius, rain = payload["hourly"]["temperature_2m"][day], payload["hourly"]["precipitation"][day]
    row = pipeline.rows(
        "SELECT observation_count, min_temperature_celsius, max_temperature_celsius, avg_temperature_celsius, "
        "total_precipitation_mm FROM mart.daily_weather_aggregates "
        "WHERE location_name = 'Phoenix' AND observation_date = '2026-10-06'"
    )[0]
    mean = round(sum(Decimal(str(value)) for value in celsius) / 24, 2)
    assert row == (
        24, Decimal(str(min(celsius))), Decimal(str(max(celsius))), mean, sum(Decimal(str(value)) for value in rain)
    )  # fmt: skip


def test_a_window_across_the_border_of_archive_and_forecast_is_cut_there(pipeline: Pipeline, sandbox: Sandbox) -> None:
    border = (sandbox.now - timedelta(days=90)).date()
    start, end = border - timedelta(days=2), border + timedelta(days=2)
    assert pipeline.run("weather", start.isoformat(), end.isoformat()).errors == {}
    assert [
        (request.path, request.params["start_date"], request.params["end_date"]) for request in sandbox.requests
    ] == [
        ("/v1/archive", start.isoformat(), (border - timedelta(days=1)).isoformat()),
        ("/v1/forecast", border.isoformat(), (end - timedelta(days=1)).isoformat()),
    ]
    assert pipeline.value("SELECT count(*) FROM core.weather") == 2 * 4 * 24
    hosts = [{name.lower(): value for name, value in request.headers.items()}["host"] for request in sandbox.requests]
    assert [host.split(":")[0] for host in hosts] == ["localhost", "127.0.0.1"]
    assert pipeline.rows("SELECT DISTINCT source FROM raw.weather_observations ORDER BY 1") == [
        ("open_meteo",),
        ("open_meteo_archive",),
    ]


@pytest.mark.parametrize(
    ("start", "end", "hours", "partitions"),
    [
        ("2024-02-28", "2024-03-02", 72, ["weather_2024_02", "weather_2024_03"]),
        ("2025-02-28", "2025-03-02", 48, ["weather_2025_02", "weather_2025_03"]),
        ("2025-12-31T20", "2026-01-01T04", 8, ["weather_2025_12", "weather_2026_01"]),
        ("1940-01-01", "1940-01-02", 24, ["weather_1940_01"]),
    ],
)
def test_leap_days_and_borders_of_months_and_years(
    pipeline: Pipeline, start: str, end: str, hours: int, partitions: list[str]
) -> None:
    assert pipeline.run("weather", start, end).errors == {}
    assert pipeline.value("SELECT count(*) FROM core.weather WHERE location_id = 1") == hours
    assert pipeline.rows("SELECT DISTINCT tableoid::regclass::text FROM core.weather ORDER BY 1") == [
        (f"core.{name}",) for name in partitions
    ]


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-08", 23), ("2026-11-01", 25), ("2026-07-04", 24)], ids=["spring", "autumn", "summer"]
)
def test_local_days_in_the_mart_follow_the_clocks_of_the_place(pipeline: Pipeline, day: str, hours: int) -> None:
    local = date.fromisoformat(day)
    pipeline.run("weather", (local - timedelta(days=2)).isoformat(), (local + timedelta(days=3)).isoformat())
    pipeline.refresh_marts()
    counts = pipeline.rows(
        "SELECT location_name, observation_count FROM mart.daily_weather_aggregates WHERE observation_date = %s ORDER BY 1",
        local,
    )
    assert counts == [("Boston", hours), ("Phoenix", 24)]


def test_a_place_fourteen_hours_ahead_has_its_own_dates(pipeline: Pipeline) -> None:
    follow(pipeline.owner, [KIRITIMATI], [])
    pipeline.run("weather", "2026-10-05T10", "2026-10-06T10")
    assert pipeline.rows("SELECT observation_date, observation_count FROM core.weather_daily") == [
        (date(2026, 10, 6), 24)
    ]


def test_an_hour_without_any_value_is_not_an_observation_and_keeps_what_is_known(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    pipeline.run("weather", "2026-10-05", "2026-10-06")
    for variable in UNITS:
        sandbox.faults.append(Fault.null(variable, hour="2026-10-05T03:00", times=1))
    assert pipeline.run("weather", "2026-10-05", "2026-10-06").errors == {}
    assert pipeline.value("SELECT count(*) FROM core.weather WHERE temperature_celsius IS NOT NULL") == 48
    assert pipeline.rows("SELECT rows_staged, rows_published FROM audit.load ORDER BY load_id") == [(48, 48), (48, 46)]


def test_a_revised_value_replaces_the_provisional_one_in_core_rollup_and_mart(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    sandbox.faults.append(Fault.absurd("temperature_2m", 55.5, hour="2026-10-05T12:00", times=1))
    pipeline.run("weather", "2026-10-05", "2026-10-06")
    pipeline.refresh_marts()
    assert pipeline.value("SELECT max(max_temperature_celsius) FROM mart.daily_weather_aggregates") == Decimal("55.50")
    pipeline.run("weather", "2026-10-05", "2026-10-06")
    assert pipeline.value("SELECT rows_changed FROM audit.load ORDER BY load_id DESC LIMIT 1") == 2
    pipeline.refresh_marts()
    assert pipeline.value("SELECT max(max_temperature_celsius) FROM mart.daily_weather_aggregates") < 55
    assert pipeline.value("SELECT load_id FROM core.weather WHERE observed_at = %s LIMIT 1", utc("2026-10-05T12")) == 2


def test_ten_years_in_one_run_are_cut_into_loads_and_calls_the_service_takes(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    sandbox.now = utc("2026-11-20T12:30")
    run = pipeline.run("weather", "2016-01-01", "2026-01-01", conf={"locations": ["Boston"]})
    assert run.errors == {}
    assert pipeline.value("SELECT count(*) FROM core.weather") == 3653 * 24
    follow(pipeline.owner, [BOSTON, PHOENIX, KIRITIMATI], [])
    assert pipeline.value("SELECT count(*) FROM core.weather_daily") == 3653 + 1
