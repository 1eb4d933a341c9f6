"""The demo's screens: what stands in the warehouse is shown as it is."""

from datetime import date
from decimal import Decimal

import pytest

from include.sources import SOURCES
from include.summary import Summary
from local import screens
from local.console import out

DAYS = (date(2026, 10, 1), date(2026, 10, 3))
NAMES = ["Boston", "Springfield [MA]", "[red]Square[/]", "a[/b]"]


def shown(*summaries: Summary) -> str:
    with out.capture() as screen:
        screens.show(summaries, {"core.weather": 1234}, *DAYS)
    return screen.get()


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_shown_as_it_is(name: str) -> None:
    columns = ["place", "mean °C", "mostly", "daily mean, °C"]
    rows = [(name, Decimal("8.5"), None, [Decimal(8), None, Decimal(9)])]
    screen = shown(Summary(SOURCES["weather"], columns, rows))
    assert screen.count(name) == 2  # in the table and in the plot
    assert "Daily mean, °C, 2026-10-01 to 2026-10-03 (▁ 8, █ 9)" in screen
    assert "▁▁▁     ███       8 to 9" in screen


def test_a_name_steers_no_terminal() -> None:
    columns = ["place", "mean °C", "mostly", "daily mean, °C"]
    screen = shown(Summary(SOURCES["weather"], columns, [("a\x1b[2Jb\nc", Decimal(8), None, [Decimal(8)])]))
    assert "\x1b" not in screen
    assert screen.count(r"a\x1b[2Jb\nc") == 2


def test_a_source_without_rows_has_an_empty_table_and_no_plot() -> None:
    screen = shown(Summary(SOURCES["weather"], ["place", "daily mean, °C"], []))
    assert "mart.daily_weather_aggregates, 2026-10-01 to 2026-10-03" in screen
    assert "▁" not in screen
    assert "1,234" in screen


def test_of_many_subjects_the_first_are_shown() -> None:
    rows = [(f"place {number}", number) for number in range(20)]
    screen = shown(Summary(SOURCES["weather"], ["place", "days"], rows))
    assert "place 11" in screen
    assert "place 12" not in screen
    assert "and 8 more" in screen
