"""How fresh the sources and their marts are, and what the doctor says of that."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import psycopg
from pydantic import BaseModel

from include.command import typed
from include.doctor import checks
from include.doctor.finding import Finding, State
from include.doctor.seen import Fresh, LoadAt
from include.view import read
from include.warehouse import Connection, run


class Advice(BaseModel):
    """What a check of the doctor found, and the command that mends it; empty where nothing is to be done."""

    check: str
    state: State
    text: str
    fix: str


class Freshness(BaseModel):
    """A source and a mart of it (None where it has none), as audit.freshness has them; the load is the one published last."""

    source: str
    mart: str | None
    newest_data: datetime | None
    data_age: timedelta | None
    max_data_age: timedelta | None
    is_data_late: bool | None
    published_at: datetime | None
    mart_refreshed_at: datetime | None
    mart_due_since: datetime | None
    max_mart_delay: timedelta | None
    is_mart_late: bool
    last_load_id: int | None
    dag_id: str | None
    run_id: str | None

    def seen(self) -> Fresh:
        """As the doctor judges it."""
        return Fresh(
            self.source,
            self.mart,
            self.newest_data,
            self.data_age,
            self.max_data_age,
            self.is_data_late,
            self.mart_refreshed_at,
            self.mart_due_since,
            self.max_mart_delay,
            self.is_mart_late,
        )


class Health(BaseModel):
    """The freshness of all that is asked for, and the findings of the doctor that dw_reader can see."""

    rows: list[Freshness]
    advice: list[Advice]


Judge = Callable[[Sequence[LoadAt], datetime], Finding]

RECENT: tuple[tuple[str, str, Judge], ...] = (
    ("failed loads", "ops/doctor_failed_loads.sql", checks.failed_loads),
    ("withheld", "ops/doctor_withheld.sql", checks.withheld),
    ("quarantined", "ops/doctor_quarantined.sql", checks.quarantined),
)


def health(connection: Connection, sources: Sequence[str], now: datetime) -> Health:
    """Of some sources. The doctor has more checks, which need Airflow's database or the owner's rights."""
    rows = read(connection, "view/freshness.sql", Freshness, {"sources": list(sources)})
    seen = [row.seen() for row in rows]
    advice = [_advice("data", checks.data(seen, now)), _advice("marts", checks.marts(seen, now))]
    for name, statement, judge in RECENT:
        advice.append(_advice(name, _judged(connection, statement, judge, sources, now)))
    return Health(rows=rows, advice=advice)


def _judged(connection: Connection, statement: str, judge: Judge, sources: Sequence[str], now: datetime) -> Finding:
    try:
        with connection.transaction():
            loads = [LoadAt(*row) for row in run(connection, statement, {"since": now - checks.RECENT})]
    except psycopg.errors.QueryCanceled:  # of one check; the others say what they find
        return Finding(State.UNKNOWN, "not in time: there is much of it", typed("python -m include doctor"))
    return judge([load for load in loads if load.source in sources], now)


def _advice(check: str, finding: Finding) -> Advice:
    return Advice(check=check, state=finding.state, text=finding.text, fix=finding.fix)
