"""`airflow dags backfill`: how it reads its arguments and tells of failures, and Airflow's internals that it stands on."""

import inspect
from argparse import Namespace
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from plugins.commands import Refused, backfill, cli, metadata, moments, progress, report
from plugins.commands.metadata import Counts, FailedRun, FailedTask, Window
from tests.unit.support import utc


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Airflow's commands, which may be changed."""
    from airflow.cli import cli_config

    monkeypatch.setattr(cli_config, "core_commands", list(cli_config.core_commands))
    return cli_config.core_commands


def dags_group(commands: list[Any]) -> list[str]:
    [group] = [command for command in commands if command.name == "dags"]
    return [command.name for command in group.subcommands]


def parse(commands: list[Any], *words: str) -> Namespace:
    """What Airflow's parser makes of `airflow dags …`."""
    import argparse

    from airflow.cli import cli_parser

    parser = argparse.ArgumentParser()
    [group] = [command for command in commands if command.name == "dags"]
    cli_parser._add_command(parser.add_subparsers(), group)
    return parser.parse_args(["dags", *words])


def test_the_command_joins_the_group_dags_once(commands: list[Any]) -> None:
    before = dags_group(commands)
    cli.add_command()
    cli.add_command()
    assert sorted(dags_group(commands)) == sorted([*before, "backfill"])


def test_a_command_of_that_name_in_airflow_wins(commands: list[Any]) -> None:
    cli.add_command()
    index = next(index for index, command in enumerate(commands) if command.name == "dags")
    theirs = next(command for command in commands[index].subcommands if command.name == "list")._replace(
        name="backfill"
    )
    commands[index] = commands[index]._replace(subcommands=(theirs,))
    cli.add_command()
    assert commands[index].subcommands == (theirs,)


def test_it_takes_what_airflow_2_users_type(commands: list[Any]) -> None:
    cli.add_command()
    short = "backfill weather -s 2026-10-01 -e 2026-10-31 -c {} -B -y --dry-run --rerun-failed-tasks"
    args = parse(commands, *short.split())
    assert (args.dag_id, args.start_date, args.end_date, args.conf) == ("weather", "2026-10-01", "2026-10-31", "{}")
    assert args.run_backwards and args.yes and args.dry_run and args.rerun_failed_tasks and not args.reset_dagruns
    long = (
        "backfill weather --start-date 2026-10-01 --end-date 2026-10-31 --conf {} --run-backwards --yes --reset-dagruns"
    )
    args = parse(commands, *long.split(), "--max-active-runs", "3", "--no-wait")
    assert args.run_backwards and args.yes and args.reset_dagruns and args.no_wait and args.max_active_runs == 3


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2026-01-01", "2026-01-31", ("2026-01-01T00:00:00", "2026-01-31T23:59:59")),
        ("2026-01-01", None, ("2026-01-01T00:00:00", "2026-01-01T23:59:59")),
        (None, "2026-01-31", ("2026-01-31T00:00:00", "2026-01-31T23:59:59")),
        ("2026-01-01T06:00", "2026-01-01T08:00", ("2026-01-01T06:00:00", "2026-01-01T08:00:00")),
        ("2026-01-01T06:00+02:00", "2026-01-01T04:00Z", ("2026-01-01T04:00:00", "2026-01-01T04:00:00")),
    ],
)
def test_both_dates_are_inclusive(start: str | None, end: str | None, expected: tuple[str, str]) -> None:
    assert moments.read_range(start, end) == (utc(expected[0]), utc(expected[1]))


def test_today_can_be_the_last_day() -> None:
    today = str(datetime.now(UTC).date())
    assert moments.read_range(today, today)[0] == utc(today)


TOMORROW = str(datetime.now(UTC).date() + timedelta(days=1))


