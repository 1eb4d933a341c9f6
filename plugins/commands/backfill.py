"""The backfill: refuse, create, wait, tell. Called with the arguments of plugins/commands/cli.py."""

import json
import shlex
import sys
from argparse import Namespace
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from include.command import FAILED, STOPPED, SUCCEEDED, typed
from include.errors import Refused
from include.progress import new_console
from include.windows import Window, typed_range
from plugins.commands import metadata, report
from plugins.commands.command import leave, number, wait
from plugins.commands.one_run import Changes, one_run
from plugins.web_ui import address

NOT_OF_ONE_RUN = ("rerun_failed_tasks", "reset_dagruns", "run_backwards", "no_wait", "max_active_runs")
"""Options that say something of many runs."""


def backfill(args: Namespace) -> None:
    """Leaves with the exit code."""
    leave("backfill", cli_backfill, args)


def cli_backfill(args: Namespace) -> int:
    """The exit code."""
    console = new_console()
    if args.attach:
        return _attach(console, args)
    request = _request(args)
    dag = metadata.check_dag(args.dag_id)
    if args.as_one_run:
        return _as_one_run(console, args, request, dag)
    windows = metadata.windows(request, request.reprocess)
    if args.dry_run:
        return _list(console, windows) if windows else _nothing_to_do(console, request)
    _check_none_active(args.dag_id)
    if not windows:
        return _nothing_to_do(console, request)
    _confirm(args, request)
    backfill_id = metadata.create(request, args.max_active_runs or dag.max_active_runs)
    console.print(f"Backfill {backfill_id} of {args.dag_id} created: {number(len(windows), 'window')}")
    _tell_what_catchup_skips(console, dag, windows)
    if args.no_wait:
        console.print(f"Wait for it with: {_attached(args.dag_id)}", soft_wrap=True)
        return SUCCEEDED
    return _wait(console, args.dag_id, backfill_id)


def _as_one_run(console: Console, args: Namespace, request: metadata.Request, dag: metadata.Dag) -> int:
    """The windows as one, in a run of its own: it asks for all of it, also for what has a run already, which stays as it is."""
    if others := [option for option in NOT_OF_ONE_RUN if getattr(args, option)]:
        raise Refused(
            f"--as-one-run starts one run beside all others: --{others[0].replace('_', '-')} has no meaning with it."
        )
    if not dag.takes_a_window:
        raise Refused(f"{args.dag_id} has no parameters start_date and end_date: it cannot run --as-one-run.")
    bounds = [
        bound for window in metadata.windows(request, "completed") for bound in (window.start, window.end) if bound
    ]
    if not bounds:
        return _nothing_to_do(console, request)
    window = Window(min(bounds), max(bounds))
    conf = {**(request.conf or {}), "start_date": window.start.isoformat(), "end_date": window.end.isoformat()}
    if args.dry_run:
        console.print(f"Dry run: one run for {window}, nothing was created.", soft_wrap=True)
        return SUCCEEDED
    console.print(f"Running {args.dag_id} once for {window}", soft_wrap=True)
    return one_run(console, args.dag_id, conf, _changed, _typed_again(args))


def _changed(changes: Changes) -> str:
    _, offered, changed = changes
    return f"Loaded: {changed:,} of {offered:,} rows changed in core."


def _typed_again(args: Namespace) -> str:
    options = [
        (flag, value) for flag, value in (("-s", args.start_date), ("-e", args.end_date), ("-c", args.conf)) if value
    ]
    words = ["airflow", "dags", "backfill", args.dag_id, *(word for option in options for word in option)]
    return typed(shlex.join([*words, "--as-one-run"]))


def _request(args: Namespace) -> metadata.Request:
    start, end = typed_range(args.start_date, args.end_date, datetime.now(UTC))
    if args.rerun_failed_tasks and args.reset_dagruns:
        raise Refused("--rerun-failed-tasks and --reset-dagruns exclude each other: the second includes the first.")
    reprocess = "completed" if args.reset_dagruns else "failed" if args.rerun_failed_tasks else "none"
    return metadata.Request(args.dag_id, start, end, _conf(args.conf), args.run_backwards, reprocess)


def _conf(text: str | None) -> dict[str, Any] | None:
    if not text:
        return None
    try:
        conf = json.loads(text)
    except ValueError as error:
        raise Refused(f"--conf is not JSON: {error}") from None
    if not isinstance(conf, dict):
        raise Refused('--conf is not a JSON object, such as {"locations": ["Boston"]}')
    if {"start_date", "end_date"} & set(conf):
        raise Refused("A start_date or end_date in --conf would give every run the same window: use -s and -e.")
    return conf


def _check_none_active(dag_id: str) -> None:
    """Refused while another backfill of the DAG has runs that have not ended: Airflow allows one."""
    active = metadata.latest(dag_id)
    if active and active.completed is None and not metadata.settle(active.id):
        raise Refused(f"Active already: {active}. Wait for it with: {_attached(dag_id)}")


