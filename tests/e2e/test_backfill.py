"""`airflow dags backfill` as a user types it, for a DAG with daily windows."""

import os
import pty
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from threading import Timer
from urllib.parse import quote

import pytest
from airflow_client.client import BackfillApi, BackfillResponse, DAGApi

from sandbox import Fault
from tests.e2e.stack import COMMAND_SECONDS, Run, Stack, day_of, fresh_terminal, wait_for

DAG = "weather_by_day"
"""`weather` with daily windows: the stack's own has none, so that nothing is due by the clock."""

Answer = subprocess.CompletedProcess[str]
BOSTON = """-c '{"locations": ["Boston"]}'"""
HOURS = """
    SELECT observed_at::date::text, count(*), count(DISTINCT location_id), count(temperature_celsius) FROM core.weather
    WHERE observed_at >= %s AND observed_at < %s GROUP BY 1 ORDER BY 1
"""


@pytest.fixture(scope="module", autouse=True)
def daily(running: Stack) -> Iterator[None]:
    """The DAG is there during these tests."""
    dags = running.repo / "dags"
    text = (dags / "weather.py").read_text()
    for old, new in (('dag_id="weather"', f'dag_id="{DAG}"'), ("of_source.schedule", '"@daily"')):
        assert old in text
        text = text.replace(old, new)
    file = dags / f"{DAG}.py"
    file.write_text(text)
    wait_for(f"the DAG {DAG}", lambda: DAG in known(running))
    yield
    file.unlink()
    wait_for(f"the end of the DAG {DAG}", lambda: DAG not in known(running))
    # `airflow dags list` would go on listing it.
    DAGApi(running.api).delete_dag(DAG)


def known(stack: Stack) -> list[str]:
    return [dag.dag_id for dag in DAGApi(stack.api).get_dags(limit=100).dags]


@pytest.fixture
def backfill(stack: Stack) -> Callable[[str], Answer]:
    """Runs `airflow dags backfill` with these words in a user's shell."""
    return lambda words: stack.shell(f"airflow dags backfill {words}")


def backfills(stack: Stack, dag_id: str = DAG) -> list[BackfillResponse]:
    return list(BackfillApi(stack.api).list_backfills(dag_id, limit=100).backfills)


def test_airflow_lists_the_commands(stack: Stack) -> None:
    answer = stack.shell("airflow dags --help")
    assert answer.returncode == 0, answer.stderr
    for name in ("backfill", "replay"):
        assert re.search(rf"^ +{name} +\w", answer.stdout, re.MULTILINE)


def test_three_days_are_loaded_and_a_second_time_is_nothing_to_do(
    stack: Stack, backfill: Callable[[str], Answer]
) -> None:
    answer = backfill(f"{DAG} -s 2022-03-01 -e 2022-03-03")
    assert answer.returncode == 0, f"{answer.stdout}\n{answer.stderr}"
    newest = max(row.id for row in backfills(stack))
    lines = answer.stdout.splitlines()
    assert lines[0] == f"Backfill {newest} of {DAG} created: 3 windows"
    assert lines[-1].startswith(f"{DAG}: 3/3 windows done, 0 running, 0 failed")
    days = ["2022-03-01", "2022-03-02", "2022-03-03"]
    assert stack.sql(HOURS, "2022-02-27", "2022-03-06") == [(day, 240, 10, 240) for day in days]

    for dry_run in ("--dry-run", ""):
        again = backfill(f"{DAG} -s 2022-03-01 -e 2022-03-03 {dry_run}")
        assert again.returncode == 0, again.stderr
        assert "Nothing to do: 3 windows" in again.stdout and "--reset-dagruns" in again.stdout
    assert max(row.id for row in backfills(stack)) == newest


