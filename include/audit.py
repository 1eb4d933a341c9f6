"""The audit of a load: Great Expectations over its staged rows, the verdict, and the quarantine."""

import contextlib
import io
import json
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from include.errors import LoadError, UnfinishedAudit
from include.suites import Check, Limit, Suite
from include.warehouse import Connection, run, statement


@dataclass(frozen=True)
class Outcome:
    """What became of one expectation; `sample` holds at most 20 unexpected values or rows."""

    expectation: str
    column: str | None
    success: bool
    is_warning: bool
    expected: str
    observed: str
    unexpected_count: int
    sample: list[Any]


def audit_load(connection: Connection, connect: Callable[[], Connection], suite: Suite, load_id: int) -> list[Outcome]:
    """Audits a staged load: rows outside a limit are set aside, the verdict goes to the ledger.

    `connect` opens further connections to the same database, for Great Expectations. Raises LoadError when there is nothing
    staged or the staging changed during the audit, UnfinishedAudit when it could not be done.
    """
    staged_at = _staged_at(connection, load_id)
    run(connection, "ops/refresh_statistics.sql", {"table": suite.table.split(".")[1]})
    # Great Expectations prints a warning for each query without its {batch} placeholder; ours name the load themselves.
    with contextlib.redirect_stdout(io.StringIO()):
        outcomes = run_suite(connection, connect, suite, load_id)
    passed = all(outcome.success or outcome.is_warning for outcome in outcomes)
    with connection.transaction():
        quarantined = quarantine(connection, suite, load_id)
        _record(connection, suite, load_id, outcomes)
        _judge(connection, load_id, staged_at, passed, quarantined, outcomes)
    return outcomes


