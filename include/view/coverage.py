"""The coverage calendar: what is loaded of each place or page on each UTC day of a month, what is not, and why not."""

import json
import shlex
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import groupby

from pydantic import BaseModel

from include.command import typed
from include.gaps import Catchup
from include.sources import SOURCES
from include.view import read
from include.warehouse import Connection, run

SUBJECTS_PER_PAGE = 25
DAY = timedelta(days=1)
SECONDS_PER_DAY = 86_400


class State(StrEnum):
    """Of a subject's day. NOT_DUE: neither the schedule nor a load has asked for it."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    MISSING = "missing"
    FAILED = "failed"
    WITHHELD = "withheld"
    NOT_DUE = "not due"

    @property
    def is_gap(self) -> bool:
        """Whether a run could fill it."""
        return self not in (State.COMPLETE, State.NOT_DUE)


class Day(BaseModel):
    """A UTC day of a subject: seconds that are due by now, loaded, and due but not loaded.

    `load_id` is the last load that asked for what is not loaded, `reason` what became of it there: failed, withheld, quarantined.
    """

    subject_id: int
    day: date
    due: int
    loaded: int
    lacking: int
    load_id: int | None
    reason: str | None

    @property
    def state(self) -> State:
        if self.reason in (State.FAILED, State.WITHHELD):
            return State(self.reason)
        whole = self.due or SECONDS_PER_DAY
        if self.loaded and not self.lacking and self.loaded >= whole:
            return State.COMPLETE
        if self.loaded:
            return State.PARTIAL
        # What a load asked for and is not there is missed, also of the time before DW_START_DATE.
        return State.MISSING if self.lacking or self.load_id else State.NOT_DUE

    @property
    def words(self) -> str:
        """What is there of it, for people."""
        whole = max(self.due, self.loaded) or SECONDS_PER_DAY
        told = f"{self.state}, {self.loaded / 3600:g} of {whole / 3600:g} hours"
        return f"{told}, some outside their limits" if self.reason == "quarantined" else told


class Subject(BaseModel):
    """A place or page that is followed; `total` is how many there are."""

    subject_id: int
    subject: str
    total: int


class Line(BaseModel):
    """A subject and its days in order."""

    subject: Subject
    days: list[Day]


class Calendar(BaseModel):
    """Some subjects of a source by the days of a month that begins at `first`; `total` subjects in all."""

    source: str
    first: date
    days: list[date]
    total: int
    lines: list[Line]


def calendar(
    connection: Connection, source: str, first: date, search: str | None, skip: int, now: datetime
) -> Calendar:
    """The month that begins on `first`; SUBJECTS_PER_PAGE subjects by name after the first `skip`."""
    parameters = {
        "source": source,
        "subject_id": None,
        "search": search,
        "most": SUBJECTS_PER_PAGE,
        "skip": skip,
    }
    subjects = read(connection, "view/subjects.sql", Subject, parameters)
    end = next_month(first)
    days = _days(connection, source, [subject.subject_id for subject in subjects], first, end, now)
    return Calendar(
        source=source,
        first=first,
        days=[first + DAY * number for number in range((end - first).days)],
        total=subjects[0].total if subjects else 0,
        lines=[Line(subject=subject, days=days.get(subject.subject_id, [])) for subject in subjects],
    )


def subject_day(connection: Connection, source: str, subject_id: int, day: date, now: datetime) -> Line | None:
    """One day of one subject; None where it is not followed."""
    parameters = {"source": source, "subject_id": subject_id, "search": None, "most": 1, "skip": 0}
    for subject in read(connection, "view/subjects.sql", Subject, parameters):
        return Line(subject=subject, days=_days(connection, source, [subject_id], day, day + DAY, now)[subject_id])
    return None


def conf_of(source: str, line: Line) -> dict[str, object]:
    """The parameters of a run that asks for just this day of just this subject."""
    (day,) = line.days
    return {
        "start_date": day.day.isoformat(),
        "end_date": (day.day + DAY).isoformat(),
        SOURCES[source].subjects.names_param: [line.subject.subject],
    }


def command_of(source: str, line: Line) -> str:
    """What to type for such a run."""
    conf = json.dumps(conf_of(source, line), ensure_ascii=False)
    return typed(f"airflow dags trigger {source} -c {shlex.quote(conf)}")


def next_month(first: date) -> date:
    """The first day of the month after."""
    return (first.replace(day=1) + timedelta(days=32)).replace(day=1)


def _days(
    connection: Connection, source: str, subject_ids: Sequence[int], first: date, end: date, now: datetime
) -> dict[int, list[Day]]:
    parameters = {
        "source": source,
        "subject_ids": list(subject_ids),
        "first_day": _midnight(first),
        "end_day": _midnight(end),
        "due_end": _due_end(connection, source, now),
    }
    days = read(connection, "view/coverage_days.sql", Day, parameters)
    return {subject_id: list(group) for subject_id, group in groupby(days, key=lambda day: day.subject_id)}


def _due_end(connection: Connection, source: str, now: datetime) -> datetime:
    """Until when the schedule has asked for it; the start of catchup before its first interval has ended."""
    for row in run(connection, "ops/catchup.sql"):
        catchup = Catchup(*row)
        if catchup.source == source:
            due = catchup.due(now)
            return due.end if due else catchup.start
    return now


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
