"""Weather: a service whose responses change and are wrong in every way, and what core must hold of them."""

import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from include.sources.weather.api import UNITS
from include.sources.weather.suite import LIMITS
from tests.warehouse.days import days_of
from tests.warehouse.model.history import Load, Span, Withheld, compare, not_made_up_for
from tests.warehouse.pipeline import Pipeline

COLUMNS = {
    "temperature_celsius": 2, "humidity_percent": 2, "precipitation_mm": 2, "cloud_cover_percent": 2,
    "pressure_hpa": 2, "wind_speed_mps": 3, "wind_direction_degrees": 2, "weather_code": 0,
}  # fmt: skip
"""In the order of core, which is that of UNITS too; with the decimals that core keeps."""

HOUR, DAY = timedelta(hours=1), timedelta(hours=24)
Values = tuple[Decimal | None, ...]


@dataclass
class Service:
    """Rewrites the sandbox's responses. Few different values, so that responses often agree on a whole hour."""

    dice: random.Random

    def answer(self, body: Any) -> Any:
        # An error in place of the only response is the service's own: an outage.
        return [self._place(place, 0) for place in body] if isinstance(body, list) else self._place(body, 1)

    def _place(self, place: dict[str, Any], mildest: int) -> Any:
        hourly = {name: list(values) for name, values in place["hourly"].items()}
        for day in sorted({time[:10] for time in hourly["time"]}):
            self._day(hourly, day)
        place = {**place, "hourly": hourly, "hourly_units": dict(place["hourly_units"])}
        if self.dice.random() < 0.12:
            return self._unreadable(place, self.dice.randint(mildest, 8))
        return place

    def _day(self, hourly: dict[str, list[Any]], day: str) -> None:
        indexes = [index for index, time in enumerate(hourly["time"]) if time[:10] == day]
        unknown, other = self.dice.choice([0, 0, 0.1, 0.5]), self.dice.choice([0, 0.2, 0.5])
        for index in indexes:
            which = self.dice.random() < other
            for variable in UNITS:
                values = {"pressure_msl": (1000, 1001), "weather_code": (0, 61)}.get(variable, (3.61, 7.27))
                hourly[variable][index] = None if self.dice.random() < unknown else values[which]
        faults = ["absurd", "absurd", "gone", "more", "twice", "nothing", "nothing for hours"]
        wrong = self.dice.choice([*[""] * 10, *faults])
        if wrong == "absurd":
            for index in self.dice.sample(indexes, self.dice.choice([1, 2, 2, 3, 8])):
                variable, value = self.dice.choice([
                    ("temperature_2m", 99), ("relative_humidity_2m", 101), ("precipitation", -1), ("pressure_msl", 10),
                    ("weather_code", 61.5), ("wind_speed_10m", 1000), ("wind_direction_10m", -1), ("cloud_cover", 1e30),
                ])  # fmt: skip
                hourly[variable][index] = value
        if wrong in ("nothing", "nothing for hours"):
            for index in indexes if wrong == "nothing" else self.dice.sample(indexes, 4):
                for variable in UNITS:
                    hourly[variable][index] = None
        if wrong == "gone":
            for index in sorted(self.dice.sample(indexes, self.dice.choice([1, 3])), reverse=True):
                for values in hourly.values():
                    del values[index]
        if wrong in ("more", "twice"):
            for values in hourly.values():
                values.insert(indexes[1], values[indexes[0]])
            if wrong == "more":
                hourly["time"][indexes[1]] = f"{day}T00:30"

    def _unreadable(self, place: dict[str, Any], wrong: int) -> Any:
        hourly, units = place["hourly"], place["hourly_units"]
        if wrong == 0:
            return {"error": True, "reason": "No data is available for this location"}
        if wrong == 1:
            hourly["temperature_2m"] = hourly["temperature_2m"][1:]
        if wrong == 2:
            del hourly["weather_code"]
        if wrong == 3:
            place["utc_offset_seconds"] = 3600
        if wrong == 4:
            hourly["cloud_cover"][0] = "50"
        if wrong == 5:
            hourly["time"][0] = "2026-W34-4T00:00"
        if wrong in (6, 7):
            units["wind_speed_10m"] = "m/s"
        if wrong == 8:
            del units["precipitation"]
        return place


