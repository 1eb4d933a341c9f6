"""Tells which runs of a backfill failed, why, and how to run only those again."""

import shlex
from collections.abc import Sequence

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from plugins.commands.metadata import FailedRun, failed_runs
from plugins.commands.moments import typed

MOST_ROWS = 20
LONGEST_ERROR = 300


def tell_failures(console: Console, dag_id: str, backfill_id: int) -> None:
    """A table of the failed runs and the command that runs them again."""
    runs = failed_runs(backfill_id, with_errors=MOST_ROWS)
    console.print(_table(runs, _ledger(dag_id, [run.run_id for run in runs])))
    # Not wrapped: it is there to be copied.
    console.print(Text(f"When the cause is gone:\n  {again(dag_id, runs)}"), soft_wrap=True)


def again(dag_id: str, runs: Sequence[FailedRun]) -> str:
    """The command that runs the failed windows again; those between them that succeeded are left alone."""
    moments = [run.logical_date for run in runs if run.logical_date]
    if not moments:
        return f"airflow dags clear {dag_id} --help"
    days = all(run.window.end and run.window.start and (run.window.end - run.window.start).days for run in runs)
    first, last = typed(min(moments), days), typed(max(moments), days)
    return f"airflow dags backfill {shlex.quote(dag_id)} -s {first} -e {last} --rerun-failed-tasks"


def _table(runs: Sequence[FailedRun], ledger: dict[tuple[str, int], str]) -> Table:
    table = Table(title=f"{len(runs)} failed", title_justify="left", box=SIMPLE, pad_edge=False)
    table.add_column("run id", no_wrap=True)
    table.add_column("window from", no_wrap=True)
    table.add_column("failed task")
    table.add_column("error")
    for run in runs[:MOST_ROWS]:
        table.add_row(*(Text(cell) for cell in _row(run, ledger)))
    if len(runs) > MOST_ROWS:
        table.caption = f"and {len(runs) - MOST_ROWS} more"
    return table


def _row(run: FailedRun, ledger: dict[tuple[str, int], str]) -> tuple[str, str, str, str]:
    window = f"{run.window.start:%Y-%m-%d %H:%M}" if run.window.start else run.window.name
    if not run.tasks:
        return run.run_id, window, "", "no task failed: the backfill was cancelled, or the run marked as failed"
    first, *others = run.tasks
    name = first.name + (f" and {len(others)} more" if others else "")
    return run.run_id, window, name, first_line(ledger.get((run.run_id, first.map_index)) or first.error)


def first_line(error: str) -> str:
    """What fits a table; says so when nothing is known."""
    lines = error.strip().splitlines()
    if not lines:
        return "see the task's log"
    return lines[0] if len(lines[0]) <= LONGEST_ERROR else f"{lines[0][:LONGEST_ERROR]}…"


def _ledger(dag_id: str, run_ids: list[str]) -> dict[tuple[str, int], str]:
    """(run, map index) -> error, from the warehouse; empty when there is no warehouse, or none that answers."""
    try:
        from include.warehouse import run
        from plugins.warehouse import warehouse

        with warehouse() as connection:
            rows = run(connection, "ops/errors_of_runs.sql", {"dag_id": dag_id, "run_ids": run_ids}).fetchall()
    except Exception:  # The report is about the runs: a warehouse that is away must not keep it from being printed.
        return {}
    return {(run_id, map_index): error for run_id, map_index, error in rows}
