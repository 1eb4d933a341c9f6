"""Tells which runs failed, which of their tasks and why, where all of it is, and what repeats them."""

from collections.abc import Iterator, Sequence

from rich.console import Console

from plugins.commands.command import number
from plugins.commands.metadata import FailedRun, FailedTask
from plugins.web_ui import address

MOST_RUNS = 20
MOST_TASKS = 3
LONGEST_ERROR = 1000

Ledger = dict[tuple[str, int], str]
"""(run, map index) -> error"""


def tell_failures(console: Console, dag_id: str, runs: Sequence[FailedRun], again: str) -> None:
    """The failed runs with the beginning of their errors; `again` is the command that repeats them."""
    console.print(f"{number(len(runs), 'run')} failed:")
    errors = _ledger(dag_id, [run.run_id for run in runs[:MOST_RUNS]])
    lines = [line for run in runs[:MOST_RUNS] for line in _told(run, errors)]
    if len(runs) > MOST_RUNS:
        lines.append(f"  and {len(runs) - MOST_RUNS} more")
    where = address("dags", dag_id, "runs", *[run.run_id for run in runs if len(runs) == 1])
    # Not wrapped: it is there to be copied.
    console.print(*lines, f"All of it: {where}", f"When the cause is gone:\n  {again}", sep="\n", soft_wrap=True)


def _told(run: FailedRun, errors: Ledger) -> Iterator[str]:
    yield f"  {run.run_id}" + (f", window from {run.window.start:%Y-%m-%d %H:%M}" if run.window.start else "")
    if not run.tasks:
        yield "    no task failed: the backfill was cancelled, or the run marked as failed"
    tasks = _first_of_each_load(run.tasks)
    for task in tasks[:MOST_TASKS]:
        error = errors.get((run.run_id, task.map_index)) or task.error.strip() or "see its log"
        # The ledger names the task too.
        yield f"    {task.name}: {_beginning(error.removeprefix(_task_id(task) + ': '))}"
    if len(tasks) > MOST_TASKS:
        yield f"    and {number(len(tasks) - MOST_TASKS, 'task')} more"


def _first_of_each_load(tasks: Sequence[FailedTask]) -> list[FailedTask]:
    """What failed after it says only that."""
    first: dict[object, FailedTask] = {}
    for task in tasks:
        first.setdefault(task.map_index if task.map_index >= 0 else task.name, task)
    return list(first.values())


def _task_id(task: FailedTask) -> str:
    return task.name.partition(" [")[0]


def _beginning(error: str) -> str:
    """The first line, cut where it is very long."""
    line = error.splitlines()[0]
    return line if len(line) <= LONGEST_ERROR else f"{line[:LONGEST_ERROR]}…"


def _ledger(dag_id: str, run_ids: list[str]) -> Ledger:
    """From the warehouse; empty when there is no warehouse, or none that answers."""
    try:
        from include.warehouse import run
        from plugins.warehouse import warehouse

        with warehouse() as connection:
            rows = run(connection, "ops/errors_of_runs.sql", {"dag_id": dag_id, "run_ids": run_ids}).fetchall()
    except Exception:  # The report is about the runs: a warehouse that is away must not keep it from being printed.
        return {}
    return {(run_id, map_index): error for run_id, map_index, error in rows}
