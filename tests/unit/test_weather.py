"""Open-Meteo: the requests of a load, and what is made of the responses."""

import json
import random
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from include.errors import BadResponse, BadWindow, WarehouseError
from include.loads import Load
from include.source import ApiRequest, BadResponseDetails
from include.sources.weather import SOURCE
from include.sources.weather import api as weather
from include.sources.weather.api import MAX_CALL_WEIGHT, UNITS, longest_call, problem_of_status, read, split_by_api
from include.subjects import Place
from include.windows import Window
from tests.unit.support import fake_connection, utc

NOW = utc("2026-11-20T12:30")
BORDER = "2026-08-22"
"""90 days before NOW."""

PLACES: list[tuple[Any, ...]] = [
    (7, "Boston", Decimal("42.360100"), Decimal("-71.058900")),
    (8, "Null Island", Decimal("0.000000"), Decimal("0.000000")),
    (9, "Pole, North", Decimal("90.000000"), Decimal("100.000000")),
]


def window(start: str, end: str) -> Window:
    return Window(utc(start), utc(end))


def requests_of(places: list[tuple[Any, ...]], whole: Window, now: datetime = NOW) -> list[ApiRequest]:
    load = Load(1, 1, tuple(place[0] for place in places), whole)
    return list(weather.conversation(fake_connection(*places), load, now))


def problems_of(request: ApiRequest, text: str) -> list[str | None]:
    """What is wrong with the response for each place."""
    return [row.problem for row in read(request, text)[0]]


def request_for(count: int) -> ApiRequest:
    (request,) = requests_of(PLACES[:count], window("2026-11-18", "2026-11-19"))
    return request


