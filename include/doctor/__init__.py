"""The doctor: a line for each thing that can be wrong, with the command that mends it.

Each check reads something (reading.py) and judges it (checks.py). They run side by side, and what has not ended after
BUDGET_SECONDS could not be told.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from threading import Thread
from time import monotonic
from typing import Any

import psycopg

from include.command import FAILED, REFUSED, SUCCEEDED, is_away, one_line, starting, typed
from include.doctor import checks, reading
from include.doctor.finding import Finding, State
from include.doctor.reading import Look, TookTooLong
from include.errors import WarehouseError
from include.progress import new_console

BUDGET_SECONDS = 4.0

WAREHOUSE, AIRFLOW = "the warehouse", "Airflow's metadata database"


@dataclass(frozen=True)
class Check:
    """What is looked at, in which thread, and who judges it. `of` is the database that it asks, for when that does not answer."""

    name: str
    thread: str
    of: str
    read: Callable[[Look], Any]
    judge: Callable[[Any, datetime], Finding]


CHECKS = (
    Check("processes", "outside", AIRFLOW, reading.processes, checks.processes),
    Check("warehouse", "warehouse", WAREHOUSE, reading.postgres, checks.database),
    Check("airflow", "airflow", AIRFLOW, reading.airflow_database, checks.database),
    Check("migrations", "warehouse", WAREHOUSE, reading.versions, checks.migrations),
    Check("connections", "airflow", AIRFLOW, reading.connections, checks.connections),
    Check("pools", "airflow", AIRFLOW, reading.pools, lambda seen, _: checks.pools(seen, reading.POOLS)),
    Check("services", "services", AIRFLOW, reading.services, checks.services),
    Check("dags", "airflow", AIRFLOW, reading.dags, lambda seen, _: checks.dags(seen, reading.DAGS)),
    Check("failed runs", "airflow", AIRFLOW, reading.failed_runs, checks.failed_runs),
    Check("stuck runs", "airflow", AIRFLOW, reading.stuck_runs, checks.stuck_runs),
    # Before what may have to wait for a lock: it says whose.
    Check("transactions", "warehouse", WAREHOUSE, reading.transactions, checks.transactions),
    Check("clock", "warehouse", WAREHOUSE, reading.clock, checks.clock),
    Check("stuck loads", "warehouse", WAREHOUSE, reading.stuck_loads, checks.stuck_loads),
    Check("failed loads", "warehouse", WAREHOUSE, reading.failed_loads, checks.failed_loads),
    Check("withheld", "warehouse", WAREHOUSE, reading.withheld, checks.withheld),
    Check("quarantined", "warehouse", WAREHOUSE, reading.quarantined, checks.quarantined),
    Check("gaps", "gaps", WAREHOUSE, reading.gaps, checks.gaps),
    Check("data", "warehouse", WAREHOUSE, reading.freshness, checks.data),
    Check("marts", "warehouse", WAREHOUSE, reading.freshness, checks.marts),
    Check("partitions", "warehouse", WAREHOUSE, reading.partitions, checks.partitions),
    Check("disk", "outside", WAREHOUSE, reading.disk, checks.disk),
    Check("versions", "warehouse", WAREHOUSE, reading.versions, checks.versions),
)
"""All of them, in the order in which they are told."""


def diagnose(environment: Mapping[str, str], now: datetime) -> dict[str, Finding]:
    """Name of the check -> what it found, after BUDGET_SECONDS at the latest."""
    deadline = monotonic() + BUDGET_SECONDS
    found = {check.name: _unknown(check, TookTooLong()) for check in CHECKS}
    names = dict.fromkeys(check.thread for check in CHECKS)
    threads = [
        Thread(target=partial(_examine, name, Look(environment, now, deadline), found), daemon=True) for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - monotonic()))
    return dict(found)


def _examine(thread: str, look: Look, found: dict[str, Finding]) -> None:
    for check in CHECKS:
        if check.thread == thread:
            try:
                found[check.name] = check.judge(check.read(look), look.now)
            except Exception as error:  # Of one check; the others say what they find.
                found[check.name] = _unknown(check, error)
    look.close()


def _unknown(check: Check, error: Exception) -> Finding:
    """Why it could not be told, and what makes that possible."""
    migrate = typed("python -m include migrate" if check.of == WAREHOUSE else "airflow db migrate")
    match error:
        case TookTooLong() | psycopg.errors.QueryCanceled():
            return Finding(State.UNKNOWN, f"not within {BUDGET_SECONDS:g} s")
        case psycopg.errors.LockNotAvailable():
            return Finding(State.UNKNOWN, "a lock is held, see transactions")
        case psycopg.errors.UndefinedTable() | psycopg.errors.UndefinedColumn() | psycopg.errors.InvalidSchemaName():
            return Finding(State.UNKNOWN, f"{check.of} has not been migrated", migrate)
        case _ if is_away(error):
            return Finding(State.UNKNOWN, f"{check.of} does not answer", starting())
        case psycopg.Error() | WarehouseError():
            return Finding(State.UNKNOWN, one_line(error))
    return Finding(State.UNKNOWN, f"{type(error).__name__}: {one_line(error)}")


def exit_code(findings: Mapping[str, Finding]) -> int:
    """2 when something could not be told, else 1 when something is wrong, else 0."""
    states = {finding.state for finding in findings.values()}
    return REFUSED if State.UNKNOWN in states else FAILED if State.BAD in states else SUCCEEDED


def show(environment: Mapping[str, str], now: datetime, *, as_json: bool) -> int:
    """Prints what was found to standard output; returns the exit code."""
    findings = diagnose(environment, now)
    code = exit_code(findings)
    if as_json:
        told = [{"check": name, **asdict(finding)} for name, finding in findings.items()]
        print(json.dumps({"exit_code": code, "checks": told}, indent=2, ensure_ascii=False))
        return code
    console = new_console()
    styles = {State.BAD: "bold red", State.UNKNOWN: "yellow", State.SKIPPED: "dim"}
    for name, finding in findings.items():
        console.print(finding.line(name), style=styles.get(finding.state), soft_wrap=True)
    return code