@dataclass(frozen=True)
class Response:
    """What one stored response says of its place. Readable or not, in the right units or not: then no hour of it counts."""

    place: int
    span: Span
    is_readable: bool
    has_units: bool = False
    hours: tuple[tuple[datetime, Values], ...] = ()

    def days(self, span: Span) -> dict[datetime, bool]:
        """The days of which it is to tell, and whether it is trusted on them."""
        first = span.start.replace(hour=0)
        days = {first + number * DAY: False for number in range(-(-int((span.end - first) / HOUR) // 24))}
        return {day: self.has_units and self._is_trusted(day) for day in days}

    def _is_trusted(self, day: datetime) -> bool:
        hours = [(hour, values) for hour, values in self.hours if day <= hour < day + DAY]
        outside = sum(is_outside(values) for _, values in hours)
        return (
            sorted(hour for hour, _ in hours) == [day + number * HOUR for number in range(24)]
            and any(set(values) != {None} for _, values in hours)
            and outside <= max(1, len(hours) / 10)
        )

    def trusted(self, span: Span) -> dict[datetime, Values]:
        """The hours of the span that are to be published."""
        days = self.days(span)
        return {
            hour: stored(values)
            for hour, values in self.hours
            if hour in span
            and days[hour.replace(hour=0, minute=0)]
            and not is_outside(values)
            and set(values) != {None}
        }


def is_outside(values: Values) -> bool:
    return any(
        value is not None and not (limit.lowest <= value <= limit.highest and (value % 1 == 0 or not limit.is_whole))  # type: ignore[operator]
        for limit, value in zip(LIMITS, values, strict=True)
    )


def stored(values: Values) -> Values:
    """As precise as core keeps them."""
    return tuple(
        value if value is None else value.quantize(Decimal(10) ** -decimals, ROUND_HALF_UP)
        for value, decimals in zip(values, COLUMNS.values(), strict=True)
    )


def read(place: int | None, span: Span, status: int, payload: str) -> Response:
    """A response as it lies in raw."""
    try:
        document = json.loads(payload, parse_float=Decimal, parse_int=Decimal)
        hourly, units = document["hourly"], document["hourly_units"]
        times = [datetime.strptime(time, "%Y-%m-%dT%H:%M").replace(tzinfo=UTC) for time in hourly["time"]]
        columns = [hourly[variable] for variable in UNITS]
        rows = list(zip(*columns, strict=True))
        are_numbers = all(value is None or isinstance(value, Decimal) for row in rows for value in row)
        if status != 200 or len(rows) != len(times) or not are_numbers or document["utc_offset_seconds"] != 0:
            raise ValueError
    except (ValueError, KeyError):
        return Response(place or 0, span, False)
    metres = [(*row[:5], row[5] if row[5] is None else round(row[5] / Decimal("3.6"), 3), *row[6:]) for row in rows]
    has_units = all(units.get(variable) == unit for variable, unit in UNITS.items())
    return Response(place or 0, span, place is not None, has_units, tuple(zip(times, metres, strict=True)))


@dataclass
class Oracle:
    """A cell holds the newest known, trusted value within its limits, of all responses that were published."""

    pipeline: Pipeline
    responses: dict[int, Response] = field(default_factory=dict)
    """By raw id."""
    out: set[tuple[int, Span]] = field(default_factory=set)
    """The published ones: raw id, and the hours that it was published for."""

    def extracted(self, load: Load) -> None: ...

    def stored(self, load: Load) -> tuple[int, ...]:
        self._read()
        return tuple(raw_id for raw_id, _ in self._of(load, tuple(self.responses)))

    def published(self, load: Load) -> None:
        self._read()
        self.out |= set(self._of(load, load.landed))

    def truncated(self) -> None:
        """A day of a response is judged whole by every load, so the replay of the whole publishes what any other did."""

    def _of(self, load: Load, raw_ids: tuple[int, ...]) -> list[tuple[int, Span]]:
        """What a load is made of."""
        made_of = []
        for raw_id in raw_ids:
            response = self.responses[raw_id]
            span = response.span.within(load.span)
            if response.is_readable and response.place in load.subjects and span:
                made_of.append((raw_id, span))
        return made_of

    def withheld(self, load: Load) -> Withheld:
        self._read()
        judged = [
            (self.responses[raw_id].place, span, day, is_trusted)
            for raw_id, span in self._of(load, load.landed)
            for day, is_trusted in self.responses[raw_id].days(span).items()
        ]
        if load.is_replay:
            parts = ((place, Span(day, day + DAY).within(span), is_trusted) for place, span, day, is_trusted in judged)
            return not_made_up_for((place, part, is_trusted) for place, part, is_trusted in parts if part)
        trusted = {(place, day) for place, _, day, is_trusted in judged if is_trusted}
        return {
            (place, day, day + DAY)
            for place in load.subjects
            for day in Response(place, load.span, False).days(load.span)
            if (place, day) not in trusted
        }

    def cells(self) -> dict[tuple[int, datetime], list[Decimal | None]]:
        """By place and hour, in the order of COLUMNS."""
        cells: dict[tuple[int, datetime], list[Decimal | None]] = {}
        for raw_id, span in sorted(self.out, key=lambda item: item[0]):
            response = self.responses[raw_id]
            for hour, values in response.trusted(span).items():
                known = cells.setdefault((response.place, hour), [None] * len(COLUMNS))
                cells[response.place, hour] = [
                    was if value is None else value for was, value in zip(known, values, strict=True)
                ]
        return cells

    def check_core(self) -> None:
        found = {
            (place, hour): values
            for place, hour, *values in self.pipeline.rows(
                f"SELECT location_id, observed_at, {', '.join(COLUMNS)} FROM core.weather"
            )
        }
        compare("core.weather", found, self.cells())

    def check_marts(self) -> None:
        """Rollup and mart, made anew of the cells."""
        places = {
            key: rest
            for key, *rest in self.pipeline.rows("SELECT location_id, location_name, timezone FROM core.location")
        }
        days = days_of((*places[place], hour, tuple(values)) for (place, hour), values in self.cells().items())
        meanings = dict(self.pipeline.rows("SELECT weather_code, description FROM core.weather_condition"))
        found = {row[:2]: row[2:] for row in self.pipeline.rows(MART)}
        compare("the mart", found, {day[:2]: (*day[2:-1], meanings.get(day[-1])) for day in days})

    def _read(self) -> None:
        """What was landed since the last time."""
        query = "SELECT id, location_id, window_start, window_end, http_status, payload FROM raw.weather_observations WHERE id > %s"
        for raw_id, place, start, end, status, payload in self.pipeline.rows(query, max(self.responses, default=0)):
            self.responses[raw_id] = read(place, Span(start, end), status, payload)


MART = (
    "SELECT location_name, observation_date, observation_count, avg_temperature_celsius, min_temperature_celsius, "
    "max_temperature_celsius, avg_humidity_percent, total_precipitation_mm, avg_pressure_hpa, avg_wind_speed_mps, "
    "most_common_conditions FROM mart.daily_weather_aggregates ORDER BY 1, 2"
)