@pytest.mark.parametrize(
    ("start", "end", "reason"),
    [
        ("2026-01-31", "2026-01-01", "--start-date 2026-01-31 is after --end-date 2026-01-01"),
        ("2026-01-01", TOMORROW, f"--end-date {TOMORROW} lies in the future"),
        (TOMORROW, TOMORROW, f"--start-date {TOMORROW} lies in the future"),
        ("January", "2026-01-31", "--start-date 'January' is no date"),
        ("0001-01-01T00:00+14:00", None, "is no date"),
        ("2026-01-01", "2026-02-30", "--end-date '2026-02-30' is no date"),
        (None, None, "-s 2026-10-01 -e 2026-10-31"),
    ],
)
def test_dates_that_cannot_be_are_refused(start: str | None, end: str | None, reason: str) -> None:
    with pytest.raises(Refused) as refusal:
        moments.read_range(start, end)
    assert reason in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("conf", "reason"),
    [
        ("{", "no JSON"),
        ("[1]", "no JSON object"),
        ('{"start_date": "2026-01-01"}', "same window"),
    ],
)
def test_a_conf_that_cannot_be_is_refused(conf: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        backfill._conf(conf)


def test_resetting_runs_asks_first_and_needs_yes_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    having = {"completed": [Window("a", None, None)] * 3, "none": [Window("a", None, None)]}
    monkeypatch.setattr(metadata, "windows", lambda _, reprocess: having[reprocess])
    request: Any = None
    monkeypatch.setattr("sys.stdin", StringIO())
    args = Namespace(reset_dagruns=True, yes=False, dag_id="weather")
    with pytest.raises(Refused, match=r"2 windows of weather .* --yes"):
        backfill._confirm(args, request)
    backfill._confirm(Namespace(reset_dagruns=True, yes=True, dag_id="weather"), request)

    terminal = StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin", terminal)
    answers = iter(["no", "y"])
    monkeypatch.setattr("builtins.input", lambda _: next(answers))
    with pytest.raises(Refused, match="Nothing was changed"):
        backfill._confirm(args, request)
    backfill._confirm(args, request)
    monkeypatch.undo()
    monkeypatch.setattr(metadata, "windows", lambda _, reprocess: having[reprocess])
    monkeypatch.setattr("sys.stdin", terminal)
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    with pytest.raises(Refused, match="Nothing was changed"):
        backfill._confirm(args, request)  # Ctrl-D


@pytest.mark.parametrize(
    ("next_scheduled", "is_told"), [("2026-10-01", True), ("2026-10-02", False), ("2026-10-05", False), (None, False)]
)
def test_a_backfill_ahead_of_catchup_says_what_catchup_will_leave_out(
    next_scheduled: str | None, is_told: bool
) -> None:
    printed = StringIO()
    windows = [Window(day, utc(day), utc(day) + timedelta(days=1)) for day in ("2026-10-03", "2026-10-02")]
    dag = metadata.Dag(4, utc(next_scheduled) if next_scheduled else None)
    backfill._tell_what_catchup_skips(Console(file=printed, width=300), dag, windows)
    assert ("had come to 2026-10-01" in printed.getvalue()) == is_told


def counts(succeeded: int, failed: int = 0, running: int = 0, queued: int = 0) -> Counts:
    return Counts(succeeded, failed, running, queued, skipped=0, on_hold=False)


def test_the_pace_is_of_the_windows_since_waiting_began() -> None:
    pace = progress.Pace(counts(10, queued=80), now=100)
    assert pace.tell(counts(10, queued=80), now=130) == ""
    assert pace.tell(counts(19, failed=1, queued=70), now=160) == "10.0/min, 0:07:00 left"
    assert pace.tell(counts(90), now=580) == "10.0/min, took 0:08:00"


def test_waiting_prints_a_line_for_each_change_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = [
        counts(0, queued=2),
        counts(0, running=1, queued=1),
        counts(1, queued=1),
        counts(1, queued=1),
        counts(1, 1),
    ]
    seen = iter(steps)
    monkeypatch.setattr(progress, "count", lambda _: next(seen))
    monkeypatch.setattr(progress, "settle", lambda _: True)
    monkeypatch.setattr(progress, "POLL_SECONDS", 0)
    out = StringIO()
    assert progress.wait(Console(file=out, width=160), "weather", 1) == steps[-1]
    lines = [line.split(" windows")[0] for line in out.getvalue().splitlines()]
    assert lines == ["0/2", "1/2", "2/2"]
    assert "1 failed" in out.getvalue()


def test_waiting_survives_a_restart_of_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy.exc import OperationalError

    answers: Iterator[Exception | Counts] = iter([OperationalError("select", None, Exception("gone")), counts(1)])

    def count(_: int) -> Counts:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(progress, "count", count)
    monkeypatch.setattr(progress, "settle", lambda _: True)
    monkeypatch.setattr(progress, "POLL_SECONDS", 0)
    assert progress.wait(Console(file=StringIO()), "weather", 1) == counts(1)


def failed_run(day: int, *tasks: FailedTask, hours: int = 24) -> FailedRun:
    start = utc(f"2026-10-{day:02}")
    return FailedRun(f"run of {day}", Window(str(start), start, start + timedelta(hours=hours)), start, list(tasks))


def told(monkeypatch: pytest.MonkeyPatch, runs: list[FailedRun], ledger: dict[tuple[str, int], str]) -> str:
    monkeypatch.setattr(report, "failed_runs", lambda *_, **__: runs)
    monkeypatch.setattr(report, "_ledger", lambda *_: ledger)
    out = StringIO()
    report.tell_failures(Console(file=out, width=160), "weather", 1)
    return out.getvalue()


def test_the_report_names_run_task_and_the_first_line_of_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    extract = FailedTask("load.extract [Boston]", 0, "from the log\nTraceback")
    plan = FailedTask("plan", -1, "ValueError: [red]\nmore")
    text = told(monkeypatch, [failed_run(3, extract, plan), failed_run(7, plan)], {("run of 3", 0): "from the ledger"})
    first, second = (next(line for line in text.splitlines() if f"run of {day}" in line) for day in (3, 7))
    assert "2026-10-03 00:00" in first
    assert "load.extract [Boston] and 1 more" in first
    assert "from the ledger" in first and "from the log" not in text
    assert "ValueError: [red]" in second and "more" not in second
    assert "airflow dags backfill weather -s 2026-10-03 -e 2026-10-07 --rerun-failed-tasks" in text


def test_the_report_is_cut_where_hundreds_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [failed_run(day) for day in range(1, report.MOST_ROWS + 6)]
    text = told(monkeypatch, runs, {})
    assert text.count("run of") == report.MOST_ROWS
    assert "and 5 more" in text
    assert "-e 2026-10-25" in text


def test_hours_are_named_exactly_when_windows_are_shorter_than_a_day() -> None:
    typed = report.again("weather", [failed_run(3, hours=1)])
    assert "-s 2026-10-03T00:00:00+00:00 -e 2026-10-03T00:00:00+00:00" in typed


@pytest.mark.parametrize("day", [True, False])
@pytest.mark.parametrize("text", ["2026-10-03", "2026-10-03T06:00"])
def test_what_is_printed_to_be_typed_is_read_as_the_same_moment(text: str, day: bool) -> None:
    assert moments.read(moments.typed(utc(text), day), "-s") == utc(text)


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        ({"event": "Task failed", "error_detail": [{"exc_type": "BadAnswer", "exc_value": "no"}]}, "BadAnswer: no"),
        ({"event": "it broke", "level": "error"}, "it broke"),
        ({"event": "fine", "level": "info"}, ""),
    ],
)
def test_an_error_is_read_from_a_log_entry(entry: dict[str, Any], error: str) -> None:
    assert metadata.error_of(entry) == error