def document(index: int = 0, hours: int = 24) -> dict[str, Any]:
    """A response for one place, as the service writes it."""
    location = {"location_id": index} if index else {}
    times = [f"{utc('2026-11-18') + timedelta(hours=hour):%Y-%m-%dT%H:%M}" for hour in range(hours)]
    return {
        "latitude": 42.36515,
        "longitude": -71.07324,
        **location,
        "utc_offset_seconds": 0,
        "hourly_units": {"time": "iso8601", **UNITS},
        "hourly": {"time": times, **{variable: [1.5, None, 3] * (hours // 3) for variable in UNITS}},
    }


def text_for(count: int, change: Callable[[list[Any]], Any] = lambda documents: None) -> str:
    """A response for `count` places after `change`."""
    documents = [document(index) for index in range(count)]
    change(documents)
    return json.dumps(documents if count != 1 else documents[0], ensure_ascii=False)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2026-11-01", "2026-11-19", [("open_meteo", "2026-11-01", "2026-11-19")]),
        ("2026-01-01", "2026-02-01", [("open_meteo_archive", "2026-01-01", "2026-02-01")]),
        (BORDER, "2026-11-19", [("open_meteo", BORDER, "2026-11-19")]),
        ("2026-08-01", BORDER, [("open_meteo_archive", "2026-08-01", BORDER)]),
        (
            "2026-08-21T23:00",
            "2026-08-22T01:00",
            [("open_meteo_archive", "2026-08-21T23:00", BORDER), ("open_meteo", BORDER, "2026-08-22T01:00")],
        ),
        (
            "1940-01-01",
            "2026-11-20",
            [("open_meteo_archive", "1940-01-01", BORDER), ("open_meteo", BORDER, "2026-11-20")],
        ),
    ],
)
def test_a_window_is_cut_at_the_border_of_the_two_apis(
    start: str, end: str, expected: list[tuple[str, str, str]]
) -> None:
    assert split_by_api(window(start, end), NOW) == [(api, window(first, last)) for api, first, last in expected]


@pytest.mark.parametrize(
    ("now", "border"),
    [
        ("2024-05-29T00:00", "2024-02-29"),
        ("2024-05-28T23:59:59", "2024-02-28"),
        ("2023-05-29T00:00", "2023-02-28"),
        ("2026-03-31T12:00", "2025-12-31"),
    ],
)
def test_the_border_is_a_midnight_ninety_days_back(now: str, border: str) -> None:
    parts = split_by_api(Window(utc(now) - timedelta(days=200), utc(now)), utc(now))
    assert [api for api, _ in parts] == ["open_meteo_archive", "open_meteo"]
    assert parts[0][1].end == parts[1][1].start == utc(border)


def test_a_request_names_places_hours_and_days_as_the_service_reads_them() -> None:
    (request,) = requests_of(PLACES, window("2026-11-17T22:00", "2026-11-19"))
    assert (request.connection_id, request.endpoint) == ("open_meteo", "/v1/forecast")
    assert request.query == (
        "latitude=42.3601,0,90&longitude=-71.0589,0,100&hourly=temperature_2m,relative_humidity_2m,precipitation,"
        "cloud_cover,pressure_msl,wind_speed_10m,wind_direction_10m,weather_code"
        "&start_date=2026-11-17&end_date=2026-11-18&timezone=GMT"
    )
    assert request.about == "places Boston (42.3601, -71.0589), Null Island (0, 0), Pole, North (90, 100)"


def test_a_request_of_the_archive_goes_to_the_archive() -> None:
    (request,) = requests_of(PLACES, window("2024-02-29", "2024-03-01"))
    assert (request.connection_id, request.endpoint) == ("open_meteo_archive", "/v1/archive")
    assert parse_qs(request.query)["start_date"] == parse_qs(request.query)["end_date"] == ["2024-02-29"]


@pytest.mark.parametrize("count", [1, 3, 100, 1000])
def test_requests_of_a_long_window_tile_it(count: int) -> None:
    places = [(number, f"Place {number}", Decimal(1), Decimal(2)) for number in range(count)]
    whole = window("2016-02-27T05:00", "2026-11-20T12:00") if count < 100 else window("2026-01-01", "2026-11-20")
    windows = [request.window for request in requests_of(places, whole)]
    assert (windows[0].start, windows[-1].end) == (whole.start, whole.end)
    assert all(earlier.end == later.start for earlier, later in pairwise(windows))


def weight(places: int, days: int) -> float:
    """What the service counts one call as (open-meteo.com/en/pricing)."""
    return places * max(1, len(UNITS) / 10, len(UNITS) / 10 * days / 14)


@pytest.mark.parametrize("places", [*range(1, 50), 99, 100, 101, 333, 499, 500, 501, 750, 999, 1000])
def test_a_call_of_whole_days_weighs_little(places: int) -> None:
    longest = longest_call(places)
    assert longest >= timedelta(days=1)
    assert weight(places, longest.days) <= max(MAX_CALL_WEIGHT, places) < 5000
    # As long as it may be: with the day that a window may touch besides, the next longer one would weigh too much.
    assert places > MAX_CALL_WEIGHT or weight(places, longest.days + 2) > MAX_CALL_WEIGHT


@pytest.mark.parametrize("places", [500, 100, 1])
def test_no_call_weighs_more_than_the_bound(places: int) -> None:
    assert weight(places, longest_call(places).days) <= MAX_CALL_WEIGHT


@pytest.mark.parametrize("places", [1, 100, 500])
def test_requests_of_windows_that_begin_at_any_hour_stay_below_what_the_service_refuses(places: int) -> None:
    rows = [(number, f"Place {number}", Decimal(1), Decimal(2)) for number in range(places)]
    for request in requests_of(rows, window("2020-01-01T05:00", "2020-12-31T07:00")):
        days = date.fromisoformat(request.params["end_date"]) - date.fromisoformat(request.params["start_date"])
        assert weight(places, days.days + 1) <= max(MAX_CALL_WEIGHT, places)


def test_only_hours_that_have_struck_are_observable() -> None:
    assert weather.observable(window("2026-11-20", "2026-11-21"), NOW) == window("2026-11-20", "2026-11-20T13:00")
    assert weather.observable(window("2026-11-18T00:30", "2026-11-19"), NOW).start == utc("2026-11-18T01:00")
    with pytest.raises(BadWindow, match="holds no full hour"):
        weather.observable(window("2026-11-20T12:31", "2026-11-20T14:00"), NOW)


def plan(places: list[tuple[Any, ...]], whole: Window, size: int, names: list[str] | None = None) -> list[Any]:
    return SOURCE.plan_batches(fake_connection(*places), whole, size, names)


def test_batches_are_groups_of_places_times_slices_oldest_first() -> None:
    places = [(number, f"Place {number}", Decimal(1), Decimal(2)) for number in range(1, 251)]
    batches = plan(places, window("2026-01-01", "2026-03-01"), 100)
    assert [len(batch.subject_ids) for batch in batches] == [100, 100, 50] * 2
    assert [str(batch.window) for batch in batches] == (
        ["[2026-01-01, 2026-02-11) UTC"] * 3 + ["[2026-02-11, 2026-03-01) UTC"] * 3
    )
    assert {number for batch in batches[:3] for number in batch.subject_ids} == set(range(1, 251))
    assert batches[0].label == "Place 1 and 99 more · [2026-01-01, 2026-02-11) UTC"


def test_a_small_installation_has_one_batch() -> None:
    (batch,) = plan(PLACES[:1], window("2026-11-19", "2026-11-20"), 100)
    assert (batch.subject_ids, batch.label) == ((7,), "Boston · [2026-11-19, 2026-11-20) UTC")


def test_names_that_are_not_tracked_are_refused_by_name() -> None:
    assert plan(PLACES[:1], window("2026-11-19", "2026-11-20"), 100, ["Boston"])
    with pytest.raises(WarehouseError, match="not a tracked location: Atlantis, Bostn; see"):
        plan(PLACES[:1], window("2026-11-19", "2026-11-20"), 100, ["Bostn", "Boston", "Atlantis"])
    with pytest.raises(WarehouseError, match="no active location is tracked; add one"):
        plan([], window("2026-11-19", "2026-11-20"), 100)


def test_a_response_for_one_place_is_one_raw_row_as_it_came() -> None:
    text = " " + text_for(1) + "\n"
    rows, _ = read(request_for(1), text)
    assert [row.payload for row in rows] == [text]
    assert rows[0].columns == {
        "location_id": 7,
        "location_ids": [7],
        "location_name": "Boston",
        "latitude": Decimal("42.3601"),
        "longitude": Decimal("-71.0589"),
    }


def test_a_response_for_several_places_is_cut_into_exact_slices() -> None:
    text = text_for(3)
    rows, _ = read(request_for(3), text)
    assert "[" + ", ".join(row.payload for row in rows) + "]" == text
    assert [row.columns["location_id"] for row in rows] == [7, 8, 9]
    assert [row.columns["location_name"] for row in rows] == ["Boston", "Null Island", "Pole, North"]


def test_a_large_response_is_read_place_by_place() -> None:
    """What is parsed takes six times the room of its text: not that of all places at once."""
    places = 40
    text = json.dumps([document(index, 4800) for index in range(places)])
    request = replace(request_for(1), context=tuple(Place(*PLACES[0]) for _ in range(places)))
    tracemalloc.start()
    try:
        read(request, text)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The text once more in bytes, and once in pieces.
    assert peak < 3 * len(text)


def test_a_response_that_cannot_be_cut_is_kept_once_with_all_its_places() -> None:
    assert weather.whole(request_for(3)) == {
        "location_id": None,
        "location_ids": [7, 8, 9],
        "location_name": "Boston, Null Island, Pole, North",
        "latitude": None,
        "longitude": None,
    }


@pytest.mark.parametrize("variable", UNITS)
@pytest.mark.parametrize(
    ("values", "said"),
    [
        (None, " is None: input should be a valid list"),
        ({}, " is {}: input should be a valid list"),
        ([1.5] * 23, " has 23 values for 24 hours"),
        ([1.5] * 25, " has 25 values for 24 hours"),
        ([], " has 0 values for 24 hours"),
        ([*[1.5] * 23, "1.5"], "[23] is '1.5': input should be a valid number"),
        ([*[None] * 23, True], "[23] is True: input should be a valid number"),
        ([[1]] * 24, "[0] is [1]: input should be a valid number"),
    ],
)
def test_a_series_that_is_not_a_list_of_numbers_is_the_problem_of_its_place(
    variable: str, values: object, said: str
) -> None:
    text = text_for(3, lambda documents: documents[1]["hourly"].update({variable: values}))
    assert problems_of(request_for(3), text) == [None, f"field hourly.{variable}{said}", None]


def set_time(text: Any) -> Callable[[dict[str, Any]], Any]:
    """Replaces one of the hours."""
    return lambda document: document["hourly"]["time"].__setitem__(3, text)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda document: document.pop("hourly"), "field hourly is missing"),
        (lambda document: document.update(hourly=[]), "field hourly is []: input should be a valid dictionary"),
        (lambda document: document.pop("hourly_units"), "field hourly_units is missing"),
        (
            lambda document: document["hourly_units"].update(precipitation=None),
            "field hourly_units.precipitation is None: input should be a valid string",
        ),
        (lambda document: document["hourly"].pop("weather_code"), "field hourly.weather_code is missing"),
        (lambda document: document["hourly"].pop("time"), "field hourly.time is missing"),
        *(
            (set_time(text), f"field hourly.time[3] is {text!r}: input should be a ")
            for text in (
                1763424000, None, "2026-11-18T03:00Z", "2026-11-18T03:00+00:00", "03:00", "2026-W47-3T03:00", "2026-11-18T03",
                "2026-11-18T03:00:00", "2026-11-18 03:00", "20261118T0300", "2026-11-18T03:00\n", "2026-11-31T03:00",
                "2026-11-18T24:00", "0000-11-18T03:00", "2026-11-18T\u0660\u0663:00", "infinity", "now",
            )
        ),
        (lambda document: document.update(location_id=2), "field location_id is 2, expected 1"),
        (lambda document: document.update(location_id=True), "field location_id is True: input should be a valid integer"),
        (
            lambda document: (document.clear(), document.update(error=True, reason="No data is\navailable")),
            "the service answered: No data is available",
        ),
        (
            lambda document: document.update(utc_offset_seconds=-18000),
            "field utc_offset_seconds is -18000: the hours are not UTC",
        ),
        (lambda document: document.update(utc_offset_seconds=""), "field utc_offset_seconds is ''"),
        (lambda document: document.update(utc_offset_seconds=False), "field utc_offset_seconds is False"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_response_for_one_place_is_the_problem_of_that_place(
    change: Callable[[dict[str, Any]], Any], said: str
) -> None:
    first, second, third = problems_of(request_for(3), text_for(3, lambda documents: change(documents[1])))
    assert (first, third) == (None, None)
    assert second is not None and said in second
    assert problems_of(request_for(3), text_for(3, lambda documents: documents.__setitem__(1, None)))[1] is not None


@pytest.mark.parametrize(
    "element", ["NaN", '{"hourly": {"time": ["\\u0000"]}}', '"\\ud83d"', "-1e101", "1" * 101, "1" * 5000]
)
def test_what_postgresql_could_not_take_of_one_place_is_the_problem_of_that_place(element: str) -> None:
    text = f"[{json.dumps(document(0))}, {element}, {json.dumps(document(2))}]"
    rows, _ = read(request_for(3), text)
    assert [row.problem is None for row in rows] == [True, False, True]
    assert rows[1].payload == element


def test_an_hour_that_is_not_a_whole_one_can_be_read_and_is_left_to_the_audit() -> None:
    assert problems_of(request_for(1), text_for(1, lambda documents: set_time("2026-11-18T03:30")(documents[0]))) == [
        None
    ]
    assert problems_of(request_for(1), text_for(1, lambda documents: set_time("2026-11-18T02:00")(documents[0]))) == [
        None
    ]
    no_hours: dict[str, list[Any]] = {"time": [], **{variable: [] for variable in UNITS}}
    assert problems_of(request_for(1), text_for(1, lambda documents: documents[0].update(hourly=no_hours))) == [None]


def test_places_in_another_order_are_the_problem_of_those_that_moved() -> None:
    def swap(documents: list[dict[str, Any]]) -> None:
        documents[0], documents[2] = documents[2], documents[0]

    first, second, third = problems_of(request_for(3), text_for(3, swap))
    assert first == "field location_id is 2, expected 0: the places came in another order"
    # The service leaves out location_id of the first place.
    assert (second, third) == (None, None)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda documents: documents.pop(), "the response holds 2 places, 3 were asked for"),
        (lambda documents: documents.append(document(3)), "the response holds 4 places, 3 were asked for"),
        (lambda documents: documents.clear(), "not complete JSON"),
    ],
)
def test_a_response_for_another_number_of_places_is_a_fault_of_the_service(
    change: Callable[[list[dict[str, Any]]], Any], said: str
) -> None:
    with pytest.raises(BadResponse, match=said) as error:
        read(request_for(3), text_for(3, change))
    assert error.value.is_retryable and not error.value.is_of_service


