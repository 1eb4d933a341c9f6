"""Which picture is drawn of which mart: bands, bars, lines side by side."""

from datetime import date
from typing import Any

import pytest

from include.view.charts import document, drawn, text_of, title
from include.view.coverage import Subject
from include.view.marts import Column, Measures, Series

COLUMNS = ("day_count bigint", "avg_heat numeric", "min_heat numeric", "max_heat numeric", "avg_wind_mps numeric")


def series(*rows: tuple[Any, ...], subjects: tuple[str, ...] = ("Boston",)) -> Series:
    columns = [Column(name=name, type=kind, meaning=None) for name, kind in (column.split() for column in COLUMNS)]
    return Series(
        measures=Measures(source="weather", mart="daily", subject="location_id", day="day", columns=columns),
        subjects=[Subject(subject_id=number, subject=name, total=1) for number, name in enumerate(subjects, 1)],
        first=date(2026, 1, 1),
        end=date(2027, 1, 1),
        rows=list(rows),
    )


ROW = (24, 5.5, 1, None, 3)


def marks(panel: dict[str, Any]) -> list[str]:
    return [layer["mark"]["type"] for layer in panel["layer"]]


def test_one_line_has_a_band_and_what_is_counted_has_bars() -> None:
    drawing = document(series((1, date(2026, 1, 1), *ROW)))
    assert [marks(panel) for panel in drawing["vconcat"]] == [["bar"], ["area", "line"], ["line"]]
    assert drawing["data"]["values"] == [
        {
            "day": "2026-01-01",
            "line": "Boston",
            "day_count": 24,
            "avg_heat": 5.5,
            "min_heat": 1,
            "max_heat": None,
            "avg_wind_mps": 3,
        }
    ]


def test_several_lines_are_told_apart_by_colour_and_stroke() -> None:
    two = series((1, date(2026, 1, 1), *ROW), (2, date(2026, 1, 1), *ROW), subjects=("Boston", "<b>"))
    for panel in document(two)["vconcat"]:
        assert marks(panel) == ["line"] and {"color", "strokeDash"} < set(panel["layer"][0]["encoding"])


def test_years_lie_above_one_another_leap_days_too() -> None:
    years = series((1, date(2024, 2, 29), *ROW), (1, date(2025, 3, 1), *ROW))
    values = document(years, by_year=True)["data"]["values"]
    assert [(value["day"], value["line"]) for value in values] == [("2000-02-29", "2024"), ("2000-03-01", "2025")]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("avg_temperature_celsius", "temperature, °C"),
        ("total_precipitation_mm", "precipitation, mm"),
        ("avg_pm10", "pm10"),
    ],
)
def test_a_title_is_the_name_in_words_with_its_unit(name: str, shown: str) -> None:
    assert title(name) == shown


def test_nothing_to_draw_is_a_picture_all_the_same() -> None:
    assert drawn(text_of(series()), "svg").startswith(b"<svg")
