"""`airflow dags backfill` and `replay`: what they read and tell, and Airflow's internals that they stand on."""

import inspect
from argparse import Namespace
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from include.errors import Refused
from include.progress import Counts
from include.windows import Window as Span
from include.windows import typed_range
from plugins.commands import backfill, cli, command, metadata, replay, report
from plugins.commands.metadata import FailedRun, FailedTask, Status, Window
from tests.unit.support import utc

NOW = utc("2026-11-20T12:30")


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


def test_the_commands_join_the_group_dags_once(commands: list[Any]) -> None:
    before = dags_group(commands)
    cli.add_commands()
    cli.add_commands()
    assert sorted(dags_group(commands)) == sorted([*before, "backfill", "replay"])


def test_a_command_of_that_name_in_airflow_wins(commands: list[Any]) -> None:
    cli.add_commands()
    index = next(index for index, command in enumerate(commands) if command.name == "dags")
    theirs = next(command for command in commands[index].subcommands if command.name == "list")._replace(
        name="backfill"
    )
    commands[index] = commands[index]._replace(subcommands=(theirs,))
    cli.add_commands()
    assert commands[index].subcommands[0] == theirs
    assert dags_group(commands) == ["backfill", "replay"]


def test_it_takes_what_airflow_2_users_type(commands: list[Any]) -> None:
    cli.add_commands()
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
    ("words", "reason"),
    [
        ("--reset-dagruns", "--reset-dagruns has no meaning with it"),
        ("--max-active-runs 2", "--max-active-runs has no meaning with it"),
        ("", "weather has no parameters start_date and end_date"),
    ],
)
def test_one_run_that_cannot_be_is_refused(commands: list[Any], words: str, reason: str) -> None:
    cli.add_commands()
    args = parse(commands, *f"backfill weather -s 2026-10-01 --as-one-run {words}".split())
    with pytest.raises(Refused, match=reason):
        backfill._as_one_run(Console(), args, backfill._request(args), metadata.Dag(4, None))


