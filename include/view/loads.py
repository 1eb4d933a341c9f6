"""Loads as the ledger has them, the newest first."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from pydantic import BaseModel

from include.sources import SOURCES
from include.view import read
from include.warehouse import Connection

LOADS_PER_PAGE = 50

STEPS = ("planned", "extracting", "extracted", "staged", "audited", "published")
"""The states of a load on its way, in their order."""

STATUSES = (*STEPS, "rejected", "failed", "superseded")


class Load(BaseModel):
    """A row of audit.load; `subjects` is how many places or pages it asks for, `names` are those of the first three."""

    load_id: int
    source: str
    dag_id: str
    run_id: str
    map_index: int
    is_replay: bool
    window_start: datetime
    window_end: datetime
    subjects: int
    names: list[str] | None
    status: str
    error: str | None
    attempt: int
    rows_raw: int | None
    rows_staged: int | None
    rows_quarantined: int | None
    units_withheld: int | None
    rows_published: int | None
    rows_changed: int | None
    planned_at: datetime
    extracted_at: datetime | None
    staged_at: datetime | None
    audited_at: datetime | None
    published_at: datetime | None

    @property
    def step(self) -> int | None:
        """How many steps of a load that is under way are done; None for one that has ended."""
        return STEPS.index(self.status) if self.status in STEPS[:-1] else None

    @property
    def took(self) -> timedelta | None:
        """From the plan to the last publication."""
        return self.published_at - self.planned_at if self.published_at else None

    @property
    def task_id(self) -> str:
        """The task whose log tells what became of it, or where it is."""
        if self.status == "failed":
            return f"load.{(self.error or '').partition(':')[0]}" if _names_a_task(self.error) else "load.extract"
        tasks = {"planned": "extract", "extracting": "extract", "extracted": "transform", "staged": "validate"}
        return f"load.{tasks.get(self.status, 'validate' if self.units_withheld else 'publish')}"


class Loads(BaseModel):
    """A page of loads; `before` asks for the next one, None at the end."""

    loads: list[Load]
    before: int | None


class Filter(BaseModel):
    """Which loads: each of these that is given."""

    status: str | None = None
    run_id: str | None = None
    subject_id: int | None = None
    day: date | None = None
    search: str | None = None


def recent_loads(connection: Connection, sources: Sequence[str], wanted: Filter, before: int | None = None) -> Loads:
    """LOADS_PER_PAGE of them, the newest first, from the one before `before` on."""
    start = datetime(wanted.day.year, wanted.day.month, wanted.day.day, tzinfo=UTC) if wanted.day else None
    parameters = {
        **wanted.model_dump(exclude={"day"}),
        "sources": list(sources),
        "load_id": None,
        "before": before,
        "window_start": start,
        "window_end": start and start + timedelta(days=1),
        "most": LOADS_PER_PAGE + 1,
    }
    found = read(connection, "view/loads.sql", Load, parameters)
    page = found[:LOADS_PER_PAGE]
    return Loads(loads=page, before=page[-1].load_id if len(found) > LOADS_PER_PAGE else None)


def one_load(connection: Connection, sources: Sequence[str], load_id: int) -> Load | None:
    """The load, where it is of one of the sources."""
    nothing = dict.fromkeys(("before", "status", "run_id", "subject_id", "window_start", "window_end", "search"), None)
    parameters = {**nothing, "sources": list(sources), "load_id": load_id, "most": 1}
    return next(iter(read(connection, "view/loads.sql", Load, parameters)), None)


def subject_key(source: str) -> str:
    """The name of the subject's key in a row's key."""
    return SOURCES[source].suite.key[0]


def _names_a_task(error: str | None) -> bool:
    return (error or "").partition(":")[0] in ("extract", "transform", "validate", "publish")