def test_one_document_is_not_a_response_for_several_places_nor_an_array_for_one() -> None:
    with pytest.raises(BadResponse, match="the response holds 1 places, 3 were asked for"):
        read(request_for(3), text_for(1))
    (problem,) = problems_of(request_for(1), f"[{text_for(1)}]")
    assert problem is not None and problem.startswith("the response is [{")


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("body", ['{"error":true,"reason":"Gone."}', '{"reason":"Gone.","error":true}'])
def test_a_200_that_carries_an_error_is_a_failure(count: int, body: str) -> None:
    with pytest.raises(BadResponse, match=r"^the service answered: Gone\.$"):
        read(request_for(count), body)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("count", [1, 2])
def test_whatever_stands_in_a_field_the_response_is_good_or_a_bad_response(count: int, seed: int) -> None:
    rng = random.Random(seed)
    junk: list[Any] = [None, True, -1, 1.5, "", "NaN", "2026-11-18T00:00", [], {}, [None], [[]], {"error": True}]

    def garble(value: Any) -> Any:
        if rng.random() < 0.02:
            return rng.choice(junk)
        if isinstance(value, dict):
            return {key: garble(item) for key, item in value.items() if rng.random() > 0.01}
        return [garble(item) for item in value] if isinstance(value, list) else value

    bad = 0
    for _ in range(30):
        documents = [document(index, 6) for index in range(count)]
        try:
            rows, _ = read(request_for(count), json.dumps(garble(documents if count > 1 else documents[0])))
            assert len(rows) == count
            bad += any(row.problem for row in rows)
        except BadResponse:
            bad += 1
    assert bad > 10