def _nothing_to_do(console: Console, request: metadata.Request) -> int:
    ended, under_way = len(metadata.windows(request, "completed")), metadata.under_way(request)
    if not ended + under_way:
        raise Refused(f"No window of {request.dag_id} begins and is over between {request.start} and {request.end}.")
    told = [f"Nothing to do: {number(ended + under_way, 'window')} already with a run."]
    if under_way:
        told.append(f"{number(under_way, 'window')} under way.")
    if ended:
        told.append("--rerun-failed-tasks runs those again that failed, --reset-dagruns all of them.")
    console.print(" ".join(told), soft_wrap=True)
    return SUCCEEDED


def _confirm(args: Namespace, request: metadata.Request) -> None:
    """Asks before runs are reset, as Airflow 2 did. Refused when the answer is no, or when nobody can be asked."""
    if not args.reset_dagruns or args.yes:
        return
    cleared = len(metadata.windows(request, "completed")) - len(metadata.windows(request, "none"))
    if not cleared:
        return
    question = f"{number(cleared, 'window')} of {args.dag_id} with a run will run again."
    if not sys.stdin.isatty():
        raise Refused(f"{question} Confirm it with --yes.")
    try:
        answer = input(f"{question} Continue? [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        raise Refused("Nothing was changed.")


def _tell_what_catchup_skips(console: Console, dag: metadata.Dag, windows: list[metadata.Window]) -> None:
    """Airflow 3.3.2 goes on after the latest window that was scheduled or backfilled."""
    first = min((window.start for window in windows if window.start), default=None)
    if first and dag.next_scheduled and dag.next_scheduled < first:
        console.print(
            f"Catchup, which had come to {dag.next_scheduled}, goes on after this backfill and leaves out what lies between: "
            f"`{typed('python -m include gaps')}` lists it with the command that fills it.",
            soft_wrap=True,
        )


def _list(console: Console, windows: list[metadata.Window]) -> int:
    table = Table("logical date", "window from", "to (exclusive)", box=None, pad_edge=False)
    for window in windows:
        table.add_row(window.name, str(window.start or ""), str(window.end or ""))
    console.print(table)
    console.print(f"Dry run: {number(len(windows), 'window')} would run, nothing was created.")
    return SUCCEEDED


def _attach(console: Console, args: Namespace) -> int:
    if args.start_date or args.end_date:
        raise Refused("--attach waits for the backfill there is: it takes no dates.")
    found = metadata.latest(args.dag_id)
    if found is None:
        metadata.check_dag(args.dag_id)
        raise Refused(f"{args.dag_id} has no backfill to wait for.")
    console.print(f"{'Ended' if found.completed else 'Active'}: {found}", soft_wrap=True)
    return _wait(console, args.dag_id, found.id)


def _wait(console: Console, dag_id: str, backfill_id: int) -> int:
    try:
        status = wait(console, dag_id, "windows", lambda: metadata.status_of_backfill(backfill_id))
    except KeyboardInterrupt:
        return _stopped(dag_id, backfill_id)
    if status.skipped:
        console.print(f"{number(status.skipped, 'window')} left alone: they have a run already.")
    if status.has_failed:
        runs = metadata.failed_runs(backfill_id, report.MOST_RUNS, report.MOST_TASKS)
        report.tell_failures(console, dag_id, runs, again(dag_id, runs))
        return FAILED
    return SUCCEEDED


def _stopped(dag_id: str, backfill_id: int) -> int:
    # Airflow 3.3.2 has no command for it: `airflow backfill` only creates.
    print(
        f"\nStopped waiting. Backfill {backfill_id} of {dag_id} goes on.\n"
        f"  wait again: {_attached(dag_id)}\n"
        f"  pause or cancel it in the web UI: {address('dags', dag_id, 'backfills')}\n"
        f"  or over REST: PUT {address('api', 'v2', 'backfills', str(backfill_id), 'pause')} (or /unpause, /cancel)",
        file=sys.stderr,
    )
    return STOPPED


def _attached(dag_id: str) -> str:
    return typed(f"airflow dags backfill {shlex.quote(dag_id)} --attach")


def again(dag_id: str, runs: Sequence[metadata.FailedRun]) -> str:
    """The command that runs the failed windows again; those between them that succeeded are left alone."""
    moments = [run.logical_date for run in runs if run.logical_date]
    if not moments:
        return typed(f"airflow dags clear {shlex.quote(dag_id)} --help")
    days = all(run.window.end and run.window.start and (run.window.end - run.window.start).days for run in runs)
    first, last = as_typed(min(moments), days), as_typed(max(moments), days)
    return typed(f"airflow dags backfill {shlex.quote(dag_id)} -s {first} -e {last} --rerun-failed-tasks")


def as_typed(moment: datetime, day: bool) -> str:
    """How to type a moment: as a date where that means the same and a whole `day` is meant."""
    utc = moment.astimezone(UTC)
    return str(utc.date()) if day and not (utc.hour or utc.minute or utc.second) else utc.isoformat()
