"""Data quality: how often each expectation was met, what audits set aside and withheld, and the responses behind that."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any

from pydantic import BaseModel

from include.sources import SOURCES
from include.view import read
from include.view.loads import subject_key
from include.warehouse import Connection

ROWS_PER_PAGE = 50
DAYS_OF_RATES = 14
LONGEST_RESPONSE = 200_000
"""Characters of a response that are shown."""


class DayOfRate(BaseModel):
    """Audits of an expectation on a UTC day, and how many of them it passed."""

    source: str
    suite: str
    expectation: str
    column: str | None
    severity: str
    day: date
    audits: int
    passed: int


class Rate(BaseModel):
    """An expectation over some days: `days` are those on which it was asked."""

    source: str
    suite: str
    expectation: str
    column: str | None
    severity: str
    audits: int
    passed: int
    days: dict[date, DayOfRate]


class Rates(BaseModel):
    """The pass rates of the UTC days `days`, the last of which is today."""

    days: list[date]
    rates: list[Rate]


class Result(BaseModel):
    """What the last audit of a load said of one expectation."""

    suite: str
    expectation: str
    column: str | None
    success: bool
    severity: str
    expected: str | None
    observed: str | None
    unexpected_count: int | None
    sample: list[Any] | None
    run_at: datetime


class Rejection(BaseModel):
    """A row that an audit set aside; `expectation` is the limit, `value` what was seen."""

    load_id: int
    source: str
    row_key: dict[str, Any]
    subject: str | None
    expectation: str
    value: str | None
    raw_id: int
    quarantined_at: datetime


class Withheld(BaseModel):
    """A unit that an audit did not trust: a place's day, a page's window [span_start, span_end)."""

    load_id: int
    source: str
    subject_id: int
    subject: str | None
    span_start: datetime
    span_end: datetime
    expectation: str
    observed: str
    raw_ids: list[int]
    withheld_at: datetime


class Rejections(BaseModel):
    """A page of rows that were set aside; whether there are more."""

    rows: list[Rejection]
    has_more: bool


class Units(BaseModel):
    """A page of units that were withheld; whether there are more."""

    rows: list[Withheld]
    has_more: bool


class Response(BaseModel):
    """A stored response, cut to LONGEST_RESPONSE of its `characters`; base64 where text could not hold it."""

    url: str
    http_status: int
    ingested_at: datetime
    payload: str
    characters: int
    payload_encoding: str
    problem: str | None


def pass_rates(connection: Connection, sources: Sequence[str], now: datetime) -> Rates:
    """Of the last DAYS_OF_RATES UTC days, today among them."""
    today = now.astimezone(UTC).date()
    days = [today - timedelta(days=DAYS_OF_RATES - 1 - number) for number in range(DAYS_OF_RATES)]
    since = datetime(days[0].year, days[0].month, days[0].day, tzinfo=UTC)
    found = read(connection, "view/pass_rates.sql", DayOfRate, {"sources": list(sources), "since": since})
    return Rates(days=days, rates=[_rate(list(group)) for _, group in groupby(found, key=_expectation)])


def results(connection: Connection, load_id: int) -> list[Result]:
    """The verdicts of a load."""
    return read(connection, "view/results.sql", Result, {"load_id": load_id})


def rejections(
    connection: Connection, sources: Sequence[str], search: str | None = None, load_id: int | None = None, skip: int = 0
) -> Rejections:
    """ROWS_PER_PAGE of them, of one load or of all, after the first `skip`."""
    keys = {"sources": list(sources), "subject_keys": [subject_key(source) for source in sources]}
    page = {"search": search, "load_id": load_id, "most": ROWS_PER_PAGE + 1, "skip": skip}
    found = read(connection, "view/rejections.sql", Rejection, {**keys, **page})
    return Rejections(rows=found[:ROWS_PER_PAGE], has_more=len(found) > ROWS_PER_PAGE)


def withheld(
    connection: Connection, sources: Sequence[str], search: str | None = None, load_id: int | None = None, skip: int = 0
) -> Units:
    """ROWS_PER_PAGE of them, of one load or of all, after the first `skip`."""
    page = {"search": search, "load_id": load_id, "most": ROWS_PER_PAGE + 1, "skip": skip}
    found = read(connection, "view/withheld.sql", Withheld, {"sources": list(sources), **page})
    return Units(rows=found[:ROWS_PER_PAGE], has_more=len(found) > ROWS_PER_PAGE)


def response(connection: Connection, source: str, load_id: int, raw_id: int) -> Response | None:
    """A response that the last audit of a load of the source rejected something of; None for any other."""
    _, table = SOURCES[source].raw_table.split(".")
    parameters = {"load_id": load_id, "raw_table": table, "raw_id": raw_id, "longest": LONGEST_RESPONSE}
    return next(iter(read(connection, "view/response.sql", Response, parameters)), None)


def _expectation(day: DayOfRate) -> tuple[str, ...]:
    return day.source, day.suite, day.expectation, day.column or "", day.severity


def _rate(days: list[DayOfRate]) -> Rate:
    first = days[0]
    return Rate(
        source=first.source,
        suite=first.suite,
        expectation=first.expectation,
        column=first.column,
        severity=first.severity,
        audits=sum(day.audits for day in days),
        passed=sum(day.passed for day in days),
        days={day.day: day for day in days},
    )