def test_airflow_still_has_the_internals_that_the_command_stands_on() -> None:
    """Of Airflow 3.3.2. When this fails after an upgrade, plugins/commands/metadata.py and cli.py want a look."""
    from airflow.api_fastapi.common.dagbag import resolve_run_on_latest_version
    from airflow.cli.cli_config import ActionCommand, GroupCommand, core_commands
    from airflow.models.backfill import Backfill, BackfillDagRun, ReprocessBehavior, _create_backfill, _do_dry_run
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.timetables.base import Timetable
    from airflow.utils.cli import action_cli
    from airflow.utils.log.log_reader import TaskLogReader

    create, dry_run = (
        set(inspect.signature(_create_backfill).parameters),
        set(inspect.signature(_do_dry_run).parameters),
    )
    both = {"dag_id", "from_date", "to_date", "reverse", "reprocess_behavior", "dag_run_conf"}
    assert create == both | {"max_active_runs", "triggering_user_name", "run_on_latest_version"}
    assert dry_run == both | {"session"}
    assert {behavior.value for behavior in ReprocessBehavior} == {"none", "failed", "completed"}
    assert {"id", "dag_id", "from_date", "to_date", "created_at", "completed_at", "is_paused"} <= columns(Backfill)
    assert {"backfill_id", "dag_run_id"} <= columns(BackfillDagRun)
    latest_version = list(inspect.signature(resolve_run_on_latest_version).parameters)
    assert latest_version == ["explicit_value", "dag_id", "session", "fallback"]
    assert {"dag_id", "session"} <= set(inspect.signature(SerializedDagModel.get).parameters)
    assert {"asset_condition", "periodic"} <= set(vars(Timetable))
    assert "check_db" in inspect.signature(action_cli).parameters
    assert list(inspect.signature(TaskLogReader.read_log_chunks).parameters)[1:] == ["ti", "try_number", "metadata"]
    assert isinstance(core_commands, list)
    assert {"name", "help", "func", "args"} <= set(ActionCommand._fields)
    assert {"name", "subcommands"} <= set(GroupCommand._fields)


def columns(model: Any) -> set[str]:
    return set(model.__table__.columns.keys())


def test_nothing_slow_is_imported_before_the_command_runs() -> None:
    import subprocess
    import sys

    code = "import sys, plugins.commands.cli; print({n.split('.')[0] for n in sys.modules} & {'airflow', 'rich', 'sqlalchemy'})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("set()\n", 0), done.stderr
