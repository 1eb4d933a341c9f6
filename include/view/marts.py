"""The marts as series by day: of whatever columns a mart has, so that a new one is shown without an edit.

A mart has the key of its subject, one date, and measures, which are its numbers.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from psycopg import sql
from pydantic import BaseModel

from include.sources import SOURCES
from include.view import read
from include.view.coverage import Subject
from include.warehouse import Connection

MOST_SUBJECTS = 6
"""Side by side in one picture."""

MOST_DAYS = 3_700
"""Ten years."""

SUBJECTS_OFFERED = 200
NUMBERS = ("smallint", "integer", "bigint", "numeric", "real", "double precision")


class Column(BaseModel):
    """A column of a mart, and what its comment says."""

    name: str
    type: str
    meaning: str | None


class Measures(BaseModel):
    """What a mart measures: `subject` and `day` are the names of its key's columns."""

    source: str
    mart: str
    subject: str
    day: str
    columns: list[Column]

    def only(self, name: str) -> "Measures":
        """With one of them, and its minimum and maximum; all where there is none of that name."""
        stem = name.removeprefix("avg_")
        wanted = [column for column in self.columns if column.name in (name, f"min_{stem}", f"max_{stem}")]
        return self.model_copy(update={"columns": wanted or self.columns})


class Series(BaseModel):
    """Some days of some subjects: of each row the subject, the day, and the measures in the order of `measures.columns`."""

    measures: Measures
    subjects: list[Subject]
    first: date
    end: date
    rows: list[tuple[Any, ...]]


def measures_of(connection: Connection, source: str, mart: str) -> Measures | None:
    """Of a mart of the source; None for one that has no date."""
    columns = read(connection, "view/mart_columns.sql", Column, {"mart": mart})
    subject = SOURCES[source].suite.key[0]
    days = [column.name for column in columns if column.type == "date"]
    numbers = [column for column in columns if column.type in NUMBERS and not column.name.endswith("_id")]
    if not days or subject not in {column.name for column in columns}:
        return None
    return Measures(source=source, mart=mart, subject=subject, day=days[0], columns=numbers)


def subjects_of(connection: Connection, source: str, search: str | None = None) -> list[Subject]:
    """SUBJECTS_OFFERED of them by name."""
    parameters = {"source": source, "subject_id": None, "search": search, "most": SUBJECTS_OFFERED, "skip": 0}
    return read(connection, "view/subjects.sql", Subject, parameters)


def series(connection: Connection, measures: Measures, subject_ids: Sequence[int], first: date, end: date) -> Series:
    """The days [first, end) that the mart has, by subject and day."""
    # Names of columns cannot be parameters; they come from the database itself and are quoted.
    query = sql.SQL(
        "SELECT {} FROM mart.{} WHERE {} = ANY(%(ids)s) AND {} >= %(first)s AND {} < %(end)s ORDER BY 1, 2"
    ).format(
        sql.SQL(", ").join(
            sql.Identifier(name)
            for name in (measures.subject, measures.day, *(column.name for column in measures.columns))
        ),
        sql.Identifier(measures.mart),
        sql.Identifier(measures.subject),
        sql.Identifier(measures.day),
        sql.Identifier(measures.day),
    )
    parameters = {"ids": list(subject_ids), "first": first, "end": end}
    names = [
        subject
        for subject_id in subject_ids
        for subject in read(
            connection,
            "view/subjects.sql",
            Subject,
            {"source": measures.source, "subject_id": subject_id, "search": None, "most": 1, "skip": 0},
        )
    ]
    rows = connection.execute(query, parameters).fetchall()
    return Series(measures=measures, subjects=names, first=first, end=end, rows=rows)
