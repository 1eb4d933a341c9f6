"""Rows outside their limits: marked in staging, and listed with limit, value and raw id."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from include.suite import Limit, Suite
from include.warehouse import Connection


@dataclass(frozen=True)
class Quarantined:
    """How many rows of the load are set aside, and for each column examples of what was outside its limit, with their number."""

    rows: int
    counts: dict[str, int]
    samples: dict[str, list[str]]


def set_aside(connection: Connection, suite: Suite, load_id: int) -> Quarantined:
    """Marks the rows outside their limits, and lists those of them that the load would publish."""
    table = sql.Identifier(*suite.table.split("."))
    connection.execute("DELETE FROM audit.quarantine WHERE load_id = %s", [load_id])
    any_outside = sql.SQL(" OR ").join(outside(limit) for limit in suite.limits)
    connection.execute(
        sql.SQL(
            "UPDATE {} SET is_quarantined = NOT is_quarantined WHERE load_id = {} AND is_quarantined <> ({})"
        ).format(table, sql.Literal(load_id), any_outside)
    )
    listed = connection.execute(_listing(suite, table, load_id)).fetchall()
    values: dict[str, list[str]] = {}
    for column, value in listed:
        values.setdefault(column, []).append(value)
    row = connection.execute(
        sql.SQL("SELECT count(*) FROM {} WHERE load_id = {} AND is_quarantined AND {}").format(
            table, sql.Literal(load_id), _published(suite)
        )
    ).fetchone()
    assert row is not None  # an aggregate
    counts = {column: len(found) for column, found in values.items()}
    return Quarantined(int(row[0]), counts, {column: found[:20] for column, found in values.items()})


def _listing(suite: Suite, table: sql.Identifier, load_id: int) -> sql.Composed:
    """Lists each row and limit in audit.quarantine; returns the column and value of each."""
    return sql.SQL(
        """
        WITH found AS (
            SELECT DISTINCT ON (row_key, broken.expectation)
                staged.raw_id, jsonb_build_object({key}) AS row_key, broken.column_name, broken.expectation, broken.value
            FROM {table} AS staged
            CROSS JOIN LATERAL (VALUES {limits}) AS broken (column_name, expectation, value, is_outside)
            WHERE staged.load_id = {load_id} AND staged.is_quarantined AND broken.is_outside AND {published}
            ORDER BY row_key, broken.expectation, staged.raw_id DESC
        ),

        listed AS (
            INSERT INTO audit.quarantine (load_id, source, row_key, expectation, value, raw_id)
            SELECT {load_id}, {source}, row_key, expectation, value, raw_id FROM found
        )

        SELECT column_name, value FROM found ORDER BY row_key
        """
    ).format(
        key=sql.SQL(", ").join(
            part for column in suite.key for part in (sql.Literal(column), sql.Identifier("staged", column))
        ),
        table=table,
        limits=_broken(suite.limits),
        load_id=sql.Literal(load_id),
        published=_published(suite),
        source=sql.Literal(suite.name),
    )


def _broken(limits: Sequence[Limit]) -> sql.Composed:
    return sql.SQL(", ").join(
        sql.SQL("({}, {}, {}::text, {})").format(
            sql.Literal(limit.column),
            sql.Literal(f"{limit.column} {limit}"),
            sql.Identifier(limit.column),
            outside(limit),
        )
        for limit in limits
    )


def _published(suite: Suite) -> sql.SQL:
    """The predicate of the rows that the load would publish."""
    return sql.SQL("is_in_window" if suite.stages_beside_window else "true")


def outside(limit: Limit) -> sql.Composed:
    """The SQL predicate of a row outside its limit; false for NULL, as Great Expectations counts it."""
    column = sql.Identifier(limit.column)
    bounds = [
        sql.SQL("{} {} {}").format(column, sql.SQL(operator), sql.Literal(bound))
        for operator, bound in (("<", limit.lowest), (">", limit.highest))
        if bound is not None
    ]
    if limit.is_whole:
        bounds.append(sql.SQL("{} <> trunc({})").format(column, column))
    return sql.SQL("coalesce({}, false)").format(sql.SQL(" OR ").join(bounds))
