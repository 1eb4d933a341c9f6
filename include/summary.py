"""What the warehouse holds of some days, for people to look at; and what it lacks of them."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg import sql

from include.errors import WarehouseError
from include.source import Source
from include.sources import SOURCES
from include.warehouse import Connection, run
from include.windows import Window


@dataclass(frozen=True)
class Summary:
    """A line for each subject of a source; `columns` are headings. A list in a line is a figure for each day."""

    source: Source
    columns: list[str]
    rows: list[tuple[Any, ...]]


def summaries(connection: Connection, first: date, end: date) -> list[Summary]:
    """Of each source what its mart has of the dates [first, end)."""
    found = []
    for source in SOURCES.values():
        cursor = run(connection, source.statement("summary"), {"first_date": first, "end_date": end})
        found.append(Summary(source, [column.name for column in cursor.description or ()], cursor.fetchall()))
    return found


def row_counts(connection: Connection) -> dict[str, int]:
    """Rows of each table and mart that sources fill, and of the ledger; by name with schema."""
    counts = {}
    for table in _tables():
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(*table.split(".")))
        ((counts[table],),) = connection.execute(query).fetchall()
    return counts


def _tables() -> list[str]:
    sources = list(SOURCES.values())
    tables = [
        *(source.raw_table for source in sources),
        *(source.subjects.table for source in sources),
        *(f"core.{source.core_table}" for source in sources),
        *(f"mart.{mart.name}" for source in sources for mart in source.marts),
        "audit.load",
        "audit.quarantine",
        "audit.withheld",
    ]
    return list(dict.fromkeys(tables))


def lacking(connection: Connection, window: Window) -> dict[str, list[str]]:
    """Source -> what its marts lack of the window; a source whose marts have all of it is left out."""
    found = {name: _lacking(connection, source, window) for name, source in SOURCES.items()}
    return {name: lacks for name, lacks in found.items() if lacks}


def _lacking(connection: Connection, source: Source, window: Window) -> list[str]:
    try:
        followed = source.subjects.active(connection, None)
    except WarehouseError as nothing:
        return [str(nothing)]
    parameters = {
        "source": source.name,
        "window_start": window.start,
        "window_end": window.end,
        "subject_ids": [key for key, _ in followed],
        "subjects": [name for _, name in followed],
    }
    unloaded = [f"{name}: not loaded" for (name,) in run(connection, "ops/unloaded.sql", parameters)]
    unseen = [
        f"load {load_id}: not refreshed yet" for (load_id,) in run(connection, "marts/unseen_loads.sql", parameters)
    ]
    return unloaded + unseen
