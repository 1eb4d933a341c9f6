"""Open-Meteo in the sandbox: shapes, limits, errors, values."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from sandbox import Fault, Sandbox

VARIABLES = (
    "temperature_2m,relative_humidity_2m,precipitation,cloud_cover,pressure_msl,wind_speed_10m,"
    "wind_direction_10m,weather_code"
)
DAY = {"start_date": "2026-11-01", "end_date": "2026-11-01"}
FORECAST_RANGE = "is out of allowed range from 2026-08-21 to 2026-12-07"
ARCHIVE_RANGE = "is out of allowed range from 1940-01-01 to 2026-11-22"
TOO_MUCH = (
    "Your API call requests too much data. Please reduce the number of variables, locations and/or weather models."
)
BOUNDS = {
    "temperature_2m": (-50, 60),
    "relative_humidity_2m": (0, 100),
    "precipitation": (0, 100),
    "cloud_cover": (0, 100),
    "pressure_msl": (850, 1100),
    "wind_speed_10m": (0, 200),
    "wind_direction_10m": (0, 360),
}


def test_one_place_is_an_object_with_every_hour_of_both_days(client: Any) -> None:
    body = client.forecast(hourly="temperature_2m", start_date="2026-11-01", end_date="2026-11-02")
    times = body["hourly"]["time"]
    assert times[0] == "2026-11-01T00:00" and times[-1] == "2026-11-02T23:00"
    assert len(times) == len(body["hourly"]["temperature_2m"]) == 48
    assert body["hourly_units"] == {"time": "iso8601", "temperature_2m": "°C"}
    assert (body["utc_offset_seconds"], body["timezone"]) == (0, "GMT")


def test_several_places_are_an_array_in_order_and_the_first_has_no_location_id(client: Any) -> None:
    body = client.forecast(latitude="10,20,-30", longitude="1,2,3", hourly="cloud_cover", **DAY)
    assert [item.get("location_id") for item in body] == [None, 1, 2]
    assert [round(item["latitude"]) for item in body] == [10, 20, -30]


def test_coordinates_are_the_grid_cells(client: Any) -> None:
    body = client.forecast(hourly="temperature_2m", **DAY)
    assert body["latitude"] != 48.85 and abs(body["latitude"] - 48.85) < 0.05


def test_the_text_is_compact_and_decimals_are_fixed(client: Any) -> None:
    text = client.get("/v1/forecast", latitude=1, longitude=2, hourly=VARIABLES, **DAY).text
    assert ", " not in text and '": ' not in text
    rain = text.split('"precipitation":[')[1].split("]")[0].split(",")
    assert all(len(value.split(".")[1]) == 2 for value in rain)


def test_an_hour_has_the_same_values_wherever_it_is_asked_from(client: Any) -> None:
    forecast = client.forecast(hourly=VARIABLES, start_date="2026-10-30", end_date="2026-11-02")
    archive = client.archive(latitude="10,48.85", longitude="10,2.35", hourly=VARIABLES, **DAY)[1]
    one_hour = client.archive(hourly=VARIABLES, start_hour="2026-11-01T07:00", end_hour="2026-11-01T07:00")
    at = forecast["hourly"]["time"].index("2026-11-01T00:00")
    for name in VARIABLES.split(","):
        assert forecast["hourly"][name][at : at + 24] == archive["hourly"][name]
        assert one_hour["hourly"][name] == [archive["hourly"][name][7]]


def test_values_do_not_depend_on_the_process(client: Any) -> None:
    body = client.archive(hourly="temperature_2m", start_hour="2001-01-01T00:00", end_hour="2001-01-01T02:00")
    assert body["hourly"]["temperature_2m"] == [-3.1, -3.5, -3.6]


@pytest.mark.parametrize("latitude", [90, 45, 0, -33.3, -90])
def test_weather_is_plausible(client: Any, latitude: float) -> None:
    dates = {"start_date": "1999-01-01", "end_date": "2000-12-31"}
    hourly = client.archive(latitude=latitude, longitude=-180, hourly=VARIABLES, **dates)["hourly"]
    for name, (low, high) in BOUNDS.items():
        assert low <= min(hourly[name]) < max(hourly[name]) <= high
    steps = [abs(b - a) for a, b in zip(hourly["temperature_2m"], hourly["temperature_2m"][1:], strict=False)]
    assert max(steps) < 6
    for code, rain in zip(hourly["weather_code"], hourly["precipitation"], strict=True):
        assert (code >= 51) == (rain > 0)
    assert 200 < sum(hourly["precipitation"]) / 2 < 3000


def test_summers_are_opposite_in_the_two_hemispheres(client: Any) -> None:
    def mean(latitude: float, month: str) -> float:
        dates = {"start_date": f"2020-{month}-01", "end_date": f"2020-{month}-28"}
        values = client.archive(latitude=latitude, hourly="temperature_2m", **dates)["hourly"]["temperature_2m"]
        return float(sum(values) / len(values))

    assert mean(50, "07") > mean(50, "01") + 5
    assert mean(-50, "01") > mean(-50, "07") + 5


def test_old_spellings_come_back_as_asked(client: Any) -> None:
    hourly = client.forecast(hourly="windspeed_10m,wind_speed_10m", **DAY)["hourly"]
    assert hourly["windspeed_10m"] == hourly["wind_speed_10m"]


def test_a_known_name_that_is_not_served_is_all_null(client: Any) -> None:
    body = client.forecast(hourly="dew_point_2m,is_day", **DAY)
    assert body["hourly_units"]["dew_point_2m"] == "undefined" and body["hourly_units"]["is_day"] == ""
    assert set(body["hourly"]["dew_point_2m"]) == {None} and set(body["hourly"]["is_day"]) == {0, 1}


def test_wind_speed_unit(client: Any) -> None:
    kmh = client.forecast(hourly="wind_speed_10m", **DAY)
    ms = client.forecast(hourly="wind_speed_10m", wind_speed_unit="ms", **DAY)
    assert (kmh["hourly_units"]["wind_speed_10m"], ms["hourly_units"]["wind_speed_10m"]) == ("km/h", "m/s")
    assert ms["hourly"]["wind_speed_10m"][0] == pytest.approx(kmh["hourly"]["wind_speed_10m"][0] / 3.6, abs=0.006)


def test_unix_time(client: Any) -> None:
    body = client.forecast(hourly="cloud_cover", timeformat="unixtime", **DAY)
    assert body["hourly_units"]["time"] == "unixtime"
    assert body["hourly"]["time"][:2] == [1793491200, 1793494800]


def test_another_zone_gets_todays_offset_for_the_whole_series(client: Any) -> None:
    body = client.archive(
        hourly="temperature_2m", timezone="Europe/Paris", start_date="2026-07-01", end_date="2026-07-01"
    )
    assert (body["utc_offset_seconds"], body["timezone_abbreviation"]) == (3600, "GMT+1")
    gmt = client.archive(hourly="temperature_2m", start_hour="2026-06-30T23:00", end_hour="2026-07-01T22:00")
    assert body["hourly"]["temperature_2m"] == gmt["hourly"]["temperature_2m"]


def test_the_archives_newest_hours_are_null(client: Any) -> None:
    hourly = client.archive(hourly="cloud_cover", start_date="2026-11-20", end_date="2026-11-22")["hourly"]
    nulls = [stamp for stamp, value in zip(hourly["time"], hourly["cloud_cover"], strict=True) if value is None]
    assert nulls[0] == "2026-11-20T10:00" and len(nulls) == 62


@pytest.mark.parametrize(
    ("path", "params", "reason"),
    [
        ("forecast", {"start_date": "2026-08-20"}, "Parameter 'start_date' " + FORECAST_RANGE),
        ("forecast", {"end_date": "2026-12-08"}, "Parameter 'end_date' " + FORECAST_RANGE),
        ("archive", {"start_date": "1939-12-31"}, "Parameter 'start_date' " + ARCHIVE_RANGE),
        ("archive", {"end_date": "2026-11-23"}, "Parameter 'end_date' " + ARCHIVE_RANGE),
        ("forecast", {"end_date": "2026-10-31"}, "End-date must be larger or equals than start-date"),
        ("forecast", {"latitude": "200"}, "Latitude must be in range of -90 to 90°. Given: 200.0."),
        ("forecast", {"longitude": "181"}, "Longitude must be in range of -180 to 180°. Given: 181.0."),
        ("forecast", {"latitude": "1,2"}, "Parameter 'latitude' and 'longitude' must have the same number of elements"),
        (
            "forecast",
            {"latitude": ",".join("1" * 1001), "longitude": ",".join("1" * 1001)},
            "Only up to 1000 locations can be requested at once",
        ),
        (
            "forecast",
            {"wind_speed_unit": "x"},
            "Data corrupted at path 'wind_speed_unit'. Cannot initialize WindspeedUnit from invalid String value x.",
        ),
        (
            "forecast",
            {"latitude": "abc"},
            "Data corrupted at path ''. Cannot initialize Float from invalid String value abc.",
        ),
        (
            "archive",
            {"start_date": "1940-01-01", "end_date": "2026-01-01", "latitude": "1,2,3", "longitude": "1,2,3"},
            TOO_MUCH,
        ),
    ],
)
def test_refusals(client: Any, path: str, params: dict[str, str], reason: str) -> None:
    known = {"latitude": 1, "longitude": 2, "hourly": VARIABLES} | DAY
    response = client.get(f"/v1/{path}", **(known | params))
    assert response.status_code == 400
    assert response.json() == {"error": True, "reason": reason}
    assert "Retry-After" not in response.headers


def test_start_hour_out_of_range_is_named(client: Any) -> None:
    body = client.forecast(hourly="cloud_cover", start_hour="2026-08-20T23:00", end_hour="2026-08-21T00:00")
    assert body["reason"] == "Parameter 'start_hour' is out of allowed range from 2026-08-21 to 2026-12-07"


def test_an_encoded_comma_does_not_separate(client: Any) -> None:
    url = f"{client.sandbox.url}/v1/forecast?latitude=1&longitude=2&hourly=temperature_2m%2Ccloud_cover"
    assert requests.get(url, timeout=10).json()["reason"].endswith("invalid String value temperature_2m,cloud_cover.")


def test_a_thousand_places_and_a_form(client: Any) -> None:
    many = ",".join(["1.5"] * 1000)
    form = f"latitude={many}&longitude={many}&hourly=cloud_cover&start_date=2026-11-01&end_date=2026-11-01"
    body = client.session.post(f"{client.sandbox.url}/v1/forecast", data=form, timeout=10).json()
    assert len(body) == 1000 and body[-1]["location_id"] == 999


def test_minutely_limit_counts_weight_and_resets_with_the_minute(limited: Any) -> None:
    places = {"latitude": ",".join(["1"] * 600), "longitude": ",".join(["1"] * 600)}
    assert len(limited.forecast(hourly="cloud_cover", **places, **DAY)) == 600
    refused = limited.get("/v1/forecast", latitude=1, longitude=1, hourly="cloud_cover", **DAY)
    assert refused.status_code == 429 and "Retry-After" not in refused.headers
    assert refused.json()["reason"] == "Minutely API request limit exceeded. Please try again in one minute."
    limited.sandbox.now += timedelta(seconds=45)
    assert "hourly" in limited.forecast(hourly="cloud_cover", **DAY)


def test_weight_grows_with_variables_and_days(limited: Any) -> None:
    # 8 variables x 730 days: 0.8 * 730 / 14 = 41.7 calls a time.
    limited.sandbox.open_meteo.budget.spend(600 - 41.8)
    dates = {"start_date": "2021-01-01", "end_date": "2022-12-31"}
    responses = [limited.archive(hourly=VARIABLES, **dates).get("reason") for _ in range(3)]
    assert responses[:2] == [None, None] and str(responses[2]).startswith("Minutely")


@pytest.mark.parametrize(
    ("spent", "reason"),
    [
        (5000, "Hourly API request limit exceeded. Please try again in the next hour."),
        (10_000, "Daily API request limit exceeded. Please try again tomorrow."),
    ],
)
def test_longer_limits(limited: Any, spent: int, reason: str) -> None:
    budget = limited.sandbox.open_meteo.budget
    budget.spend(spent)
    limited.sandbox.now = datetime(2026, 11, 22, 10 if spent == 5000 else 11, 59, tzinfo=UTC)
    assert limited.forecast(hourly="cloud_cover", **DAY)["reason"] == reason
    limited.sandbox.now = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
    assert "hourly" in limited.forecast(hourly="cloud_cover", **DAY)


def test_a_key_lifts_the_free_limits(limited: Any) -> None:
    limited.sandbox.open_meteo.budget.spend(10_000)
    assert "hourly" in limited.forecast(hourly="cloud_cover", apikey="k", **DAY)


def test_a_failed_call_counts_as_one(limited: Any) -> None:
    limited.sandbox.open_meteo.budget.spend(599)
    assert limited.forecast(hourly="bogus")["error"] is True
    assert limited.forecast(hourly="cloud_cover", **DAY)["reason"].startswith("Minutely")


def test_the_line_holds_one_running_and_five_waiting(limited: Any) -> None:
    sandbox: Sandbox = limited.sandbox
    release, running = threading.Event(), threading.Event()

    def hold(body: Any) -> Any:
        running.set()
        assert release.wait(10)
        return body

    sandbox.faults.append(Fault(transform=hold))
    url = f"{sandbox.url}/v1/forecast?latitude=1&longitude=1&hourly=cloud_cover"
    statuses: list[int] = []
    refused = threading.Event()

    def ask() -> None:
        statuses.append(requests.get(url, timeout=10).status_code)
        if statuses[-1] == 429:
            refused.set()

    threads = [threading.Thread(target=ask) for _ in range(7)]
    threads[0].start()
    assert running.wait(10)
    for thread in threads[1:]:
        thread.start()
    assert refused.wait(10)
    assert statuses == [429]
    release.set()
    for thread in threads:
        thread.join(10)
    assert sorted(statuses) == [200] * 6 + [429]
