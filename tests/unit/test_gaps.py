"""Gaps: which windows of a schedule a backfill has to name, and how the gaps are told."""

from datetime import datetime

import pytest

from include.gaps import Catchup, Gap, commands, joined
from include.windows import Window, interval
from tests.unit.support import utc

Texts = tuple[str, str]


def window(texts: Texts) -> Window:
    return Window(utc(texts[0]), utc(texts[1]))


def span(first: str, last: str) -> str:
    """What a backfill is given: moments that mean the same whatever Airflow's default timezone is."""
    return f"-s {utc(first).isoformat()} -e {utc(last).isoformat()}"


def gap(texts: Texts, source: str = "weather", state: str = "missing") -> Gap:
    return Gap(source, window(texts), state, ("Boston",), 1, None, None)


@pytest.mark.parametrize(
    ("schedule", "hours", "first", "last"),
    [
        ("@daily", ("2026-11-03", "2026-11-06"), "2026-11-03", "2026-11-05"),
        ("@daily", ("2026-11-03T23:00", "2026-11-04"), "2026-11-03", "2026-11-03"),
        ("@daily", ("2026-11-03T23:00", "2026-11-04T01:00"), "2026-11-03", "2026-11-04"),
        ("@daily", ("2024-02-28T05:00", "2024-03-01"), "2024-02-28", "2024-02-29"),
        ("0 6 * * *", ("2026-11-03T05:00", "2026-11-03T06:00"), "2026-11-02T06:00", "2026-11-02T06:00"),
        ("0 6 * * *", ("2026-11-03T06:00", "2026-11-04T07:00"), "2026-11-03T06:00", "2026-11-04T06:00"),
        ("0 6,18 * * *", ("2026-11-03T06:00", "2026-11-04T06:00"), "2026-11-03T06:00", "2026-11-03T18:00"),
        ("0 6,18 * * *", ("2026-11-03T19:00", "2026-11-04T07:00"), "2026-11-03T18:00", "2026-11-04T06:00"),
        ("@hourly", ("2026-11-03T06:00", "2026-11-03T07:00"), "2026-11-03T06:00", "2026-11-03T06:00"),
        ("@hourly", ("2026-11-03", "2026-11-05"), "2026-11-03", "2026-11-04T23:00"),
        ("@hourly", ("2026-11-03", "2026-11-03T01:00"), "2026-11-03", "2026-11-03T00:00"),
        # The hour of 05:00 is its stamp: it lies in the interval that holds 05:00, not in the one after.
        ("30 * * * *", ("2026-11-03T05:00", "2026-11-03T06:00"), "2026-11-03T04:30", "2026-11-03T04:30"),
        ("30 5 * * 1-5", ("2026-11-14", "2026-11-15"), "2026-11-13T05:30", "2026-11-13T05:30"),
        ("@weekly", ("2026-11-03", "2026-11-10"), "2026-11-01", "2026-11-08"),
        ("@monthly", ("2026-10-31T23:00", "2026-11-01"), "2026-10-01", "2026-10-01"),
        ("@yearly", ("2024-12-31T23:00", "2025-01-01T01:00"), "2024-01-01", "2025-01-01"),
    ],
)
def test_a_command_names_the_intervals_that_the_gap_touches(schedule: str, hours: Texts, first: str, last: str) -> None:
    expected = f"airflow dags backfill weather {span(first, last)} -c '{{}}' --reset-dagruns --yes"
    assert commands([gap(hours)], {"weather": schedule}) == [expected]


def test_a_window_of_a_page_ends_to_the_second() -> None:
    pages = gap(("2026-11-03T05:00", "2026-11-03T05:30:01"), "wikipedia")
    first_and_last = span("2026-11-03T04:30", "2026-11-03T05:30")
    expected = f"airflow dags backfill wikipedia {first_and_last} -c '{{}}' --reset-dagruns --yes"
    assert commands([pages], {"wikipedia": "30 * * * *"}) == [expected]


@pytest.mark.parametrize("schedule", ["@hourly", "0 6,18 * * *", "30 5 * * 1-5", "@weekly", "@monthly", "*/25 * * * *"])
@pytest.mark.parametrize("first", range(3))
@pytest.mark.parametrize("count", [1, 2, 30])
def test_what_is_typed_stands_for_exactly_these_intervals(schedule: str, first: int, count: int) -> None:
    starts = [interval(schedule, utc("2026-02-26T17:00")).start]
    while len(starts) < 100:
        starts.append(interval(schedule, starts[-1]).end)
    touched = Window(starts[50 + first], starts[50 + first + count])
    [command] = commands([Gap("wikipedia", touched, "missing", ("Boston",), 1, None, None)], {"wikipedia": schedule})
    lowest, highest = (datetime.fromisoformat(command.split(" ")[place]) for place in (5, 7))
    assert [moment for moment in starts if lowest <= moment <= highest] == starts[50 + first : 50 + first + count]


def test_commands_are_merged_when_their_intervals_touch_and_named_once() -> None:
    gaps = [
        gap(("2026-11-07", "2026-11-08")),
        gap(("2026-11-03T05:00", "2026-11-03T06:00")),
        gap(("2026-11-03T07:00", "2026-11-04T01:00"), state="failed"),
        gap(("2026-11-05", "2026-11-06")),
        gap(("2026-11-05", "2026-11-06"), "wikipedia"),
        gap(("2026-11-09", "2026-11-10"), state="quarantined"),
    ]
    printed = commands(gaps, {"weather": "@daily", "wikipedia": "@daily"})
    assert [command.partition(" -c")[0] for command in printed] == [
        f"airflow dags backfill weather {span('2026-11-03', '2026-11-05')}",
        f"airflow dags backfill weather {span('2026-11-07', '2026-11-07')}",
        f"airflow dags backfill wikipedia {span('2026-11-05', '2026-11-05')}",
    ]


def test_windows_that_overlap_touch_or_hold_each_other_are_joined() -> None:
    days = [("2026-11-07", "2026-11-09"), ("2026-11-01", "2026-11-05"), ("2026-11-02", "2026-11-03")]
    days += [("2026-11-05", "2026-11-06"), ("2026-11-08", "2026-11-10")]
    expected = [("2026-11-01", "2026-11-06"), ("2026-11-07", "2026-11-10")]
    assert joined([window(texts) for texts in days]) == [window(texts) for texts in expected]


@pytest.mark.parametrize(
    ("source", "schedule", "start", "expected"),
    [
        ("weather", "@daily", "2026-11-01", ("2026-11-01", "2026-11-20")),
        ("wikipedia", "@hourly", "2026-11-01", ("2026-11-01", "2026-11-20T12:00")),
        ("weather", "@monthly", "2026-10-11", ("2026-10-11", "2026-11-01")),
        ("weather", "15 * * * *", "2026-11-01T06:30", ("2026-11-01T07:00", "2026-11-20T13:00")),
        ("wikipedia", "15 * * * *", "2026-11-01T06:30", ("2026-11-01T06:30", "2026-11-20T12:15")),
        ("weather", "@yearly", "2026-11-01", None),
        ("wikipedia", "@yearly", "2026-11-01", None),
        ("weather", "@daily", "2026-11-20", None),
        ("weather", "*/10 * * * *", "2026-11-20T12:10", None),
    ],
)
def test_what_is_due_ends_with_the_last_complete_interval(
    source: str, schedule: str, start: str, expected: Texts | None
) -> None:
    due = Catchup(source, utc(start), schedule).due(utc("2026-11-20T12:30"))
    assert due == (window(expected) if expected else None)
