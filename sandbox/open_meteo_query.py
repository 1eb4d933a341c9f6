"""Reading an Open-Meteo query, and refusing it in the service's own words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import isfinite
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sandbox.messages import Request
from sandbox.variables import CHOSEN_UNITS, NOT_SERVED, OLD_PARAMETERS, OLD_SPELLINGS, SERVED, Column

MAX_PLACES = 1000
MAX_WEIGHT = 5000
ARCHIVE_START = date(1940, 1, 1)
HOURLY_TYPE = (
    "SurfacePressureAndHeightVariable<VariableAndPreviousDay, VariableOrSpread<ForecastPressureVariable>, "
    "ForecastHeightVariable>"
)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class Refused(Exception):
    """A 400, with the reason as the service words it."""


@dataclass(frozen=True)
class Query:
    places: Sequence[tuple[float, float]]
    columns: Sequence[Column]
    first_hour: int
    """Hours since 1970-01-01T00:00 on the response's own clock, `offset` seconds east of UTC."""
    count: int
    archive: bool
    timezone: str
    abbreviation: str
    offset: int
    unix_time: bool
    weight: float


def parse(request: Request, now: datetime) -> Query:
    params = request.params
    columns = _columns(request)
    places = _places(request)
    archive = request.path.endswith("/archive")
    timezone, abbreviation, offset = _timezone(params, now)
    unix_time = _choice(params, "timeformat", "Timeformat", ("iso8601", "unixtime")) == "unixtime"
    today = (now + timedelta(seconds=offset)).date()
    first, end = _window(params, today, archive)
    count = (end - first) // HOUR
    weight = _weight(len(places), len(columns), count / 24)
    if weight > MAX_WEIGHT:
        raise Refused(
            "Your API call requests too much data. "
            "Please reduce the number of variables, locations and/or weather models."
        )
    first_hour = int(first.replace(tzinfo=UTC).timestamp()) // 3600
    return Query(places, columns, first_hour, count, archive, timezone, abbreviation, offset, unix_time, weight)


def _weight(places: int, variables: int, days: float) -> float:
    """How many calls this one counts for."""
    return places * max(1.0, variables / 10, variables / 10 * days / 14)


def _columns(request: Request) -> list[Column]:
    return [_column(name, request.params) for name in dict.fromkeys(request.listed("hourly"))]


def _column(name: str, params: Mapping[str, str]) -> Column:
    source = OLD_SPELLINGS.get(name, name)
    if source in NOT_SERVED:
        return Column(name, None, "undefined")
    if source not in SERVED:
        raise _corrupted(HOURLY_TYPE, name)
    if source not in CHOSEN_UNITS:
        unit, decimals = SERVED[source]
        return Column(name, source, unit, decimals)
    parameter, kind, units = CHOSEN_UNITS[source]
    old = OLD_PARAMETERS.get(parameter, parameter)
    unit, decimals, factor, shift = units[_choice(params, parameter if parameter in params else old, kind, list(units))]
    return Column(name, source, unit, decimals, factor, shift)


def _corrupted(kind: str, value: str, path: str = "") -> Refused:
    return Refused(f"Data corrupted at path '{path}'. Cannot initialize {kind} from invalid String value {value}.")


def _choice(params: Mapping[str, str], name: str, kind: str, allowed: Sequence[str]) -> str:
    value = params.get(name, allowed[0])
    if value not in allowed:
        raise _corrupted(kind, value, name)
    return value


