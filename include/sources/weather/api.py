"""Open-Meteo: hourly weather of the tracked places (https://open-meteo.com/en/docs)."""

from collections.abc import Generator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, FailFast, TypeAdapter

from include.errors import BadResponse
from include.landing import cut_array, parse_json
from include.loads import Load
from include.shapes import mismatch, shown, time_like
from include.source import ApiRequest, BadResponseDetails, RawRow
from include.subjects import PLACES, Place
from include.warehouse import Connection
from include.windows import Window, until, whole_days, whole_hours

UNITS = {
    "temperature_2m": "°C",
    "relative_humidity_2m": "%",
    "precipitation": "mm",
    "cloud_cover": "%",
    "pressure_msl": "hPa",
    "wind_speed_10m": "km/h",
    "wind_direction_10m": "°",
    "weather_code": "wmo code",
}
"""The hourly variables that are asked for, and the units they must come in."""

HOURS: TypeAdapter[list[str]] = TypeAdapter(Annotated[list[Annotated[str, time_like("2026-07-16T00:00")]], FailFast()])
FIGURES: TypeAdapter[list[float | None]] = TypeAdapter(Annotated[list[float | None], FailFast()])


class PlaceResponse(BaseModel):
    """What the service answers for one place; for the first one without location_id."""

    hourly: dict[str, Any]
    """HOURS, and FIGURES of each variable."""
    hourly_units: dict[str, str]
    utc_offset_seconds: int = 0
    location_id: int = 0


PLACE_RESPONSE = TypeAdapter(PlaceResponse)

FORECAST_DAYS = 90
"""The forecast API serves 93 past days; three are left as a margin for clocks and its roll-over."""
MAX_PLACE_HOURS = 100_000
"""Rows of one load, at most: 4 MB of responses, and a second or two of parsing."""
MAX_CALL_WEIGHT = 500
"""Of one request. The service refuses 5,000, and the free plan allows 600 a minute."""


def observable(window: Window, now: datetime) -> Window:
    """The full hours of the window that have struck by now: nothing later is an observation."""
    struck = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return whole_hours(until(window, struck))


