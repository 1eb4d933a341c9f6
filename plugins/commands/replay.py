"""The replay: refuse, start one run, wait, tell what it changed in core. Called with the arguments of plugins/commands/cli.py."""

import shlex
import sys
from argparse import Namespace
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk.exceptions import AirflowNotFoundException

from include.command import FAILED, STOPPED, SUCCEEDED, typed
from include.errors import Refused
from include.progress import new_console
from include.sources import SOURCES
from include.warehouse import run
from include.windows import Window, typed_range
from plugins.commands import metadata, report
from plugins.commands.command import leave, wait
from plugins.warehouse import CONNECTION_ID, warehouse
from plugins.web_ui import address


@dataclass(frozen=True)
class Request:
    """The source, the window, and the places or pages it is restricted to."""

    dag_id: str
    window: Window
    names: list[str]

    @property
    def conf(self) -> dict[str, Any]:
        """The parameters of the run."""
        names = {SOURCES[self.dag_id].subjects.names_param: self.names} if self.names else {}
        moments = {"start_date": self.window.start.isoformat(), "end_date": self.window.end.isoformat()}
        return {**moments, **names, "replay": True}


def replay(args: Namespace) -> None:
    """Leaves with the exit code."""
    leave("replay", cli_replay, args)


def cli_replay(args: Namespace) -> int:
    """The exit code."""
    console = new_console()
    request = read(args, datetime.now(UTC))
    metadata.check_startable(request.dag_id)
    changes_by(request.dag_id, "")  # refused here already when the warehouse cannot tell
    console.print(f"Replaying the stored responses of {request.dag_id} for {request.window}", soft_wrap=True)
    run_id = metadata.trigger(request.dag_id, request.conf)
    try:
        status = wait(console, request.dag_id, "tasks", lambda: metadata.status_of_run(request.dag_id, run_id))
    except KeyboardInterrupt:
        where = address("dags", request.dag_id, "runs", run_id)
        print(f"\nStopped waiting. The run {run_id} of {request.dag_id} goes on: {where}", file=sys.stderr)
        return STOPPED
    console.print(changes_by(request.dag_id, run_id))
    if status.has_failed:
        failed = metadata.failed_run(request.dag_id, run_id, report.MOST_TASKS)
        report.tell_failures(console, request.dag_id, [failed], again(args))
        return FAILED
    return SUCCEEDED


def read(args: Namespace, now: datetime) -> Request:
    """What the arguments ask for. Refused when that is of no source; BadWindow for dates that cannot be."""
    if args.dag_id not in SOURCES:
        raise Refused(f"{args.dag_id} is not a source whose responses are stored: {', '.join(sorted(SOURCES))}")
    first, last = typed_range(args.start_date, args.end_date, now)
    return Request(args.dag_id, Window(first, last + timedelta(seconds=1)), args.only)


def changes_by(dag_id: str, run_id: str) -> str:
    """What the ledger says a run did to core. Refused where Airflow has no connection to the warehouse."""
    try:
        with warehouse() as connection:
            row = run(connection, "ops/changes_by_run.sql", {"dag_id": dag_id, "run_id": run_id}).fetchone()
    except AirflowNotFoundException as error:
        raise Refused(f"{error}: set AIRFLOW_CONN_{CONNECTION_ID.upper()}") from None
    assert row is not None  # an aggregate
    responses, offered, changed = row
    return f"Replayed {responses:,} stored responses: {changed:,} of {offered:,} rows changed in core."


def again(args: Namespace) -> str:
    """The command as it was typed."""
    dates = [("-s", args.start_date), ("-e", args.end_date)]
    options = [(flag, value) for flag, value in (*dates, *(("--only", name) for name in args.only)) if value]
    return typed(
        shlex.join(["airflow", "dags", "replay", args.dag_id, *(word for option in options for word in option)])
    )
