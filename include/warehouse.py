"""The warehouse database and the SQL statements of the folder sql/."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

SQL_FOLDER = Path(__file__).parent.parent / "sql"

Connection = psycopg.Connection[Any]


def statement(name: str) -> str:
    """The text of the SQL file `name`, a path below sql/ such as ops/open_load.sql."""
    return (SQL_FOLDER / name).read_text(encoding="utf-8")


def run(connection: Connection, name: str, parameters: dict[str, Any] | None = None) -> psycopg.Cursor[Any]:
    """Executes the statement file `name` with its %(named)s parameters."""
    return connection.execute(statement(name), parameters)


def now_of(connection: Connection) -> datetime:
    """What time it is, in UTC. PostgreSQL's clock is the only one: those of the workers need not agree with each other."""
    found: list[tuple[datetime]] = connection.execute("SELECT clock_timestamp()").fetchall()
    return found[0][0].astimezone(UTC)
