"""One run, started, waited for and told of: what a replay is, and a backfill --as-one-run."""

import sys
from collections.abc import Callable
from typing import Any

from airflow.sdk.exceptions import AirflowNotFoundException
from rich.console import Console

from include.command import FAILED, STOPPED, SUCCEEDED
from include.errors import Refused
from include.warehouse import run
from plugins.commands import metadata, report
from plugins.commands.command import wait
from plugins.warehouse import CONNECTION_ID, warehouse
from plugins.web_ui import address

Changes = tuple[int, int, int]
"""Stored responses that a run is made of, rows that it offered core, and those of them that changed it."""


def one_run(console: Console, dag_id: str, conf: dict[str, Any], told: Callable[[Changes], str], again: str) -> int:
    """The exit code. `told` says what the run changed, `again` is what to type where it failed."""
    changes_by(dag_id, "")  # refused here already when the warehouse cannot tell
    run_id = metadata.trigger(dag_id, conf)
    try:
        status = wait(console, dag_id, "tasks", lambda: metadata.status_of_run(dag_id, run_id))
    except KeyboardInterrupt:
        where = address("dags", dag_id, "runs", run_id)
        print(f"\nStopped waiting. The run {run_id} of {dag_id} goes on: {where}", file=sys.stderr)
        return STOPPED
    console.print(told(changes_by(dag_id, run_id)))
    if status.has_failed:
        failed = metadata.failed_run(dag_id, run_id, report.MOST_TASKS)
        report.tell_failures(console, dag_id, [failed], again)
        return FAILED
    return SUCCEEDED


def changes_by(dag_id: str, run_id: str) -> Changes:
    """What the ledger says a run did to core. Refused where Airflow has no connection to the warehouse."""
    try:
        with warehouse() as connection:
            row = run(connection, "ops/changes_by_run.sql", {"dag_id": dag_id, "run_id": run_id}).fetchone()
    except AirflowNotFoundException as error:
        raise Refused(f"{error}: set AIRFLOW_CONN_{CONNECTION_ID.upper()}") from None
    assert row is not None  # an aggregate
    responses, offered, changed = row
    return responses, offered, changed
