"""Pictures of a mart's series: what is drawn, as a Vega-Lite document, and the drawing itself."""

import json
import subprocess
import sys
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from include.view.marts import Column, Series

Format = Literal["svg", "png"]

WIDTH, HEIGHT = 760, 130
MILLISECONDS_PER_DAY = 86_400_000
DAYS_WITH_POINTS = 60
"""Longer lines need none."""

WHOLE = ("smallint", "integer", "bigint")
"""Types of what is counted."""

RENDER_SECONDS = 30
UNITS = {"celsius": "°C", "percent": "%", "mm": "mm", "hpa": "hPa", "mps": "m/s", "bytes": "bytes"}

COLOURS = ["#1f5fa8", "#b4501e", "#2e7d4f", "#7d3f98", "#8a6d00", "#a3324f"]
"""Told apart with the common kinds of colour blindness, and by their strokes besides."""


def document(series: Series, *, by_year: bool = False) -> dict[str, Any]:
    """A panel for each measure, one above the other. Subjects, or the years of one, are lines side by side; of a single line that
    has a minimum and a maximum these are a band.
    """
    names = {subject.subject_id: subject.subject for subject in series.subjects}
    columns = [column.name for column in series.measures.columns]
    values = []
    for subject_id, day, *measured in series.rows:
        known = {name: None if value is None else float(value) for name, value in zip(columns, measured, strict=True)}
        line = str(day.year) if by_year else names.get(subject_id, str(subject_id))
        # A leap year, so that every day has its place.
        shown = day.replace(year=2000) if by_year else day
        values.append({"day": shown.isoformat(), "line": line, **known})
    is_single = len({value["line"] for value in values}) <= 1
    moments = [value["day"] for value in values]
    days = (date.fromisoformat(max(moments)) - date.fromisoformat(min(moments))).days + 1 if values else 1
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "data": {"values": values},
        "background": "white",
        "vconcat": [
            _panel(column, columns, days, is_single, by_year)
            for column in series.measures.columns
            if not _is_edge(column.name, columns)
        ],
        "config": {
            "axis": {"labelFontSize": 11, "titleFontSize": 11, "gridColor": "#e6e8ec"},
            "view": {"stroke": "#d5d9e0"},
            "legend": {"title": None, "labelLimit": 240},
        },
    }


@lru_cache(maxsize=16)
def drawn(text: str, form: Format) -> bytes:
    """The picture of a Vega-Lite document, its JSON. Raises subprocess.SubprocessError.

    By a process of its own, which ends with it: vl-convert holds a V8 that would keep a hundred megabytes of the API server.
    """
    script = Path(__file__).with_name("draw.py")
    done = subprocess.run(
        [sys.executable, "-I", str(script), form],
        input=text.encode(),
        capture_output=True,
        timeout=RENDER_SECONDS,
        check=True,
    )
    return done.stdout


def text_of(series: Series, *, by_year: bool = False) -> str:
    """The document as `drawn` takes it."""
    return json.dumps(document(series, by_year=by_year))


def title(name: str) -> str:
    """`temperature, °C` of avg_temperature_celsius."""
    words = name.removeprefix("avg_").removeprefix("total_").split("_")
    unit = UNITS.get(words[-1]) if len(words) > 1 else None
    return f"{' '.join(words[:-1])}, {unit}" if unit else " ".join(words)


def _is_edge(name: str, columns: list[str]) -> bool:
    """Whether it is the minimum or maximum of another measure, in whose panel it is."""
    prefix, _, stem = name.partition("_")
    return prefix in ("min", "max") and f"avg_{stem}" in columns


def _panel(column: Column, columns: list[str], days: int, is_single: bool, by_year: bool) -> dict[str, Any]:
    name, stem = column.name, column.name.removeprefix("avg_")
    axis = {
        "format": "%b %d" if by_year else "%Y-%m-%d",
        "labelOverlap": True,
        "tickCount": 8,
        "tickMinStep": MILLISECONDS_PER_DAY,
    }
    # Room for the half of a bar at either end.
    scale = {"padding": min(WIDTH / 4, 0.5 * WIDTH / days)}
    day: dict[str, Any] = {"field": "day", "type": "temporal", "title": None, "axis": axis, "scale": scale}
    is_sum = name.startswith("total_") or column.type in WHOLE
    encoding: dict[str, Any] = {
        "x": day,
        "y": {"field": name, "type": "quantitative", "title": title(name), "scale": {"zero": is_sum}},
    }
    mark: dict[str, Any] = {
        "type": "line",
        "strokeWidth": 1.5,
        "point": {"size": 16} if days <= DAYS_WITH_POINTS else False,
    }
    layers: list[dict[str, Any]] = []
    if is_single and is_sum:
        mark = {"type": "bar", "width": max(1, min(0.7 * WIDTH / days, WIDTH / 20))}
    elif is_single and {f"avg_{stem}", f"min_{stem}", f"max_{stem}"} <= set(columns):
        band = {"y": {**encoding["y"], "field": f"min_{stem}"}, "y2": {"field": f"max_{stem}"}}
        layers.append({"mark": {"type": "area", "opacity": 0.25, "color": COLOURS[0]}, "encoding": {"x": day, **band}})
    if is_single:
        mark["color"] = COLOURS[0]
    else:
        line = {"field": "line", "type": "nominal"}
        encoding |= {"color": {**line, "scale": {"range": COLOURS}}, "strokeDash": line}
    return {"width": WIDTH, "height": HEIGHT, "layer": [*layers, {"mark": mark, "encoding": encoding}]}