def test_recorded_errors_are_bad_responses_with_the_reason(recorded: Path) -> None:
    paths = sorted(recorded.glob("open_meteo/error_*.json"))
    assert paths
    for path in paths:
        text = path.read_text(encoding="utf-8")
        status, reason = int(path.name.split("_")[1]), json.loads(text)["reason"]
        with pytest.raises(BadResponse) as error:
            read(request_for(3), text)
        assert str(error.value) == f"the service answered: {reason}"
        details = problem_of_status(status, text, NOW)
        assert reason in details.problem and details.is_retryable == (status != 400)


@pytest.mark.parametrize("name", ["archive_hourly_multi2_gmt", "forecast_hourly_multi12_uk"])
def test_recorded_responses_for_several_places_are_cut_exactly(
    recorded: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    text = (recorded / "open_meteo" / f"{name}.json").read_text(encoding="utf-8")
    documents = json.loads(text)
    # What was asked for then, in place of what is asked for now.
    monkeypatch.setattr(weather, "UNITS", {name: "" for name in documents[0]["hourly"] if name != "time"})
    places = [(number, f"Place {number}", Decimal(1), Decimal(2)) for number in range(len(documents))]
    (request,) = requests_of(places, window("2026-11-18", "2026-11-19"))
    rows, _ = read(request, text)
    assert [json.loads(row.payload) for row in rows] == documents
    position = 0
    for row in rows:
        position = text.index(row.payload, position) + len(row.payload)


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("archive_hourly_72h_adelaide", "hourly.cloud_cover"),
        ("forecast_hourly_72h_adelaide", "hourly.cloud_cover"),
        ("forecast_current_hourly_daily_toronto", "hourly.relative_humidity_2m"),
        ("forecast_daily_all_null", "hourly"),
    ],
)
def test_recorded_responses_to_another_question_are_problems_that_name_the_field(
    recorded: Path, name: str, field: str
) -> None:
    text = (recorded / "open_meteo" / f"{name}.json").read_text(encoding="utf-8")
    (problem,) = problems_of(request_for(1), text)
    assert problem is not None
    assert f"field {field} is missing" in problem or "utc_offset_seconds" in problem


