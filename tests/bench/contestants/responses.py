"""Responses of Open-Meteo as rows of core.weather, in plain Python: what every contestant has to do for itself."""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

VARIABLES = {
    "temperature_2m": "temperature_celsius",
    "relative_humidity_2m": "humidity_percent",
    "precipitation": "precipitation_mm",
    "cloud_cover": "cloud_cover_percent",
    "pressure_msl": "pressure_hpa",
    "wind_speed_10m": "wind_speed_mps",
    "wind_direction_10m": "wind_direction_degrees",
    "weather_code": "weather_code",
}
"""The service's names, and core's."""

KEY = ("location_id", "observed_at")
COLUMNS = (*KEY, *VARIABLES.values(), "raw_id", "load_id")

Row = tuple[Any, ...]


def task() -> Any:
    """What the script was told."""
    return json.loads(sys.argv[1])


def bodies(folder: str) -> list[str]:
    """The bodies of all loads in a folder, in their order."""
    return [path.read_text(encoding="utf-8") for path in sorted(Path(folder).glob("*.json"))]


def rows(body: str, load_id: int) -> Iterator[Row]:
    """The hours of a body, in the order of COLUMNS. Places are numbered as they were asked for."""
    for location_id, place in enumerate(json.loads(body), start=1):
        hourly = place["hourly"]
        hours = [datetime.fromisoformat(hour).replace(tzinfo=UTC) for hour in hourly["time"]]
        wind = [speed if speed is None else round(speed / 3.6, 3) for speed in hourly["wind_speed_10m"]]
        series = [wind if name == "wind_speed_10m" else hourly[name] for name in VARIABLES]
        for hour, *values in zip(hours, *series, strict=True):
            yield location_id, hour, *values, load_id * 100 + location_id, load_id
