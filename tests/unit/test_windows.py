"""Windows: which one a run gets, and that windows tile."""

import random
from datetime import date, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest

from include.errors import BadWindow
from include.windows import (
    EARLIEST,
    RunTimes,
    Window,
    last_interval,
    parse_moment,
    resolve,
    typed_range,
    until,
    whole_days,
    whole_hours,
)
from tests.unit.support import utc

NOW = utc("2026-11-20T12:30")
INTERVAL = Window(utc("2026-11-18"), utc("2026-11-19"))
LAST = Window(utc("2026-11-19"), utc("2026-11-20"))


def window(start: str, end: str) -> Window:
    return Window(utc(start), utc(end))


def run(start: str | None = None, end: str | None = None, **others: Any) -> RunTimes:
    return RunTimes(start, end, **{"data_interval": INTERVAL, "last_interval": LAST, "is_scheduled": False, **others})


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        pytest.param(run("2026-10-01", "2026-11-01"), window("2026-10-01", "2026-11-01"), id="params-first"),
        pytest.param(run(), INTERVAL, id="then-the-data-interval"),
        pytest.param(run(data_interval=None), LAST, id="then-the-last-interval"),
        pytest.param(run(data_interval=Window(NOW, NOW)), LAST, id="an-interval-without-width-is-none"),
        pytest.param(run("", ""), INTERVAL, id="empty-params-are-none"),
        pytest.param(
            run("2026-10-01", "2026-10-02", data_interval=None, is_scheduled=False),
            window("2026-10-01", "2026-10-02"),
            id="params-of-a-run-without-interval",
        ),
    ],
)
def test_window_comes_from_params_then_data_interval_then_last_interval(times: RunTimes, expected: Window) -> None:
    assert resolve(times, NOW) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-10-01", "2026-10-01T00:00"),
        ("2026-10-01T06:00", "2026-10-01T06:00"),
        ("2026-10-01 06:00:30", "2026-10-01T06:00:30"),
        (" 2026-10-01 ", "2026-10-01T00:00"),
        ("2026-10-01T06:00Z", "2026-10-01T06:00"),
        ("2026-10-01T00:00+02:00", "2026-09-30T22:00"),
        ("2026-10-01T00:00-05:30", "2026-10-01T05:30"),
        ("2024-02-29", "2024-02-29T00:00"),
    ],
)
def test_moments_are_utc_where_they_name_no_zone(text: str, expected: str) -> None:
    moment = parse_moment(text, "start_date")
    assert moment == utc(expected)
    assert moment.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "2026-02-29",
        "2026-13-01",
        "01/10/2026",
        "2026",
        "  ",
        "2026-10-01T25:00",
        "'; DROP TABLE core.weather; --",
        pytest.param("0001-01-01T00:00+14:00"),
        pytest.param("9999-12-31T23:00-05:00"),
    ],
)
@pytest.mark.parametrize("name", ["start_date", "end_date"])
def test_what_is_not_a_date_is_refused_by_the_name_of_its_parameter(text: str, name: str) -> None:
    params = {"start_date": "2026-10-01", "end_date": "2026-11-01", name: text}
    with pytest.raises(BadWindow, match=f"^{name} must be a date or datetime") as error:
        resolve(run(params["start_date"], params["end_date"]), NOW)
    assert repr(text) in str(error.value)


@pytest.mark.parametrize(
    ("start", "end", "parts"),
    [
        ("2026-10-02", "2026-10-01", ["start_date 2026-10-02", "end_date 2026-10-01", "exclusive"]),
        ("2026-10-01", "2026-10-01", ["start_date 2026-10-01", "end_date 2026-10-01", "exclusive"]),
        ("2026-10-01T00:00Z", "2026-10-01T02:00+03:00", ["is not before"]),
        ("2026-10-01", None, ["end_date is missing", "both"]),
        (None, "2026-10-01", ["start_date is missing", "both"]),
        ("", "2026-10-01", ["start_date is missing"]),
        ("2026-11-21", "2026-11-22", ["[2026-11-21, 2026-11-22) UTC", "future", "2026-11-20T12:30"]),
        ("2026-11-20T12:31", "2026-11-20T13:00", ["future", "start_date"]),
        ("1939-12-31", "1940-02-01", ["[1939-12-31, 1940-02-01) UTC", "before 1940-01-01"]),
        ("1939-12-31T23:59", "1940-02-01", ["before 1940-01-01"]),
        ("1940-01-01T00:00+01:00", "1940-02-01", ["before 1940-01-01"]),
    ],
)
def test_windows_that_cannot_be_loaded_are_refused_with_the_reason(
    start: str | None, end: str | None, parts: list[str]
) -> None:
    with pytest.raises(BadWindow) as error:
        resolve(run(start, end), NOW)
    assert [part for part in parts if part not in str(error.value)] == []


