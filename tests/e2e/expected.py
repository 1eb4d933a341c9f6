"""What the marts hold, and what they must hold: worked out in Python from the responses of the sandbox."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import requests

from include.sources.weather.api import FORECAST_DAYS
from tests.e2e.stack import Deployment, Row

CENT = Decimal("0.01")
AGENT = {"User-Agent": "end-to-end-tests/1.0 (https://example.org/contact) python-requests/2"}
"""Wikimedia refuses agents without a contact, and so does the sandbox."""


def moment(day: str) -> datetime:
    """Its midnight in UTC."""
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def days_ago(days: int) -> str:
    """That UTC date."""
    return (datetime.now(UTC).date() - timedelta(days=days)).isoformat()


def seconds_of_today() -> float:
    """How many of the UTC day are left: at its end one more window is due."""
    return (moment(days_ago(-1)) - datetime.now(UTC)).total_seconds()


def weather_mart(stack: Deployment, start: str, end: str) -> list[Row]:
    """What the mart holds of the local days that the window [start, end) touches; columns as in `daily_weather`."""
    return stack.sql(
        """
        SELECT
            location_name, observation_date, observation_count, min_temperature_celsius, max_temperature_celsius,
            avg_temperature_celsius, total_precipitation_mm
        FROM mart.daily_weather_aggregates
        WHERE observation_date BETWEEN %s::date - 1 AND %s ORDER BY 1, 2
        """,
        start,
        end,
    )


def wikipedia_mart(stack: Deployment, start: str, end: str) -> list[Row]:
    """What the mart holds of the window [start, end); columns as in `daily_edits`."""
    return stack.sql(
        """
        SELECT page_title, revision_date, revision_count, unique_editors, avg_bytes_per_revision
        FROM mart.daily_wikipedia_page_stats WHERE revision_date >= %s AND revision_date < %s ORDER BY 1, 2
        """,
        start,
        end,
    )


def daily_weather(stack: Deployment, start: str, end: str) -> list[Row]:
    """(place, local date, hours, min, max, mean temperature, precipitation) for the window [start, end)."""
    places = stack.sql("SELECT location_name, latitude, longitude, timezone FROM core.location ORDER BY 1")
    days: dict[tuple[str, date], list[tuple[Decimal, Decimal]]] = defaultdict(list)
    for name, latitude, longitude, timezone in places:
        hourly = _hourly(stack, latitude, longitude, start, end)
        for hour, *values in zip(hourly["time"], hourly["temperature_2m"], hourly["precipitation"], strict=True):
            local = moment(hour).astimezone(ZoneInfo(timezone))
            days[name, local.date()].append((values[0], values[1]))
    return [(*key, *_daily(hours)) for key, hours in sorted(days.items())]


def _hourly(stack: Deployment, latitude: Decimal, longitude: Decimal, start: str, end: str) -> dict[str, list[Any]]:
    query = {
        "latitude": f"{latitude.normalize():f}",
        "longitude": f"{longitude.normalize():f}",
        "hourly": "temperature_2m",
        "start_date": start,
        "end_date": (moment(end) - timedelta(days=1)).date().isoformat(),
        "timezone": "GMT",
    }
    # The archive has no values yet for its newest hours, the forecast API none of long ago.
    path = "/v1/forecast" if start > days_ago(FORECAST_DAYS) else "/v1/archive"
    hourly: dict[str, list[Any]] = _get(stack, path, query)["hourly"]
    rain = _get(stack, path, query | {"hourly": "precipitation"})["hourly"]["precipitation"]
    return hourly | {"precipitation": rain}


def _daily(hours: list[tuple[Decimal, Decimal]]) -> Row:
    temperatures = [temperature for temperature, _ in hours]
    mean = (sum(temperatures, Decimal(0)) / len(hours)).quantize(CENT, ROUND_HALF_UP)
    return len(hours), min(temperatures), max(temperatures), mean, sum(rain for _, rain in hours)


def daily_edits(stack: Deployment, start: str, end: str) -> list[Row]:
    """(page, UTC date, edits, editors, mean size) for the window [start, end)."""
    rows: list[Row] = []
    for (title,) in stack.sql("SELECT page_title FROM core.tracked_page ORDER BY 1"):
        days: dict[date, list[dict[str, Any]]] = defaultdict(list)
        for revision in _revisions(stack, title, start, end):
            days[datetime.fromisoformat(revision["timestamp"]).date()].append(revision)
        rows += [(title, day, *_edits(revisions)) for day, revisions in sorted(days.items())]
    return rows


def _edits(revisions: list[dict[str, Any]]) -> Row:
    editors = {revision["user"] for revision in revisions if "user" in revision}
    size = Decimal(sum(revision["size"] for revision in revisions)) / len(revisions)
    return len(revisions), len(editors), size.quantize(CENT, ROUND_HALF_UP)


def _revisions(stack: Deployment, title: str, start: str, end: str) -> Iterator[dict[str, Any]]:
    query = {
        "action": "query",
        "format": "json",
        "formatversion": "2",
        "prop": "revisions",
        "titles": title,
        "rvstart": start + "T00:00:00Z",
        "rvend": (moment(end) - timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "rvdir": "newer",
        "rvlimit": "max",
        "rvprop": "ids|timestamp|user|size",
    }
    following: dict[str, str] | None = {}
    while following is not None:
        response = _get(stack, "/w/api.php", query | following)
        yield from response["query"]["pages"][0].get("revisions", [])
        following = response.get("continue")


def _get(stack: Deployment, path: str, query: dict[str, str]) -> Any:
    with requests.Session() as session:
        session.trust_env = False
        response = session.get(stack.sandbox_url + path, params=query, headers=AGENT, timeout=30)
    response.raise_for_status()
    return response.json(parse_float=Decimal)