def limit(word: str) -> str:
    return json.dumps({"error": True, "reason": f"{word} API request limit exceeded. Please try again later."})


@pytest.mark.parametrize(
    ("text", "now", "seconds"),
    [
        (limit("Minutely"), "2026-11-20T12:30:00", 61),
        (limit("Minutely"), "2026-11-20T12:30:59.500", 1.5),
        (limit("Hourly"), "2026-11-20T12:59:50", 11),
        (limit("Hourly"), "2026-11-20T23:30:00", 1801),
        (limit("Daily"), "2026-11-20T23:59:00", 61),
        (limit("Daily"), "2024-02-28T12:00:00", 12 * 3600 + 1),
        (limit("Daily"), "2026-12-31T00:00:00", 24 * 3600 + 1),
        ('{"error":true,"reason":"Too many concurrent requests"}', "2026-11-20T12:30:00", None),
        ("<html>nginx</html>", "2026-11-20T12:30:00", None),
        ("", "2026-11-20T12:30:00", None),
        ('["limit"]', "2026-11-20T12:30:00", None),
    ],
)
def test_a_429_is_asked_again_when_its_counter_is_reset(text: str, now: str, seconds: float | None) -> None:
    details = problem_of_status(429, text, utc(now))
    assert (details.is_retryable, details.retry_after) == (True, seconds)
    assert details.problem.startswith("the service refused for now: ")


