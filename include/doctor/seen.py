"""What the doctor reads, before anybody judges it. Moments are in UTC."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple


@dataclass(frozen=True)
class Versions:
    """`postgres` as its number (160004), and in words; None where there is none to be found."""

    postgres: int
    postgres_name: str
    schema: str
    newest_schema: str
    project: str | None
    airflow: str | None


@dataclass(frozen=True)
class Processes:
    """What Airflow's health says of its components; None when nothing answers at the address.

    `supervisord` is whether that of the local run lives; None where there is no local run.
    """

    address: str
    health: dict[str, str | None] | None
    supervisord: bool | None


class Dag(NamedTuple):
    """A DAG as Airflow's scheduler sees it."""

    dag_id: str
    is_paused: bool
    is_stale: bool
    has_import_errors: bool


class FailedRun(NamedTuple):
    """A run that failed, and that no other has made up for."""

    dag_id: str
    run_id: str
    ended: datetime


class Activity(NamedTuple):
    """The runs of a DAG that have not ended, and when one of them or of their tasks last began, ended or gave a sign."""

    dag_id: str
    active: int
    moved: datetime


class LoadAt(NamedTuple):
    """A load, or what it left out: `number` rows or units. `moved` is when the load, or its run, last got further."""

    load_id: int
    source: str
    dag_id: str
    run_id: str
    is_replay: bool
    number: int
    moved: datetime


class Fresh(NamedTuple):
    """A row of audit.freshness."""

    source: str
    mart: str | None
    newest_data: datetime | None
    data_age: timedelta | None
    max_data_age: timedelta | None
    is_data_late: bool | None
    mart_refreshed_at: datetime | None
    mart_due_since: datetime | None
    max_mart_delay: timedelta | None
    is_mart_late: bool


class Transaction(NamedTuple):
    """A session with an open transaction, or one that waits for a lock. `seconds` the transaction is old, `waits` it has waited.

    What PostgreSQL hides of other roles' sessions is None.
    """

    pid: int
    role: str
    application: str | None
    state: str | None
    seconds: float | None
    waits: float | None
    blocked_by: Sequence[int]


class Partitions(NamedTuple):
    """A partitioned table of core; `end` is that of the last partition, `needed` that of the newest window that is published."""

    table: str
    parts: int
    end: datetime | None
    needed: datetime | None


class Service(NamedTuple):
    """An Airflow connection of a source; `problem` is why nothing answers there."""

    connection_id: str
    address: str
    problem: str | None


@dataclass(frozen=True)
class Disk:
    """Bytes of the disk that holds the data folder."""

    folder: str
    free: int
    total: int
