"""`make gaps` after rows were lost, and the commands it prints, run as they stand."""

import subprocess

import pytest

from tests.e2e.expected import days_ago, seconds_of_today
from tests.e2e.stack import Row, Stack, wait_for

TEST_SECONDS = 120
"""Longer than a test takes."""


@pytest.fixture
def daily(daily_stack: Stack) -> Stack:
    """The stack with daily windows, once catchup has loaded all days that are due; no day ends during a test."""
    wait_for("a new day", lambda: seconds_of_today() > TEST_SECONDS, 2 * TEST_SECONDS)
    wait_for("the end of catchup", lambda: gaps(daily_stack).returncode == 0, 300)
    return daily_stack


def gaps(stack: Stack) -> "subprocess.CompletedProcess[str]":
    return stack.shell("python -m include gaps")


def rows(stack: Stack) -> list[list[Row]]:
    """What core holds, without the keys of the loads it came from."""
    tables = ("core.weather", "core.weather_daily", "core.revision")
    return [
        stack.sql(f"SELECT to_jsonb(fact) - 'raw_id' - 'load_id' FROM {table} AS fact ORDER BY 1") for table in tables
    ]


def lose_rows(stack: Stack, first: str, last: str) -> None:
    """Hours of one place on the first day, the last day of two places, and the last day of all pages."""
    first_hours = (first, f"{first}T06:00Z")
    stack.sql(
        f"DELETE FROM core.weather WHERE {DENVER} AND observed_at >= %s AND observed_at < %s RETURNING 1", *first_hours
    )
    stack.sql(f"DELETE FROM core.weather WHERE ({BOSTON} OR {DENVER}) AND observed_at >= %s RETURNING 1", last)
    stack.sql(
        f"DELETE FROM core.weather_daily WHERE ({BOSTON} OR {DENVER}) AND observation_date = %s RETURNING 1", last
    )
    stack.sql("DELETE FROM core.revision WHERE revision_timestamp >= %s RETURNING 1", last)
    lost = "UPDATE audit.load SET status = 'failed', published_at = NULL, error = 'lost by the test' "
    stack.sql(lost + "WHERE source = 'wikipedia' AND window_end > %s RETURNING 1", last)
    stack.sql("DELETE FROM audit.published_response WHERE window_end > %s RETURNING 1", last)


BOSTON = "location_id = (SELECT location_id FROM core.location WHERE location_name = 'Boston')"
DENVER = "location_id = (SELECT location_id FROM core.location WHERE location_name = 'Denver')"


def test_the_printed_commands_fill_the_gaps_and_leave_the_rows_that_were_there(daily: Stack) -> None:
    first, last, today = daily.settings["DW_START_DATE"], days_ago(1), days_ago(0)
    before = rows(daily)
    for_boston = f"""-s {first} -e {first} -c '{{"locations": ["Boston"]}}' --reset-dagruns --yes"""
    assert daily.shell(f"airflow dags backfill weather {for_boston}").returncode == 0
    lose_rows(daily, first, last)
    assert [len(table) for table in rows(daily)] != [len(table) for table in before]

    told = gaps(daily)
    assert (told.returncode, told.stderr) == (1, ""), told.stdout
    listed, _, printed = told.stdout.partition("To fill them:\n")
    lines = [line for line in listed.splitlines()[1:] if line]
    for line, parts in zip(
        lines,
        [
            ("weather", "Denver", f"[{first}, {first}T06:00) UTC", "6 hours", "missing"),
            ("weather", "Boston, Denver", f"[{last}, {today}) UTC", "24 hours", "missing"),
            ("wikipedia", "all ", f"[{last}, {today}) UTC", "failed", "lost by the test"),
        ],
        strict=True,
    ):
        assert [part for part in parts if part not in line] == []
    assert printed.splitlines() == [
        f"airflow dags backfill {source} -s {day}T00:00:00+00:00 -e {day}T00:00:00+00:00 -c '{{}}' --reset-dagruns --yes"
        for source, day in (("weather", first), ("weather", last), ("wikipedia", last))
    ]
    by_make = daily.shell("make -s gaps")
    assert (by_make.returncode, by_make.stdout) == (2, told.stdout)  # make's own code for a command that fails

    filled = daily.shell(f"set -e\n{printed}")
    assert filled.returncode == 0, f"{filled.stdout}\n{filled.stderr}"
    left = gaps(daily)
    assert left.returncode == 0, left.stdout
    assert rows(daily) == before


def test_without_gaps_it_says_what_it_looked_at(daily: Stack) -> None:
    told = daily.shell("make gaps")
    assert (told.returncode, told.stderr) == (0, "")
    first, today = daily.settings["DW_START_DATE"], days_ago(0)
    window = f"no gap in [{first}, {today}) UTC"
    assert told.stdout.splitlines() == [f"weather: {window}", f"wikipedia: {window}"]
