"""The command itself: refuse, create, wait, tell. Called with the arguments of plugins/commands/cli.py."""

import json
import sys
from argparse import Namespace
from typing import Any

from rich.console import Console
from rich.table import Table

from plugins.commands import Refused, metadata, moments, progress, report

NARROWEST = 160
"""Columns where the output is no terminal: rich would fold a table to 80."""

SUCCEEDED, FAILED, REFUSED, STOPPED = 0, 1, 2, 130


def backfill(args: Namespace) -> None:
    """Leaves with the exit code; never with a traceback for what a user can cause."""
    try:
        code = _checked(args)
    except Refused as refusal:
        code = _say(str(refusal))
    except KeyboardInterrupt:
        _say("Stopped.")
        code = STOPPED
    except Exception as error:
        if not metadata.is_unreachable(error):
            raise
        reason = " ".join(str(getattr(error, "orig", error)).split())
        code = _say(f"Airflow's metadata database does not answer: {reason}")
    sys.exit(code)


def _checked(args: Namespace) -> int:
    # Before Airflow notes the command in its audit log, which it does not without a long warning when the database is down.
    metadata.check_database()
    from airflow.utils import cli

    _hush()
    decorate: Any = cli.action_cli(check_db=False)  # type: ignore[no-untyped-call]
    return int(decorate(cli_backfill)(args))


def _hush() -> None:
    """Airflow 3.3.2 logs two lines for each run it creates, to standard output."""
    import logging

    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


def cli_backfill(args: Namespace) -> int:
    """The exit code. Airflow's audit log shows the command under the name of this function."""
    console = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else NARROWEST)
    if args.attach:
        return _attach(console, args)
    request = _request(args)
    dag = metadata.check_dag(args.dag_id)
    windows = metadata.windows(request, request.reprocess)
    if args.dry_run:
        return _list(console, windows) if windows else _nothing_to_do(console, request)
    _check_none_active(args.dag_id)
    if not windows:
        return _nothing_to_do(console, request)
    _confirm(args, request)
    backfill_id = metadata.create(request, args.max_active_runs or dag.max_active_runs)
    console.print(f"Backfill {backfill_id} of {args.dag_id} created: {_number(len(windows))}")
    _tell_what_catchup_skips(console, dag, windows)
    if args.no_wait:
        console.print(f"Wait for it with: airflow dags backfill {args.dag_id} --attach", soft_wrap=True)
        return SUCCEEDED
    return _wait(console, args.dag_id, backfill_id)


def _request(args: Namespace) -> metadata.Request:
    start, end = moments.read_range(args.start_date, args.end_date)
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
        raise Refused(f"--conf is no JSON: {error}") from None
    if not isinstance(conf, dict):
        raise Refused('--conf is no JSON object, such as {"locations": ["Boston"]}')
    if {"start_date", "end_date"} & set(conf):
        raise Refused("A start_date or end_date in --conf would give every run the same window: use -s and -e.")
    return conf


def _check_none_active(dag_id: str) -> None:
    """Refused while another backfill of the DAG has runs that have not ended: Airflow allows one."""
    active = metadata.latest(dag_id)
    if active and active.completed is None and not metadata.settle(active.id):
        raise Refused(f"Active already: {active}. Wait for it with: airflow dags backfill {dag_id} --attach")


def _nothing_to_do(console: Console, request: metadata.Request) -> int:
    ended, under_way = len(metadata.windows(request, "completed")), metadata.under_way(request)
    if not ended + under_way:
        raise Refused(f"No window of {request.dag_id} begins and is over between {request.start} and {request.end}.")
    told = [f"Nothing to do: {_number(ended + under_way)} already with a run."]
    if under_way:
        told.append(f"{_number(under_way)} under way.")
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
    question = f"{_number(cleared)} of {args.dag_id} with a run will run again."
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
            "`python -m include gaps` lists it with the command that fills it.",
            soft_wrap=True,
        )


def _list(console: Console, windows: list[metadata.Window]) -> int:
    table = Table("logical date", "window from", "to (exclusive)", box=None, pad_edge=False)
    for window in windows:
        table.add_row(window.name, str(window.start or ""), str(window.end or ""))
    console.print(table)
    console.print(f"Dry run: {_number(len(windows))} would run, nothing was created.")
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
        counts = progress.wait(console, dag_id, backfill_id)
    except KeyboardInterrupt:
        return _stopped(dag_id, backfill_id)
    if counts.skipped:
        console.print(f"{_number(counts.skipped)} left alone: they have a run already.")
    if counts.failed:
        report.tell_failures(console, dag_id, backfill_id)
        return FAILED
    return SUCCEEDED


def _stopped(dag_id: str, backfill_id: int) -> int:
    from airflow.configuration import conf

    # Airflow 3.3.2 has no command for it: `airflow backfill` only creates.
    address = conf.get("api", "base_url", fallback="").rstrip("/")
    _say(
        f"\nStopped waiting. Backfill {backfill_id} of {dag_id} goes on.\n"
        f"  wait again: airflow dags backfill {dag_id} --attach\n"
        f"  pause or cancel it in the web UI: {address}/dags/{dag_id}/backfills\n"
        f"  or over REST: PUT {address}/api/v2/backfills/{backfill_id}/pause (or /unpause, /cancel)"
    )
    return STOPPED


def _number(windows: int) -> str:
    return f"{windows} window{'' if windows == 1 else 's'}"


def _say(text: str) -> int:
    print(text, file=sys.stderr)
    return REFUSED