def test_a_failed_window_is_told_and_its_command_repairs_it(stack: Stack, backfill: Callable[[str], Answer]) -> None:
    refused = Fault.bad_request("No such archive", times=None, when=lambda request: "2022-04-02" in request.query)
    stack.sandbox.faults.append(refused)
    answer = backfill(f"{DAG} -s 2022-04-01 -e 2022-04-03 {BOSTON}")
    assert answer.returncode == 1, f"{answer.stdout}\n{answer.stderr}"
    [run] = [run for run in stack.runs(DAG) if run.state == "failed"]
    assert day_of(run.logical_date) == "2022-04-02"
    _, told = answer.stdout.split(f"1 run failed:\n  {run.dag_run_id}, window from 2022-04-02 00:00\n")
    assert re.match(r"    load.extract \[Boston .*\]: weather, .*UTC: HTTP 400.*No such archive", told)
    assert f"\nAll of it: {stack.address}/dags/{DAG}/runs/{quote(run.dag_run_id, safe='')}\n" in told
    assert "Traceback" not in answer.stdout + answer.stderr
    [command] = re.findall(r"airflow dags backfill (.*--rerun-failed-tasks)", answer.stdout)
    assert command == f"{DAG} -s 2022-04-02 -e 2022-04-02 --rerun-failed-tasks"

    stack.sandbox.faults.clear()
    since = len(stack.sandbox.requests)
    repaired = backfill(command)
    assert repaired.returncode == 0, f"{repaired.stdout}\n{repaired.stderr}"
    assert len(stack.sandbox.requests) == since + 1
    days = ["2022-04-01", "2022-04-02", "2022-04-03"]
    assert stack.sql(HOURS, "2022-03-20", "2022-04-10") == [(day, 24, 1, 24) for day in days]


def test_a_dry_run_lists_windows_and_creates_nothing(stack: Stack, backfill: Callable[[str], Answer]) -> None:
    before = (backfills(stack), len(stack.runs(DAG)))
    answer = backfill(f"{DAG} -s 2022-05-01 -e 2022-05-03 -B --dry-run")
    assert answer.returncode == 0, answer.stderr
    assert re.findall(r"^2022-05-0\d", answer.stdout, re.MULTILINE) == ["2022-05-03", "2022-05-02", "2022-05-01"]
    assert (backfills(stack), len(stack.runs(DAG))) == before


def test_three_days_are_loaded_by_one_run(stack: Stack, backfill: Callable[[str], Answer]) -> None:
    before = (backfills(stack), len(stack.runs(DAG)))
    words = f"{DAG} -s 2022-05-11 -e 2022-05-13 {BOSTON} --as-one-run"
    listed = backfill(f"{words} --dry-run")
    assert "one run for [2022-05-11, 2022-05-14) UTC" in listed.stdout, listed.stdout + listed.stderr
    assert (backfills(stack), len(stack.runs(DAG))) == before
    answer = backfill(words)
    assert answer.returncode == 0, f"{answer.stdout}\n{answer.stderr}"
    assert "Loaded: 72 of 72 rows changed in core." in answer.stdout
    assert stack.sql(HOURS, "2022-05-08", "2022-05-20") == [(f"2022-05-{day}", 24, 1, 24) for day in (11, 12, 13)]
    assert (backfills(stack), len(stack.runs(DAG))) == (before[0], before[1] + 1)

    # It is no run of these windows: they are still to be had, and find nothing to change.
    again = backfill(words)
    assert "Loaded: 0 of 72 rows changed in core." in again.stdout, again.stdout + again.stderr