@pytest.mark.parametrize("status", [400, 404, 414])
def test_a_request_that_is_wrong_is_not_asked_again(status: int) -> None:
    details = problem_of_status(status, '{"reason":"Latitude must be in range.","error":true}', NOW)
    assert details == BadResponseDetails(
        "the service refused the request: Latitude must be in range.", False, None, True
    )


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_final_and_says_where_the_key_is(status: int) -> None:
    details = problem_of_status(status, '{"error":true,"reason":"The supplied API key is invalid."}', NOW)
    assert not details.is_retryable
    assert "The supplied API key is invalid." in details.problem
    assert "API key, which is the password of the Airflow connection" in details.problem


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_service_that_failed_is_asked_again(status: int) -> None:
    details = problem_of_status(status, '{"reason":"Something went wrong.","error":true}', NOW)
    assert details == BadResponseDetails("the service failed: Something went wrong.", True)


@pytest.mark.parametrize(
    "text",
    [
        "<html> " + "x" * 5000,
        "",
        pytest.param("<html>\r\n<head>"),
        pytest.param('{"reason": "' + "x" * 5000 + '"}', id="long"),
    ],
)
def test_an_error_page_is_shown_in_one_short_line(text: str) -> None:
    problem = problem_of_status(502, text, NOW).problem
    assert "\n" not in problem and len(problem) < 500
    assert problem != "the service failed: "