@pytest.mark.parametrize(
    ("start", "end"),
    [("1940-01-01", "1940-01-02"), ("2026-11-20", "2027-01-01"), ("2026-11-20T12:30", "2026-11-20T12:31")],
)
def test_windows_at_the_borders_are_taken(start: str, end: str) -> None:
    assert resolve(run(start, end), NOW) == window(start, end)


@pytest.mark.parametrize(
    ("times", "start"),
    [
        pytest.param(run(is_scheduled=True), "2026-11-13", id="scheduled"),
        pytest.param(run(), "2026-11-18", id="backfill-or-manual"),
        pytest.param(run("2026-11-18", "2026-11-19"), "2026-11-18", id="explicit"),
        pytest.param(
            run(is_scheduled=True, data_interval=window("1940-01-02", "1940-01-03")), "1940-01-01", id="not-before-1940"
        ),
    ],
)
def test_only_a_scheduled_run_reads_the_days_before_its_interval_again(times: RunTimes, start: str) -> None:
    resolved = resolve(times, NOW, timedelta(days=5))
    assert resolved.start == utc(start)
    assert resolved.end == (times.data_interval or LAST).end


def test_a_scheduled_interval_before_1940_is_refused() -> None:
    with pytest.raises(BadWindow, match="before 1940"):
        resolve(run(is_scheduled=True, data_interval=window("1939-12-30", "1939-12-31")), NOW, timedelta(days=5))


@pytest.mark.parametrize(
    ("schedule", "run_after", "expected"),
    [
        ("@daily", "2026-11-20T12:30", ("2026-11-19", "2026-11-20")),
        ("@daily", "2026-11-20", ("2026-11-19", "2026-11-20")),
        ("@daily", "2026-11-19T23:59:59", ("2026-11-18", "2026-11-19")),
        ("@daily", "2024-03-01T06:00", ("2024-02-29", "2024-03-01")),
        ("@hourly", "2026-11-20T12:30", ("2026-11-20T11:00", "2026-11-20T12:00")),
        ("@hourly", "2026-11-20T12:00", ("2026-11-20T11:00", "2026-11-20T12:00")),
        ("@hourly", "2026-11-20T00:10", ("2026-11-19T23:00", "2026-11-20")),
        ("0 6 * * *", "2026-11-20T05:59", ("2026-11-18T06:00", "2026-11-19T06:00")),
        ("30 5 * * 1-5", "2026-11-16T05:30", ("2026-11-13T05:30", "2026-11-16T05:30")),
        ("15 */7 * * *", "2026-11-20T01:00", ("2026-11-19T21:15", "2026-11-20T00:15")),
        ("@monthly", "2024-03-15", ("2024-02-01", "2024-03-01")),
        ("0 0 31 * *", "2026-11-20", ("2026-08-31", "2026-10-31")),
        ("0 0 29 2 *", "2026-11-20", ("2020-02-29", "2024-02-29")),
        pytest.param(
            "@daily",
            "2026-11-19T23:59:59.500",
            ("2026-11-18", "2026-11-19"),
        ),
    ],
)
def test_last_interval_is_complete_at_run_after(schedule: str, run_after: str, expected: tuple[str, str]) -> None:
    assert last_interval(schedule, utc(run_after)) == window(*expected)


def test_last_interval_reads_run_after_in_any_zone() -> None:
    tokyo = datetime(2026, 11, 20, 8, 30, tzinfo=timezone(timedelta(hours=9)))
    assert last_interval("@daily", tokyo) == window("2026-11-18", "2026-11-19")


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("schedule", ["@daily", "@hourly", "15 */7 * * *", "30 5 * * 1-5", "@monthly", "*/7 * * * *"])
def test_last_intervals_of_a_schedule_tile(schedule: str, seed: int) -> None:
    run_after = EARLIEST + timedelta(seconds=random.Random(seed).randrange(86 * 366 * 86400))
    last = last_interval(schedule, run_after)
    assert last.start < last.end <= run_after
    assert last_interval(schedule, last.end) == last
    assert last_interval(schedule, last.end - timedelta(seconds=1)).end == last.start