def test_no_wait_then_refused_beside_it_then_attached(stack: Stack, backfill: Callable[[str], Answer]) -> None:
    stack.sandbox.faults.append(Fault.slow(20, times=1))
    answer = backfill(f"{DAG} -s 2022-06-01 -e 2022-06-02 --no-wait {BOSTON}")
    assert answer.returncode == 0, answer.stderr
    [number] = re.findall(rf"^Backfill (\d+) of {DAG} created: 2 windows$", answer.stdout, re.MULTILINE)
    assert backfills(stack)[-1].completed_at is None

    beside = backfill(f"{DAG} -s 2022-07-01")
    assert beside.returncode == 2
    assert beside.stderr.count("\n") == 1
    assert f"backfill {number} of {DAG} (2022-06-01" in beside.stderr and "--attach" in beside.stderr

    attached = backfill(f"{DAG} --attach")
    assert attached.returncode == 0, f"{attached.stdout}\n{attached.stderr}"
    assert "2/2 windows done" in attached.stdout
    assert stack.sql(HOURS, "2022-05-20", "2022-07-10") == [("2022-06-01", 24, 1, 24), ("2022-06-02", 24, 1, 24)]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (f"{DAG} -s someday", "-s must be a date"),
        ("no_such_dag -s 2022-01-01", "no_such_dag"),
        ("refresh_marts -s 2022-01-01", "airflow dags trigger refresh_marts"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    words: str, reason: str, stack: Stack, backfill: Callable[[str], Answer]
) -> None:
    before = backfills(stack)
    refused_in_one_line(backfill(words), reason)
    assert backfills(stack) == before


def test_a_paused_dag_is_refused(stack: Stack, backfill: Callable[[str], Answer]) -> None:
    set_paused = partial(stack.shell, f"airflow dags pause -y {DAG}")
    assert set_paused().returncode == 0
    try:
        refused_in_one_line(backfill(f"{DAG} -s 2022-01-01"), f"airflow dags unpause {DAG}")
    finally:
        assert stack.shell(f"airflow dags unpause -y {DAG}").returncode == 0


def test_a_metadata_database_that_is_down_is_told_in_one_line(stack: Stack) -> None:
    nowhere = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=postgresql+psycopg2://airflow:airflow@127.0.0.1:1/airflow"
    answer = stack.shell(f"{nowhere} airflow dags backfill {DAG} -s 2022-01-01")
    refused_in_one_line(answer, "metadata database")


def test_a_metadata_database_without_tables_is_told_in_one_line(stack: Stack) -> None:
    warehouse = 'AIRFLOW__DATABASE__SQL_ALCHEMY_CONN="${WAREHOUSE_URL/postgresql/postgresql+psycopg2}"'
    answer = stack.shell(f"{warehouse} airflow dags backfill {DAG} -s 2022-01-01")
    refused_in_one_line(answer, "airflow db migrate")


def refused_in_one_line(answer: Answer, reason: str) -> None:
    assert answer.returncode == 2, f"{answer.stdout}\n{answer.stderr}"
    assert reason in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert "Traceback" not in answer.stdout + answer.stderr