def run_suite(connection: Connection, connect: Callable[[], Connection], suite: Suite, load_id: int) -> list[Outcome]:
    """What Great Expectations makes of the staged rows of a load."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx  # takes seconds: not at import of this module, which the DAG files need
    from great_expectations.data_context.types.base import ProgressBarsConfig

    # It tells of every default and every temporary folder at INFO, some loggers against their parent's level.
    for name in ("great_expectations", "great_expectations.data_context.types.base"):
        logging.getLogger(name).setLevel(logging.WARNING)

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_postgres(
        name="warehouse",
        # Great Expectations wants a URL with user and host, and looks at a name for longer than at an address; the creator is what
        # connects, so that no password is copied.
        connection_string="postgresql+psycopg://warehouse@127.0.0.1/dw",
        kwargs={"creator": connect},  # type: ignore[call-arg]  # it takes them, its stub does not say so
        create_temp_table=False,
    )
    query = f"SELECT * FROM {suite.table} WHERE load_id = {int(load_id)}"
    batch = source.add_query_asset("load", query=query).add_batch_definition_whole_table("load").get_batch()
    # COMPLETE takes twice the time of BASIC; it alone shows the rows that a check found.
    results = [
        *_validate(batch, _row_expectations(connection, suite, load_id), "BASIC"),
        *_validate(batch, [_check_expectation(connection, check, load_id) for check in suite.checks], "COMPLETE"),
    ]
    with contextlib.suppress(Exception):
        source.get_execution_engine().close()
    by_name = {check.name: check for check in suite.checks}
    return [_outcome(result, by_name) for result in results]


def _validate(batch: Any, expectations: list[Any], result_format: str) -> list[Any]:
    import great_expectations as gx

    suite = gx.ExpectationSuite(name="load", expectations=expectations)
    wanted = {"result_format": result_format, "include_unexpected_rows": False}
    return list(batch.validate(suite, result_format=wanted).results)


def _row_expectations(connection: Connection, suite: Suite, load_id: int) -> list[Any]:
    """What is expected of each row and of each column."""
    import great_expectations.expectations as gxe

    known_rows = _known_rows(connection, suite, load_id)
    between = [
        gxe.ExpectColumnValuesToBeBetween(
            column=limit.column,
            min_value=limit.lowest,
            max_value=limit.highest,
            mostly=least_within(suite.mostly, known_rows[limit.column]),
            meta={"expected": str(limit)},
        )
        for limit in suite.limits
    ]
    known = [
        gxe.ExpectColumnValuesToNotBeNull(
            column=column, mostly=mostly, meta={"expected": f"known in {mostly:.0%} of the rows"}
        )
        for column, mostly in suite.known.items()
    ]
    unique = gxe.ExpectCompoundColumnsToBeUnique(column_list=list(suite.key), meta={"expected": "no key twice"})
    return [unique, *between, *known]


def least_within(mostly: float, rows: int) -> float:
    """The least fraction of `rows` values within a limit: `mostly`, but one bad row among others never fails a small load."""
    return min(mostly, (rows - 1) / rows) if rows > 1 else mostly


def _known_rows(connection: Connection, suite: Suite, load_id: int) -> dict[str, int]:
    columns = [limit.column for limit in suite.limits]
    row = connection.execute(
        sql.SQL("SELECT {} FROM {} WHERE load_id = {}").format(
            sql.SQL(", ").join(sql.SQL("count({})").format(sql.Identifier(column)) for column in columns),
            sql.Identifier(*suite.table.split(".")),
            sql.Literal(load_id),
        )
    ).fetchone()
    return dict(zip(columns, row or (), strict=True))


def _check_expectation(connection: Connection, check: Check, load_id: int) -> Any:
    import great_expectations.expectations as gxe

    query = psycopg.ClientCursor(connection).mogrify(
        statement(check.statement), {"load_id": load_id, **check.parameters}
    )
    return gxe.UnexpectedRowsExpectation(
        unexpected_rows_query=query.replace("{", "{{").replace("}", "}}"),  # braces are its placeholders
        meta={"check": check.name, "expected": check.meaning},
    )


def _outcome(result: Any, checks: dict[str, Check]) -> Outcome:
    configuration, details = result.expectation_config, result.result
    # One report, or one for each metric of the expectation.
    reports = [result.exception_info or {}, *(result.exception_info or {}).values()]
    if raised := [report for report in reports if isinstance(report, dict) and report.get("raised_exception")]:
        raise UnfinishedAudit(f"the audit could not run: {raised[0].get('exception_message')}")
    check = checks.get((configuration.meta or {}).get("check", ""))
    sample = details.get("partial_unexpected_list") or details.get("details", {}).get("unexpected_rows") or []
    count = details.get("unexpected_count", details.get("observed_value", 0)) or 0
    return Outcome(
        expectation=check.name if check else configuration.type,
        column=configuration.kwargs.get("column"),
        success=bool(result.success),
        is_warning=bool(check and check.is_warning),
        expected=str(configuration.meta["expected"]),
        observed=f"{count} of {details['element_count']} rows" if "element_count" in details else f"{count} rows",
        unexpected_count=int(count),
        sample=json.loads(json.dumps(list(sample)[:20], default=str)),
    )


def quarantine(connection: Connection, suite: Suite, load_id: int) -> int:
    """Sets the rows outside their limits aside and lists them, with limit and value; returns how many rows."""
    table = sql.Identifier(*suite.table.split("."))
    connection.execute("DELETE FROM audit.quarantine WHERE load_id = %s", [load_id])
    for limit in suite.limits:
        connection.execute(
            sql.SQL(
                """
                INSERT INTO audit.quarantine (load_id, source, row_key, expectation, value, raw_id)
                SELECT DISTINCT ON (row_key)
                    load_id, {source}, jsonb_build_object({key}) AS row_key, {expectation}, {column}::text, raw_id
                FROM {table} WHERE load_id = {load_id} AND {outside}
                """
            ).format(
                source=sql.Literal(suite.name),
                key=sql.SQL(", ").join(
                    part for column in suite.key for part in (sql.Literal(column), sql.Identifier(column))
                ),
                expectation=sql.Literal(f"{limit.column} {limit}"),
                column=sql.Identifier(limit.column),
                table=table,
                load_id=sql.Literal(load_id),
                outside=outside(limit),
            )
        )
    any_outside = sql.SQL(" OR ").join(outside(limit) for limit in suite.limits)
    connection.execute(
        sql.SQL(
            "UPDATE {} SET is_quarantined = NOT is_quarantined WHERE load_id = {} AND is_quarantined <> ({})"
        ).format(table, sql.Literal(load_id), any_outside)
    )
    row = connection.execute(
        sql.SQL("SELECT count(*) FROM {} WHERE load_id = {} AND is_quarantined").format(table, sql.Literal(load_id))
    ).fetchone()
    return int(row[0]) if row else 0


def outside(limit: Limit) -> sql.Composed:
    """The SQL predicate of a row outside its limit; false for NULL, as Great Expectations counts it."""
    column = sql.Identifier(limit.column)
    bounds = [
        sql.SQL("{} {} {}").format(column, sql.SQL(operator), sql.Literal(bound))
        for operator, bound in (("<", limit.lowest), (">", limit.highest))
        if bound is not None
    ]
    return sql.SQL("coalesce({}, false)").format(sql.SQL(" OR ").join(bounds))


def table_of(outcomes: Sequence[Outcome]) -> str:
    """The outcomes as a table for the log: verdict, expectation, limit, observed, sample."""
    rows = [("", "expectation", "expected", "outside", "sample")]
    for outcome in outcomes:
        verdict = "ok" if outcome.success else "warning" if outcome.is_warning else "FAILED"
        name = f"{outcome.expectation}({outcome.column})" if outcome.column else outcome.expectation
        sample = json.dumps(outcome.sample[:3], ensure_ascii=False) if outcome.sample else ""
        rows.append((verdict, name, outcome.expected, outcome.observed, sample[:200]))
    widths = [max(len(row[index]) for row in rows) for index in range(4)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]) for row in rows
    )


def verdict_of(connection: Connection, suite: Suite, load_id: int, outcomes: Sequence[Outcome]) -> str:
    """Why a load is rejected, where its rows are and what to do; empty when it passed."""
    failed = reasons(outcomes)
    if not failed:
        return ""
    about = run(connection, suite.what_it_was_for, {"load_id": load_id}).fetchone()
    examples = "; ".join(row[0] for row in run(connection, suite.set_aside, {"load_id": load_id}))
    return (
        f"{suite.name}: load {load_id} failed its audit and nothing of it is published: {failed}. "
        f"{f'Set aside: {examples}. ' if examples else ''}It was for {about[0] if about else 'nothing that was landed'}. "
        f"The rows are in {suite.table} and audit.quarantine, the verdict in audit.validation_result. "
        "Once the source is healthy clear the task extract of this load with its downstream tasks"
    )


def _staged_at(connection: Connection, load_id: int) -> datetime:
    with connection.transaction():
        run(connection, "ops/lock_staged_load.sql", {"load_id": load_id})
        row = connection.execute("SELECT staged_at, status FROM audit.load WHERE load_id = %s", [load_id]).fetchone()
    assert row is not None
    if row[1] == "published":
        raise LoadError(
            f"load {load_id} is published, its staging is empty: to audit it again clear its task transform with downstream tasks"
        )
    return row[0]  # type: ignore[no-any-return]


def _record(connection: Connection, suite: Suite, load_id: int, outcomes: Sequence[Outcome]) -> None:
    connection.execute("DELETE FROM audit.validation_result WHERE load_id = %s", [load_id])
    with connection.cursor() as cursor:
        cursor.executemany(
            statement("ops/record_outcome.sql"),
            [
                {
                    "load_id": load_id,
                    "suite": suite.name,
                    "expectation": outcome.expectation,
                    "column_name": outcome.column,
                    "success": outcome.success,
                    "severity": "warning" if outcome.is_warning else "critical",
                    "expected": outcome.expected,
                    "observed": outcome.observed,
                    "unexpected_count": outcome.unexpected_count,
                    "sample": json.dumps(outcome.sample, ensure_ascii=False),
                }
                for outcome in outcomes
            ],
        )


def _judge(
    connection: Connection,
    load_id: int,
    staged_at: datetime,
    passed: bool,
    quarantined: int,
    outcomes: Sequence[Outcome],
) -> None:
    parameters = {
        "load_id": load_id,
        "staged_at": staged_at,
        "passed": passed,
        "quarantined": quarantined,
        "error": reasons(outcomes) or None,
    }
    if run(connection, "ops/judge_load.sql", parameters).fetchone() is None:
        raise LoadError(
            f"load {load_id} was staged again during its audit; the newer staging needs an audit of its own"
        )


def reasons(outcomes: Sequence[Outcome]) -> str:
    """Why a load does not pass, in words with a sample; empty when it does."""
    failed = [outcome for outcome in outcomes if not outcome.success and not outcome.is_warning]
    return "; ".join(
        f"{outcome.expectation}{f'({outcome.column})' if outcome.column else ''}: {outcome.observed} outside, "
        f"expected {outcome.expected}, for example {json.dumps(outcome.sample[:2], ensure_ascii=False)}"
        for outcome in failed
    )