def _places(request: Request) -> list[tuple[float, float]]:
    latitudes = [_number(text) for text in request.listed("latitude")]
    longitudes = [_number(text) for text in request.listed("longitude")]
    if len(latitudes) != len(longitudes):
        raise Refused("Parameter 'latitude' and 'longitude' must have the same number of elements")
    if not latitudes:
        raise Refused("Parameter 'latitude' and 'longitude' must not be empty")
    if len(latitudes) > MAX_PLACES:
        raise Refused(f"Only up to {MAX_PLACES} locations can be requested at once")
    for latitude, longitude in zip(latitudes, longitudes, strict=True):
        if not -90 <= latitude <= 90:
            raise Refused(f"Latitude must be in range of -90 to 90°. Given: {latitude}.")
        if not -180 <= longitude <= 180:
            raise Refused(f"Longitude must be in range of -180 to 180°. Given: {longitude}.")
    return list(zip(latitudes, longitudes, strict=True))


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise _corrupted("Float", text) from None
    if not isfinite(number):
        raise _corrupted("Float", text)
    return number


def _timezone(params: Mapping[str, str], now: datetime) -> tuple[str, str, int]:
    """Name, abbreviation and offset in seconds: today's offset, used for the whole series whatever its season."""
    name = params.get("timezone", "GMT")
    if name.upper() in ("GMT", "UTC"):
        return "GMT", "GMT", 0
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Refused("Invalid timezone") from None
    offset = int((now.astimezone(zone).utcoffset() or timedelta()).total_seconds())
    hours, minutes = divmod(abs(offset) // 60, 60)
    sign = "-" if offset < 0 else "+"
    return name, f"GMT{sign}{hours}" + (f":{minutes:02}" if minutes else ""), offset


def _window(params: Mapping[str, str], today: date, archive: bool) -> tuple[datetime, datetime]:
    """Half-open, in the response's own clock time."""
    first, last = (ARCHIVE_START, today) if archive else (today - 93 * DAY, today + 15 * DAY)
    for kind, step in (("date", DAY), ("hour", HOUR)):
        names = (f"start_{kind}", f"end_{kind}")
        given = [params[name] for name in names if name in params]
        if len(given) == 1:
            raise Refused(f"Both '{names[0]}' and '{names[1]}' must be set in the url")
        if given:
            _refuse_mixture(params, names)
            return _explicit_window(given, names, step, (first, last))
    if archive:
        raise Refused("Both 'start_date' and 'end_date' must be set in the url")
    past = _days(params, "past_days", 0, 93)
    ahead = _days(params, "forecast_days", 7, 16)
    midnight = datetime.combine(today, datetime.min.time())
    return midnight - past * DAY, midnight + max(ahead, 1) * DAY


def _refuse_mixture(params: Mapping[str, str], names: tuple[str, str]) -> None:
    for other in ("past_days", "forecast_days"):
        if other in params:
            raise Refused(f"Parameter '{other}' is mutually exclusive with '{names[0]}' and '{names[1]}'")


def _explicit_window(
    given: Sequence[str], names: tuple[str, str], step: timedelta, allowed: tuple[date, date]
) -> tuple[datetime, datetime]:
    start, end = (_moment(text, step) for text in given)
    if end < start:
        raise Refused("End-date must be larger or equals than start-date")
    for moment, name in zip((start, end), names, strict=True):
        if not allowed[0] <= moment.date() <= allowed[1]:
            raise Refused(f"Parameter '{name}' is out of allowed range from {allowed[0]} to {allowed[1]}")
    return start, end + step


def _moment(text: str, step: timedelta) -> datetime:
    form = "%Y-%m-%d" if step == DAY else "%Y-%m-%dT%H:%M"
    try:
        return datetime.strptime(text, form).replace(minute=0)
    except ValueError:
        shape = "YYYY-MM-DD" if step == DAY else "YYYY-MM-DDThh:mm"
        raise Refused(f"Invalid date format. Make sure to use '{shape}'") from None


def _days(params: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = params.get(name, str(default))
    try:
        days = int(text)
    except ValueError:
        raise _corrupted("Int", text, name) from None
    if not 0 <= days <= most:
        title = name.replace("_", " ").capitalize()
        raise Refused(f"{title} is invalid. Allowed range 0 to {most}. Given {days}.")
    return days