def test_ctrl_c_stops_waiting_and_the_backfill_goes_on(stack: Stack) -> None:
    stack.sandbox.faults.append(Fault.slow(20, times=1))
    words = f"airflow dags backfill {DAG} -s 2022-08-01 -e 2022-08-02 {BOSTON}"
    command = subprocess.Popen(
        # A shell that runs the tests in its background has them, and all that they start, ignore Ctrl-C.
        ["env", "--default-signal=INT", "bash", "-c", f". .local/env\nexec {words}"],
        cwd=stack.repo,
        env=fresh_terminal(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert command.stdout
    while (line := command.stdout.readline()) and "windows done" not in line:
        pass
    command.send_signal(signal.SIGINT)
    _, told = command.communicate(timeout=60)
    assert command.returncode == 130, told
    assert "Traceback" not in told
    number = backfills(stack)[-1].id
    assert f"Backfill {number} of {DAG} goes on" in told
    assert f"{stack.address}/dags/{DAG}/backfills" in told
    assert f"/api/v2/backfills/{number}/pause" in told
    wait_for(f"the end of backfill {number}", lambda: hours(stack, "2022-08-01", "2022-08-03") == 48)


def test_a_window_whose_run_is_under_way_is_left_alone(stack: Stack, backfill: Callable[[str], Answer]) -> None:
    assert backfill(f"{DAG} -s 2022-09-01 {BOSTON}").returncode == 0
    run = Run(stack, DAG, "backfill__2022-09-02T00:00:00+00:00")
    stack.sandbox.faults.append(Fault.slow(20, times=1))
    run.clear()
    answer = backfill(f"{DAG} -s 2022-09-01 --reset-dagruns --yes")
    assert answer.returncode == 0, f"{answer.stdout}\n{answer.stderr}"
    assert answer.stdout == "Nothing to do: 1 window already with a run. 1 window under way.\n"
    run.wait("success")


def test_a_cancelled_backfill_ends_and_says_so(stack: Stack, backfill: Callable[[str], Answer]) -> None:
    stack.sandbox.faults.append(Fault.slow(20, times=1))
    words = f"{DAG} -s 2022-10-01 -e 2022-10-03 --max-active-runs 1 --no-wait {BOSTON}"
    assert backfill(words).returncode == 0
    number = backfills(stack)[-1].id
    wait_for("the first of three runs", lambda: "running" in states_of(stack, "2022-10"))
    BackfillApi(stack.api).cancel_backfill(number)
    answer = backfill(f"{DAG} --attach")
    assert answer.returncode == 1, f"{answer.stdout}\n{answer.stderr}"
    assert "3/3 windows done, 0 running, 2 failed" in answer.stdout
    assert answer.stdout.count("the backfill was cancelled") == 2
    assert states_of(stack, "2022-10") == ["failed", "failed", "success"]


def states_of(stack: Stack, month: str) -> list[str]:
    # A run of all days at once has no logical date.
    runs = [run for run in stack.runs(DAG) if run.logical_date]
    return sorted(run.state.value for run in runs if day_of(run.logical_date).startswith(month))


def test_a_backfill_that_never_got_its_runs_is_not_waited_for(stack: Stack, backfill: Callable[[str], Answer]) -> None:
    """Such a one is left when its command is killed at once; Airflow ends it after two minutes."""
    made = stack.shell(f"python -c '{WITHOUT_RUNS}'")
    assert made.returncode == 0, made.stderr
    answer = backfill("wikipedia --attach")
    assert answer.returncode == 0, f"{answer.stdout}\n{answer.stderr}"
    assert "0/0 windows done" in answer.stdout


WITHOUT_RUNS = """
from airflow.models.backfill import Backfill
from airflow.utils.session import create_session
from datetime import datetime, UTC

day = datetime(2022, 1, 1, tzinfo=UTC)
with create_session() as session:
    session.add(Backfill(dag_id="wikipedia", from_date=day, to_date=day, max_active_runs=1, completed_at=day))
"""


def test_on_a_terminal_it_draws_a_bar(stack: Stack) -> None:
    ours, theirs = pty.openpty()
    command = subprocess.Popen(
        ["bash", "-c", f". .local/env\nexec airflow dags backfill {DAG} -s 2022-11-01 {BOSTON}"],
        cwd=stack.repo,
        env=fresh_terminal() | {"TERM": "xterm", "COLUMNS": "120"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    too_long = Timer(COMMAND_SECONDS, command.kill)
    too_long.daemon = True
    too_long.start()
    screen = "".join(read_to_the_end(ours))
    assert command.wait() == 0, screen
    too_long.cancel()
    assert "0/1 windows done" in screen
    assert re.search(f"{DAG} .*━{{20}}.* 1/1 windows done, 0 running, 0 failed, .*/min, took 0:00:", screen)


def read_to_the_end(terminal: int) -> Iterator[str]:
    with open(terminal, encoding="utf-8", errors="replace", newline="") as opened, suppress(OSError):
        # Linux has an error for the end of a terminal.
        while part := opened.read(1):
            yield part


def hours(stack: Stack, start: str, end: str) -> int:
    return sum(row[1] for row in stack.sql(HOURS, start, end))