def longest_load(places: int) -> timedelta:
    """Of so many places, by the rows."""
    return timedelta(days=max(1, MAX_PLACE_HOURS // (24 * places)))


def conversation(connection: Connection, load: Load, now: datetime) -> Generator[ApiRequest, Any, None]:
    """The requests of a load: the window cut at the border of the two APIs and by call weight, all its places in each."""
    places = [Place(*row) for row in PLACES.of_load(connection, load.subject_ids)]
    for connection_id, window in split_by_api(load.window, now):
        for part in window.slices(longest_call(len(places))):
            yield _request(connection_id, part, places)


def split_by_api(window: Window, now: datetime) -> list[tuple[str, Window]]:
    """The window as (connection id, part): the archive API before the border, the forecast API after it.

    The border is the UTC midnight FORECAST_DAYS ago, so that no whole day is asked of an API that does not serve it.
    """
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    border = midnight - timedelta(days=FORECAST_DAYS)
    parts = [
        ("open_meteo_archive", Window(window.start, min(window.end, border))),
        ("open_meteo", Window(max(window.start, border), window.end)),
    ]
    return [(connection_id, part) for connection_id, part in parts if part.start < part.end]


def longest_call(places: int) -> timedelta:
    """How long a window one request for so many places may have, by the weight the service gives it.

    A call weighs, for each place, max(1, variables / 10, variables / 10 * days / 14).
    """
    days = MAX_CALL_WEIGHT / places * 10 / len(UNITS) * 14
    # One day less: a window that begins in the middle of a day touches one more, and whole days are asked for.
    return timedelta(days=max(1, int(days) - 1))


def read(request: ApiRequest, text: str) -> tuple[list[RawRow], None]:
    """One raw row a place, each the exact slice of the body."""
    places: tuple[Place, ...] = request.context
    is_one = len(places) == 1 or text.lstrip()[:1] == "{"
    known_hours: list[str] = []
    pieces: list[tuple[str, str | None]] = []
    # Place by place: what is parsed takes six times the room of its text.
    for index, document in enumerate([parse_json(text)] if is_one else cut_array(text)):
        error = _error_of(document.value)
        if is_one and error:
            raise BadResponse(error)
        problem = document.problem or error or _problem_of(document.value, index, known_hours)
        pieces.append((text if is_one else document.text, problem))
    if len(pieces) != len(places):
        raise BadResponse(f"the response holds {len(pieces)} places, {len(places)} were asked for")
    return [
        RawRow(_columns([place]), piece, problem) for place, (piece, problem) in zip(places, pieces, strict=True)
    ], None


def whole(request: ApiRequest) -> dict[str, Any]:
    """The raw columns for a response that is kept in one piece, with all the places it was for."""
    return _columns(request.context)


def problem_of_status(status: int, text: str, now: datetime) -> BadResponseDetails:
    """What an error status means; limits are counted by the wall-clock minute, hour and UTC day, and name no Retry-After."""
    reason = _reason(text)
    if status == 429:
        return BadResponseDetails(
            f"the service refused for now: {reason}", True, _until_reset(reason, now), is_of_service=True
        )
    if status in (401, 403):
        advice = "check the API key, which is the password of the Airflow connection"
        return BadResponseDetails(f"the service refused access: {reason}; {advice}", False, is_of_service=True)
    if 400 <= status < 500 and status != 408:
        return BadResponseDetails(f"the service refused the request: {reason}", False, is_of_service=True)
    return BadResponseDetails(f"the service failed: {reason}", True)


def _request(connection_id: str, window: Window, places: Sequence[Place]) -> ApiRequest:
    first_day, last_day = whole_days(window)
    return ApiRequest(
        connection_id=connection_id,
        endpoint="/v1/forecast" if connection_id == "open_meteo" else "/v1/archive",
        params={
            "latitude": ",".join(f"{place.latitude.normalize():f}" for place in places),
            "longitude": ",".join(f"{place.longitude.normalize():f}" for place in places),
            "hourly": ",".join(UNITS),
            "start_date": first_day.isoformat(),
            "end_date": last_day.isoformat(),
            # The service applies today's offset to the whole series of any other zone.
            "timezone": "GMT",
        },
        window=window,
        about="places " + ", ".join(place.about for place in places),
        subject_ids=tuple(place.location_id for place in places),
        context=tuple(places),
    )


def _columns(places: Sequence[Place]) -> dict[str, Any]:
    only = places[0] if len(places) == 1 else None
    return {
        "location_id": only and only.location_id,
        "location_ids": [place.location_id for place in places],
        "location_name": ", ".join(place.location_name for place in places),
        "latitude": only and only.latitude,
        "longitude": only and only.longitude,
    }


def _error_of(document: Any) -> str | None:
    """The error that stands in place of a response, for all places or for one."""
    if isinstance(document, dict) and document.get("error"):
        return f"the service answered: {' '.join(str(document.get('reason'))[:400].split())}"
    return None


def _problem_of(document: Any, index: int, known_hours: list[str]) -> str | None:
    """What is wrong with one place's response, naming the field; None for a good one: one that sql/weather can read.

    `known_hours` were checked last: the places of a response have the same, which are compared sooner than checked again.
    """
    if problem := mismatch(PLACE_RESPONSE, document):
        return str(problem)
    if offset := document.get("utc_offset_seconds"):
        return f"field utc_offset_seconds is {shown(offset)}: the hours are not UTC, as those of another question"
    location_id = document.get("location_id", index)
    if location_id != index:
        return f"field location_id is {shown(location_id)}, expected {index}: the places came in another order"
    return _problem_of_hours(document["hourly"], known_hours)


def _problem_of_hours(hourly: dict[str, Any], known_hours: list[str]) -> str | None:
    if absent := [name for name in ("time", *UNITS) if name not in hourly]:
        return f"field hourly.{absent[0]} is missing"
    if hourly["time"] != known_hours:
        if problem := mismatch(HOURS, hourly["time"], "hourly.time"):
            return str(problem)
        known_hours[:] = hourly["time"]
    hours = len(hourly["time"])
    for variable in UNITS:
        if problem := mismatch(FIGURES, hourly[variable], f"hourly.{variable}"):
            return str(problem)
        if len(hourly[variable]) != hours:
            return f"field hourly.{variable} has {len(hourly[variable])} values for {hours} hours"
    return None


def _reason(text: str) -> str:
    try:
        reason = str(parse_json(text).value["reason"])
    except (BadResponse, KeyError, TypeError):
        reason = text
    return " ".join(reason[:800].split())[:400] or "no text"


def _until_reset(reason: str, now: datetime) -> float | None:
    minute = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    hour = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    resets = {"Minutely": minute, "Hourly": hour, "Daily": day}
    reset = next((moment for word, moment in resets.items() if reason.startswith(word)), None)
    # One second more: the two clocks need not agree.
    return (reset - now).total_seconds() + 1 if reset else None
