"""Open-Meteo's `/v1/forecast` and `/v1/archive`, from a request to the text of its response."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

import numpy as np

from sandbox import series_text, weather
from sandbox.hashing import Flags, Floats
from sandbox.limits import CallBudget, Queue
from sandbox.messages import JSON_TYPE, Request, Response, dump
from sandbox.open_meteo_query import Query, Refused, parse
from sandbox.variables import Column

FRESH_HOURS = 48
"""The archive has no values yet for its newest hours."""

BATCH = 200_000
"""Hours computed at once: bounds memory whatever the request's size."""


class OpenMeteo:
    PATHS = ("/v1/forecast", "/v1/archive")
    WAITING = 5

    def __init__(self, clock: Callable[[], datetime], limits: bool) -> None:
        self._clock = clock
        self._limits = limits
        self.budget = CallBudget(clock)
        self.queue = Queue(self.WAITING)

    def is_limited(self, request: Request) -> bool:
        """A key belongs to a paid plan, to which none of the free limits apply."""
        return self._limits and "apikey" not in request.params

    def answer(self, request: Request) -> Response:
        limited = self.is_limited(request)
        if limited and (refusal := self.budget.refusal()):
            return error(refusal, 429)
        started = time.perf_counter()
        try:
            query = parse(request, self._clock())
        except Refused as refused:
            # A failed call counts too: clients that retry for ever would otherwise be free.
            if limited:
                self.budget.spend(1)
            return error(str(refused))
        body = self._body(query, started)
        if limited:
            self.budget.spend(query.weight)
        return Response(200, body.encode(), {"Content-Type": JSON_TYPE})

    def _body(self, query: Query, started: float) -> str:
        fresh = None
        if query.archive:
            fresh = int(self._clock().timestamp()) // 3600 - FRESH_HOURS
        places = list(_places(query, fresh, started))
        return places[0] if len(places) == 1 else "[" + ",".join(places) + "]"


def error(reason: str, status: int = 400) -> Response:
    return Response.of({"error": True, "reason": reason}, status)


def _places(query: Query, fresh: int | None, started: float) -> Iterator[str]:
    """Each place's object, in request order."""
    hours = np.arange(query.count) + (query.first_hour * 3600 - query.offset) // 3600
    absent = np.zeros(query.count, dtype=np.bool_) if fresh is None else hours >= fresh
    times = series_text.times(query.first_hour, query.count, query.offset, query.unix_time)
    cells = [weather.Cell.of(latitude, longitude) for latitude, longitude in query.places]
    size = max(1, BATCH // query.count)
    for start in range(0, len(cells), size):
        batch = cells[start : start + size]
        values = weather.series(batch, hours) if query.columns else {}
        for row, cell in enumerate(batch):
            arrays = [_column_text(column, values, row, absent) for column in query.columns]
            elapsed = (time.perf_counter() - started) * 1000
            yield _place(query, cell, start + row, elapsed, [times, *arrays])


def _column_text(column: Column, values: dict[str, Floats], row: int, absent: Flags) -> str:
    if column.source is None:
        return series_text.nulls(len(absent))
    converted = values[column.source][row] * column.factor + column.shift
    return series_text.numbers(converted, column.decimals, absent)


def _place(query: Query, cell: weather.Cell, index: int, elapsed: float, arrays: Sequence[str]) -> str:
    head: dict[str, object] = {
        "latitude": cell.latitude,
        "longitude": cell.longitude,
        "generationtime_ms": elapsed,
        "utc_offset_seconds": query.offset,
        "timezone": query.timezone,
        "timezone_abbreviation": query.abbreviation,
    }
    if (elevation := cell.elevation) is not None:
        head["elevation"] = elevation
    if index:
        head["location_id"] = index
    if not query.columns:
        return dump(head)
    names = ["time", *(column.name for column in query.columns)]
    units = ["unixtime" if query.unix_time else "iso8601", *(column.unit for column in query.columns)]
    head["hourly_units"] = dict(zip(names, units, strict=True))
    hourly = ",".join(f'"{name}":{array}' for name, array in zip(names, arrays, strict=True))
    return f'{dump(head)[:-1]},"hourly":{{{hourly}}}}}'