def test_a_run_cleared_next_week_reads_the_same_window() -> None:
    run_after = utc("2026-11-20T09:17:03")
    times = run(data_interval=None, last_interval=last_interval("@daily", run_after))
    assert resolve(times, run_after) == resolve(times, run_after + timedelta(days=7)) == LAST


@pytest.mark.parametrize("seed", range(20))
def test_slices_tile_the_window(seed: int) -> None:
    rng = random.Random(seed)
    start = EARLIEST + timedelta(seconds=rng.randrange(86 * 366 * 86400))
    whole = Window(start, start + timedelta(seconds=rng.randrange(1, 10 * 366 * 86400)))
    longest = timedelta(seconds=rng.randrange(int(whole.hours) * 18 + 3600, 400 * 86400))
    slices = list(whole.slices(longest))
    assert (slices[0].start, slices[-1].end) == (whole.start, whole.end)
    assert all(earlier.end == later.start for earlier, later in pairwise(slices))
    assert all(timedelta(0) < part.end - part.start <= longest for part in slices)
    assert len(slices) == -((whole.start - whole.end) // longest)


def test_a_window_no_longer_than_a_slice_is_one_slice() -> None:
    assert list(INTERVAL.slices(timedelta(days=1))) == [INTERVAL]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2026-11-19T00:00", "2026-11-20T00:00", ("2026-11-19T00:00", "2026-11-20T00:00")),
        ("2026-11-19T00:00:01", "2026-11-19T02:00:01", ("2026-11-19T01:00", "2026-11-19T03:00")),
        ("2026-11-19T23:30", "2026-11-20T00:30", ("2026-11-20T00:00", "2026-11-20T01:00")),
        ("2024-02-28T23:15", "2024-02-29T00:15", ("2024-02-29T00:00", "2024-02-29T01:00")),
        ("2024-02-29T23:15", "2024-03-01T00:15", ("2024-03-01T00:00", "2024-03-01T01:00")),
        ("2026-12-31T23:15", "2027-01-01T00:15", ("2027-01-01T00:00", "2027-01-01T01:00")),
    ],
)
def test_whole_hours_are_those_whose_stamps_lie_in_the_window(start: str, end: str, expected: tuple[str, str]) -> None:
    assert whole_hours(window(start, end)) == window(*expected)


@pytest.mark.parametrize(
    ("start", "end"), [("2026-11-19T00:01", "2026-11-19T00:59"), ("2026-11-19T00:01", "2026-11-19T01:00")]
)
def test_a_window_without_a_full_hour_is_refused(start: str, end: str) -> None:
    with pytest.raises(BadWindow, match=r"\[2026-11-19T00:01, .*\) UTC holds no full hour"):
        whole_hours(window(start, end))


@pytest.mark.parametrize("seed", range(10))
def test_whole_hours_of_windows_that_tile_tile_as_well(seed: int) -> None:
    rng = random.Random(seed)
    cuts = sorted({utc("2024-02-28") + timedelta(seconds=rng.randrange(3 * 86400)) for _ in range(6)})
    kept = []
    for start, end in pairwise(cuts):
        try:
            kept.append(whole_hours(Window(start, end)))
        except BadWindow:
            continue
    assert kept
    assert all(earlier.end == later.start for earlier, later in pairwise(kept))


def test_until_cuts_the_end_only() -> None:
    assert until(INTERVAL, utc("2026-11-18T06:00")) == window("2026-11-18", "2026-11-18T06:00")
    assert until(INTERVAL, utc("2027-01-01")) == INTERVAL


