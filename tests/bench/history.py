"""A warehouse of its own with a history of any length: made-up hours and revisions, put in by statements and not by loads."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from include.marts import refresh_mart
from include.schema import bootstrap, migrate
from include.sources import SOURCES
from include.warehouse import Connection
from local.postgres import THROW_AWAY, temporary_server
from tests.warehouse.conftest import url_of

SQL = Path(__file__).with_name("sql")


@dataclass(frozen=True)
class Warehouse:
    """A running warehouse; sessions of its roles, in autocommit."""

    url: Callable[[str], str]
    """Of a role."""
    owner: Connection
    loader: Connection

    def follow_places(self, count: int) -> None:
        """So many places; the first one is Boston."""
        run(self.owner, "follow_places", {"count": count})

    def follow_pages(self, count: int) -> None:
        """So many pages, as they were when they were read once."""
        run(self.owner, "follow_pages", {"count": count})

    def add_hours(self, first: date, end: date) -> None:
        """Hours of all places for the UTC days [first, end), in the order of daily loads; without their rollup."""
        run(self.loader, "ensure_partitions", {"first": first, "end": end})
        for start, until in months(first, end):
            run(self.loader, "add_hours", {"first": start, "end": until})

    def roll_up(self, first: date, end: date) -> None:
        """The local days that the hours of the UTC days [first, end) are of, as publish makes them."""
        for start, until in months(first, end):
            run(self.loader, "add_days", {"first": start, "end": until})

    def add_revisions(self, first: date, end: date) -> None:
        """A revision of each page on each of the UTC days [first, end), of every tenth page ten."""
        run(self.loader, "add_revisions", {"first": first, "end": end})

    def analyze(self) -> None:
        """What autovacuum does after a while."""
        self.owner.execute("VACUUM ANALYZE core.weather, core.weather_daily, core.revision")

    def refresh_marts(self) -> None:
        """All of them."""
        for source in SOURCES.values():
            for mart in source.marts:
                refresh_mart(self.loader, mart, source.name, always=True)
                self.owner.execute(f"VACUUM ANALYZE mart.{mart.name}")


def run(connection: Connection, name: str, parameters: dict[str, Any]) -> None:
    """Executes a statement of this folder's own."""
    connection.execute((SQL / f"{name}.sql").read_text(encoding="utf-8"), parameters)


def months(first: date, end: date) -> Iterator[tuple[date, date]]:
    """[first, end) in pieces of at most thirty days, so that no statement sorts more."""
    while first < end:
        until = min(end, first + timedelta(days=30))
        yield first, until
        first = until


def today() -> date:
    """Of the warehouse."""
    return datetime.now(UTC).date()


@contextmanager
def new_warehouse() -> Iterator[Warehouse]:
    """An empty warehouse in a PostgreSQL as durable as that of the local run; it is gone when the block ends."""
    with temporary_server(dict.fromkeys(THROW_AWAY, "on")) as admin_url:
        bootstrap(admin_url)
        migrate(url_of(admin_url, "dw_owner", "dw"))
        with (
            psycopg.connect(url_of(admin_url, "dw_owner", "dw"), autocommit=True) as owner,
            psycopg.connect(url_of(admin_url, "dw_loader", "dw"), autocommit=True) as loader,
        ):
            yield Warehouse(lambda role: url_of(admin_url, role, "dw"), owner, loader)


def bytes_of(owner: Connection) -> dict[str, float]:
    """Of the tables of each schema, with their indexes."""
    return dict(owner.execute((SQL / "bytes_of_schemas.sql").read_text(encoding="utf-8")).fetchall())


def wal_position(owner: Connection) -> float:
    """Bytes of WAL that the server has written so far."""
    row = owner.execute("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8").fetchone()
    assert row is not None
    return float(row[0])
