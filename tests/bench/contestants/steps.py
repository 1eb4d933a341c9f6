"""The steps of a day of ten places, as one would write them for a script: no responses kept, no ledger, no verdicts."""

import json
from typing import Any

import psycopg
import requests

from tests.bench.contestants.responses import COLUMNS, KEY, VARIABLES, Row, rows

LIMITS = {
    "temperature_celsius": (-50, 60),
    "humidity_percent": (0, 100),
    "precipitation_mm": (0, 500),
    "cloud_cover_percent": (0, 100),
    "pressure_hpa": (850, 1100),
    "wind_speed_mps": (0, 120),
    "wind_direction_degrees": (0, 360),
    "weather_code": (0, 99),
}


def fetch(api: str, places: list[tuple[str, str]], day: str) -> str:
    """One request for all places, given as (latitude, longitude); the body."""
    query = {
        "latitude": ",".join(latitude for latitude, _ in places),
        "longitude": ",".join(longitude for _, longitude in places),
        "hourly": ",".join(VARIABLES),
        "start_date": day,
        "end_date": day,
        "timezone": "GMT",
    }
    text = "&".join(f"{name}={value}" for name, value in query.items())
    response = requests.get(f"{api}/v1/archive?{text}", timeout=60)
    response.raise_for_status()
    return response.text


def parse(body: str) -> list[Row]:
    """The hours of the body."""
    return list(rows(body, 1))


def audit(hours: list[Row], places: int) -> None:
    """Raises ValueError where an hour is missing or a value outside its limits: all or nothing."""
    if len({row[:2] for row in hours}) != 24 * places:
        raise ValueError(f"{len(hours)} hours of {places} places")
    for column, (lowest, highest) in LIMITS.items():
        index = COLUMNS.index(column)
        if wrong := [row for row in hours if row[index] is not None and not lowest <= row[index] <= highest]:
            raise ValueError(f"{column} outside its limits: {wrong[0]}")


def upsert(database: str, hours: list[Row]) -> None:
    """COPY into a temporary table, then one upsert, in a transaction."""
    listed, key = ", ".join(COLUMNS), ", ".join(KEY)
    others = ", ".join(f"{column} = excluded.{column}" for column in COLUMNS if column not in KEY)
    with psycopg.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE staged (LIKE contestant.weather) ON COMMIT DROP")
        with cursor.copy(f"COPY staged ({listed}) FROM STDIN") as copy:
            for row in hours:
                copy.write_row(row)
        cursor.execute(
            f"INSERT INTO contestant.weather ({listed}) SELECT {listed} FROM staged ON CONFLICT ({key}) DO UPDATE SET {others}"
        )


def refresh(database: str) -> None:
    """The mart, from the hourly facts."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("REFRESH MATERIALIZED VIEW CONCURRENTLY contestant.daily")


def told(text: str) -> dict[str, Any]:
    """What a run was told: api, database, places and day."""
    parameters: dict[str, Any] = json.loads(text)
    return parameters