@pytest.mark.parametrize(
    ("conf", "reason"),
    [
        ("{", "not JSON"),
        ("[1]", "not a JSON object"),
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


def test_waiting_shows_what_it_sees_and_survives_a_restart_of_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy.exc import OperationalError

    def status(done: int, failed: int = 0) -> Status:
        return Status(Counts(2, done, 0, failed), is_over=done == 2, has_failed=failed > 0)

    seen: Iterator[Exception | Status] = iter(
        [status(0), OperationalError("select", None, Exception("gone")), status(1), status(2, failed=1)]
    )

    def look() -> Status:
        found = next(seen)
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(command, "POLL_SECONDS", 0)
    out = StringIO()
    assert command.wait(Console(file=out, width=160), "weather", "windows", look) == status(2, failed=1)
    assert [line.split(" done")[0] for line in out.getvalue().splitlines()] == [
        f"weather: {done}/2 windows" for done in (0, 1, 2)
    ]
    assert "1 failed" in out.getvalue()


@pytest.mark.parametrize(("error", "patience"), [("OperationalError", -1), ("ProgrammingError", 300)])
def test_a_database_that_stays_away_ends_the_waiting_and_another_error_at_once(
    error: str, patience: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlalchemy.exc

    kind = getattr(sqlalchemy.exc, error)
    errors = iter([kind("select", None, Exception("no"))])

    def look() -> Status:
        for raised in errors:
            raise raised
        return Status(Counts(1, 1, 0, 0), is_over=True, has_failed=False)

    monkeypatch.setattr(command, "POLL_SECONDS", 0)
    monkeypatch.setattr(command, "PATIENCE_SECONDS", patience)
    with pytest.raises(kind):
        command.wait(Console(file=StringIO()), "weather", "windows", look)


def failed_run(day: int, *tasks: FailedTask, hours: int = 24) -> FailedRun:
    start = utc(f"2026-10-{day:02}")
    return FailedRun(f"run of {day}", Window(str(start), start, start + timedelta(hours=hours)), start, list(tasks))


def told(monkeypatch: pytest.MonkeyPatch, runs: list[FailedRun], ledger: dict[tuple[str, int], str]) -> str:
    monkeypatch.setattr(report, "_ledger", lambda *_: ledger)
    out = StringIO()
    report.tell_failures(Console(file=out, width=80, markup=False), "weather", runs, "airflow dags backfill weather")
    return out.getvalue()


def test_the_report_names_runs_tasks_and_the_first_lines_of_their_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    extract = FailedTask("load.extract [Boston]", 0, "from the log\nTraceback")
    plan = FailedTask("plan", -1, "ValueError: [red]\nmore")
    unknown = FailedTask("load.publish", 1, "")
    # It failed since extract did, and says no more than that.
    publish = FailedTask("load.publish [Boston]", 0, "not published")
    tasks = [extract, publish, plan, unknown, FailedTask("load.extract", 2, ""), FailedTask("load.extract", 3, "")]
    text = told(
        monkeypatch, [failed_run(3, *tasks), failed_run(7, plan)], {("run of 3", 0): "load.extract: from the ledger"}
    )
    assert text.splitlines()[:7] == [
        "2 runs failed:",
        "  run of 3, window from 2026-10-03 00:00",
        "    load.extract [Boston]: from the ledger",
        "    plan: ValueError: [red]",
        "    load.publish: see its log",
        "    and 2 tasks more",
        "  run of 7, window from 2026-10-07 00:00",
    ]
    assert "/dags/weather/runs\n" in text
    assert text.endswith("When the cause is gone:\n  airflow dags backfill weather\n")


def test_the_report_of_one_run_leads_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    text = told(monkeypatch, [failed_run(3)], {})
    assert "no task failed: the backfill was cancelled" in text
    assert "/dags/weather/runs/run%20of%203\n" in text


def test_the_report_is_cut_where_hundreds_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [failed_run(day) for day in range(1, report.MOST_RUNS + 6)]
    text = told(monkeypatch, runs, {})
    assert text.count("run of") == report.MOST_RUNS
    assert "25 runs failed" in text and "and 5 more" in text


def test_what_failed_is_run_again_by_the_days_or_the_hours_of_it() -> None:
    days = backfill.again("weather", [failed_run(3), failed_run(25)])
    assert days == "airflow dags backfill weather -s 2026-10-03 -e 2026-10-25 --rerun-failed-tasks"
    hours = backfill.again("weather", [failed_run(3, hours=1)])
    assert "-s 2026-10-03T00:00:00+00:00 -e 2026-10-03T00:00:00+00:00" in hours


@pytest.mark.parametrize("day", [True, False])
@pytest.mark.parametrize("text", ["2026-10-03", "2026-10-03T06:00"])
def test_what_is_printed_to_be_typed_is_read_as_the_same_moment(text: str, day: bool) -> None:
    assert typed_range(backfill.as_typed(utc(text), day), None, NOW)[0] == utc(text)


def replay_of(commands: list[Any], *words: str) -> replay.Request:
    cli.add_commands()
    return replay.read(parse(commands, "replay", *words), NOW)


def test_a_replay_is_a_run_of_the_half_open_window(commands: list[Any]) -> None:
    conf = {"start_date": "2026-10-01T00:00:00+00:00", "end_date": "2026-11-01T00:00:00+00:00", "replay": True}
    assert replay_of(commands, "weather", "-s", "2026-10-01", "-e", "2026-10-31").conf == conf
    second = replay_of(commands, "weather", "--start-date", "2026-10-01T06:00").window
    assert second == Span(utc("2026-10-01T06:00"), utc("2026-10-01T06:00:01"))


@pytest.mark.parametrize(("dag_id", "param"), [("weather", "locations"), ("wikipedia", "pages")])
def test_a_replay_of_some_places_or_pages(commands: list[Any], dag_id: str, param: str) -> None:
    words = [dag_id, "-s", "2026-10-01", "--only", "New England", "--only", "Boston"]
    assert replay_of(commands, *words).conf[param] == ["New England", "Boston"]
    # A second call has no names of the first.
    assert param not in replay_of(commands, dag_id, "-s", "2026-10-01").conf


@pytest.mark.parametrize("dag_id", ["refresh_marts", "no_such_dag"])
def test_a_replay_of_what_is_not_a_source_is_refused(commands: list[Any], dag_id: str) -> None:
    with pytest.raises(Refused, match=f"{dag_id} is not a source .*: weather, wikipedia"):
        replay_of(commands, dag_id, "-s", "2026-10-01")


def test_a_replay_is_repeated_as_it_was_typed(commands: list[Any]) -> None:
    cli.add_commands()
    words = ["-e", "2026-10-31", "--only", "New England", "--only", "Boston"]
    again = replay.again(parse(commands, "replay", "wikipedia", *words))
    assert again == "airflow dags replay wikipedia -e 2026-10-31 --only 'New England' --only Boston"


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        ({"event": "Task failed", "error_detail": [{"exc_type": "BadResponse", "exc_value": "no"}]}, "BadResponse: no"),
        ({"event": "it broke", "level": "error"}, "it broke"),
        ({"event": "fine", "level": "info"}, ""),
    ],
)
def test_an_error_is_read_from_a_log_entry(entry: dict[str, Any], error: str) -> None:
    assert metadata.error_of(entry) == error


def test_airflow_still_has_the_internals_that_the_commands_stand_on() -> None:
    """Of Airflow 3.3.2. When this fails after an upgrade, plugins/commands/metadata.py and cli.py want a look."""
    from airflow.api.common.trigger_dag import trigger_dag
    from airflow.api_fastapi.common.dagbag import resolve_run_on_latest_version
    from airflow.cli.cli_config import ActionCommand, GroupCommand, core_commands
    from airflow.models import DagModel, DagRun, TaskInstance
    from airflow.models.backfill import Backfill, BackfillDagRun, ReprocessBehavior, _create_backfill, _do_dry_run
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.timetables.base import Timetable
    from airflow.utils.cli import action_cli
    from airflow.utils.log.log_reader import TaskLogReader
    from airflow.utils.state import DagRunState, TaskInstanceState
    from airflow.utils.types import DagRunTriggeredByType

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
    triggered = inspect.signature(trigger_dag).parameters
    assert {"dag_id", "triggered_by", "triggering_user_name", "conf"} <= set(triggered)
    assert triggered["logical_date"].default is None
    assert "CLI" in DagRunTriggeredByType.__members__
    assert {"dag_id", "is_stale", "is_paused", "max_active_runs", "next_dagrun"} <= {
        *columns(DagModel),
        *vars(DagModel),
    }
    assert {"dag_id", "run_id", "state", "data_interval_start", "partition_key", "backfill_id"} <= columns(DagRun)
    assert {"dag_id", "run_id", "map_index", "state", "try_number", "end_date"} <= columns(TaskInstance)
    assert {"success", "failed"} == {state for state in DagRunState if state not in ("queued", "running")}
    unfinished = {state for state in TaskInstanceState if state not in metadata.ENDED}
    assert set(metadata.ENDED) <= set(TaskInstanceState) and not unfinished & {"success", "failed"}
    assert {"dag_id", "session"} <= set(inspect.signature(SerializedDagModel.get).parameters)
    assert {"asset_condition", "periodic"} <= set(vars(Timetable))
    assert "check_db" in inspect.signature(action_cli).parameters
    assert list(inspect.signature(TaskLogReader.read_log_chunks).parameters)[1:] == ["ti", "try_number", "metadata"]
    assert isinstance(core_commands, list)
    assert {"name", "help", "func", "args"} <= set(ActionCommand._fields)
    assert {"name", "subcommands"} <= set(GroupCommand._fields)


def test_airflow_still_looks_for_stored_connections_where_it_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.execution_time.supervisor import ensure_secrets_backend_loaded

    def looks_in_the_database() -> bool:
        return any(type(backend).__name__ == "MetastoreBackend" for backend in ensure_secrets_backend_loaded())

    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "")
    assert not looks_in_the_database()
    metadata.find_stored_connections()
    assert looks_in_the_database()


def columns(model: Any) -> set[str]:
    return set(model.__table__.columns.keys())


def test_nothing_slow_is_imported_before_the_command_runs() -> None:
    import subprocess
    import sys

    code = "import sys, plugins.commands.cli; print({n.split('.')[0] for n in sys.modules} & {'airflow', 'rich', 'sqlalchemy'})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("set()\n", 0), done.stderr
