"""Days of a place as Python makes them of its hours and of the zones that it knows itself."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo


def days_of(hours: Iterable[tuple[str, str, datetime, tuple[Any, ...]]]) -> list[tuple[Any, ...]]:
    """(place, local date, ...) as in core.weather_daily, of (place, zone, hour, its eight values)."""
    dated = [(place, hour.astimezone(ZoneInfo(zone)).date(), values) for place, zone, hour, values in hours]
    dated.sort(key=lambda row: row[:2])
    return [(*day, *_aggregates([row[2] for row in rows])) for day, rows in groupby(dated, key=lambda row: row[:2])]


def _aggregates(hours: list[tuple[Any, ...]]) -> Iterator[Any]:
    columns = [[value for value in column if value is not None] for column in zip(*hours, strict=True)]
    temperature, humidity, precipitation, _, pressure, wind, _, codes = columns
    yield len(hours)
    yield _mean(temperature)
    yield min(temperature, default=None)
    yield max(temperature, default=None)
    yield _mean(humidity)
    yield sum(precipitation) if precipitation else None
    yield _mean(pressure)
    yield _mean(wind)
    most = Counter(codes)
    yield min((code for code in most if most[code] == max(most.values())), default=None)


def _mean(values: list[Decimal]) -> Decimal | None:
    return (sum(values) / Decimal(len(values))).quantize(Decimal("0.01"), ROUND_HALF_UP) if values else None