@pytest.mark.parametrize("end", ["2026-11-18", "2026-11-17"])
def test_until_refuses_a_window_with_nothing_left(end: str) -> None:
    with pytest.raises(BadWindow, match=r"\[2026-11-18, 2026-11-19\) UTC holds nothing .* start_date"):
        until(INTERVAL, utc(end))


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2026-11-18", "2026-11-19", (date(2026, 11, 18), date(2026, 11, 18))),
        ("2026-11-18T23:00", "2026-11-19T01:00", (date(2026, 11, 18), date(2026, 11, 19))),
        ("2024-02-29", "2024-03-01", (date(2024, 2, 29), date(2024, 2, 29))),
        ("2023-02-28", "2023-03-01", (date(2023, 2, 28), date(2023, 2, 28))),
        ("2026-10-31T12:00", "2026-11-01", (date(2026, 10, 31), date(2026, 10, 31))),
        ("2026-12-31", "2027-01-01T00:00:01", (date(2026, 12, 31), date(2027, 1, 1))),
    ],
)
def test_whole_days_are_all_that_the_window_touches(start: str, end: str, expected: tuple[date, date]) -> None:
    assert whole_days(window(start, end)) == expected


def test_whole_days_are_days_of_utc() -> None:
    tokyo = timezone(timedelta(hours=9))
    local = Window(datetime(2026, 11, 19, tzinfo=tokyo), datetime(2026, 11, 20, tzinfo=tokyo))
    assert whole_days(local) == (date(2026, 11, 18), date(2026, 11, 19))


def test_a_window_needs_time_zones() -> None:
    with pytest.raises(ValueError, match="time zones"):
        Window(datetime(2026, 11, 19), utc("2026-11-20"))


def test_a_window_is_shown_half_open_and_in_utc() -> None:
    shown = Window(datetime(2026, 11, 19, 2, tzinfo=timezone(timedelta(hours=2))), utc("2026-11-19T06:00"))
    assert str(shown) == "[2026-11-19, 2026-11-19T06:00) UTC"


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("2026-10-01", "2026-10-31", ("2026-10-01T00:00:00", "2026-10-31T23:59:59")),
        ("2026-10-01", None, ("2026-10-01T00:00:00", "2026-10-01T23:59:59")),
        (None, "2026-10-31", ("2026-10-31T00:00:00", "2026-10-31T23:59:59")),
        ("2026-10-01T06:00", "2026-10-01T08:00", ("2026-10-01T06:00:00", "2026-10-01T08:00:00")),
        ("2026-10-01T06:00", None, ("2026-10-01T06:00:00", "2026-10-01T06:00:00")),
        ("2026-10-01T06", "2026-10-01", ("2026-10-01T06:00:00", "2026-10-01T23:59:59")),
        ("2026-10-01T06:00+02:00", "2026-10-01T04:00Z", ("2026-10-01T04:00:00", "2026-10-01T04:00:00")),
        ("2026-11-20", "2026-11-20", ("2026-11-20T00:00:00", "2026-11-20T23:59:59")),
    ],
)
def test_both_dates_that_are_typed_are_inclusive(
    first: str | None, last: str | None, expected: tuple[str, str]
) -> None:
    assert typed_range(first, last, NOW) == (utc(expected[0]), utc(expected[1]))


@pytest.mark.parametrize(
    ("first", "last", "reason"),
    [
        ("2026-10-31", "2026-10-01", "-s 2026-10-31 is after -e 2026-10-01"),
        ("2026-10-01", "2026-11-21", "-e 2026-11-21 lies in the future"),
        ("2026-11-21", None, "-s 2026-11-21 lies in the future"),
        ("2026-11-20T12:31", None, "-s 2026-11-20T12:31 lies in the future"),
        ("2026-10-01", "9999-12-31", "-e 9999-12-31 lies in the future"),
        (
            "October",
            "2026-10-31",
            "-s must be a date or datetime such as 2026-10-01 or 2026-10-01T06:00, not 'October'",
        ),
        ("0001-01-01T00:00+14:00", None, "-s must be a date"),
        ("2026-10-01", "2026-02-30", "-e must be a date"),
        (None, None, "-s 2026-10-01 -e 2026-10-31"),
        ("", "", "-s 2026-10-01 -e 2026-10-31"),
    ],
)
def test_dates_that_cannot_be_typed_are_refused(first: str | None, last: str | None, reason: str) -> None:
    with pytest.raises(BadWindow) as refusal:
        typed_range(first, last, NOW)
    assert reason in str(refusal.value) and "\n" not in str(refusal.value)
