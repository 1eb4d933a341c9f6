"""The audit of a load: rows outside a limit are set aside, units that are not to be trusted withheld, all else goes on.

A unit is one place on one UTC day, or one page: its verdict depends on its own rows, whatever else is in its load.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from include.audit.judge import Outcome, judge
from include.audit.quarantine import set_aside
from include.audit.units import Unit, Withheld, read_units, withhold
from include.suite import Suite
from include.warehouse import Connection, run, statement

__all__ = ["Audit", "Outcome", "Unit", "Withheld", "audit_load"]

MOST_TOLD = 20
"""Units, in the error of a load."""


@dataclass(frozen=True)
class Audit:
    """What an audit found: each expectation, the units that are withheld of how many, and how many rows were set aside."""

    outcomes: list[Outcome]
    withheld: list[Withheld]
    units: int
    quarantined: int


def audit_load(connection: Connection, suite: Suite, load_id: int) -> Audit:
    """Audits a staged load, in one transaction that another audit of the same load waits for; the verdict goes to the ledger.

    Raises LoadError when there is nothing staged.
    """
    # Not in the transaction: ANALYZE would keep its lock on staging to its end, and with it the audits of all other loads waiting.
    run(connection, "ops/refresh_statistics.sql", {"table": suite.table.split(".")[1]})
    with connection.transaction():
        run(connection, "ops/lock_staged_load.sql", {"load_id": load_id})
        quarantined = set_aside(connection, suite, load_id)
        units = read_units(connection, suite, load_id)
        outcomes, failed = judge(suite, units, quarantined)
        withheld = withhold(connection, suite, load_id, units, failed)
        _record(connection, suite, load_id, outcomes)
        parameters = {
            "load_id": load_id,
            "is_rejected": len(failed) == len(units),
            "staged": sum(unit["rows_staged"] for unit in units),
            "quarantined": quarantined.rows,
            "withheld": len(withheld),
            "error": _error(withheld),
        }
        run(connection, "ops/judge_load.sql", parameters)
    # Of a replay an untrusted unit may not be a loss, since trusted ones have its span: it is not counted.
    return Audit(outcomes, withheld, len(units) - len(failed) + len(withheld), quarantined.rows)


def _error(withheld: Sequence[Withheld]) -> str | None:
    listed = "; ".join(str(unit) for unit in withheld[:MOST_TOLD])
    more = f"; and {len(withheld) - MOST_TOLD} more, see audit.withheld" if len(withheld) > MOST_TOLD else ""
    return f"{listed}{more}" or None


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
