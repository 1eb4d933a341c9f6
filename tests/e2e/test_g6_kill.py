"""G6 on a running stack: what is killed with SIGKILL comes back, and the runs that were under way complete by themselves."""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psutil
import psycopg
import pytest

from local import rest
from local.leftovers import orphans
from local.supervisor import Supervisor
from sandbox import Fault
from tests.e2e import expected
from tests.e2e.stack import Run, Stack, wait_for

STEPS = ("load.extract", "load.transform", "load.validate", "load.publish")
TABLES = {
    "load.transform": "staging.weather",
    "load.validate": "audit.validation_result",
    "load.publish": "core.weather_daily",
}
"""What a task writes: it can be held there."""
HEALTHY = ("metadatabase", "scheduler", "dag_processor")
PROGRAMS = ("scheduler", "dag-processor", "api-server", "triggerer", "postgres", "supervisord")
SECONDS_OF_A_RUN = 4
"""From the trigger to the refreshed mart."""


@pytest.fixture(autouse=True)
def whole_again(running: Stack) -> Iterator[None]:
    """The next test finds a healthy stack."""
    yield
    running.sandbox.faults.clear()
    wait_for("a healthy stack", lambda: is_healthy(running))


def is_healthy(stack: Stack) -> bool:
    health = rest.health(stack.address)
    return all(health.get(name) == "healthy" for name in HEALTHY)


def kill(pid: int, of: int) -> None:
    """SIGKILL to a process of the stack: `pid` must descend from (or be) the process `of`, which its supervisor started."""
    assert of in [pid, *(parent.pid for parent in psutil.Process(pid).parents())]
    os.kill(pid, signal.SIGKILL)


def process_of(run: Run, task_id: str) -> int:
    """The pid of the task, once it runs."""

    def running() -> list[int]:
        return [task.pid for task in run.tasks(task_id) if task.state == "running" and task.pid]

    return int(wait_for(f"a process of {task_id}", running)[0])


@contextmanager
def held(stack: Stack, table: str) -> Iterator[Callable[[], Any]]:
    """The table is locked during the block; yields a wait until a task stands before the lock."""
    waiting = "SELECT 1 FROM pg_locks WHERE relation = %s::regclass AND NOT granted"
    with psycopg.connect(stack.warehouse_url) as connection:
        connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        yield lambda: wait_for(f"a task at {table}", lambda: stack.sql(waiting, table))


def supervisord(stack: Stack) -> int:
    """Its pid."""
    return int((stack.paths.state / "supervisord.pid").read_text())


def stop_within_a_transaction(stack: Stack, scheduler: int) -> None:
    """SIGSTOP to the scheduler while it has locked a run."""
    locked = """
        SELECT activity.pid, activity.xact_start FROM pg_locks JOIN pg_stat_activity AS activity USING (pid)
        WHERE relation = 'dag_run'::regclass AND mode = 'RowShareLock' AND state = 'idle in transaction'
    """

    def stopped() -> bool:
        os.kill(scheduler, signal.SIGSTOP)
        first = connection.execute(locked).fetchall()
        # The web server locks runs as well, for a moment.
        time.sleep(0.5 if first else 0)
        if set(first) & set(connection.execute(locked).fetchall()):
            return True
        os.kill(scheduler, signal.SIGCONT)
        return False

    socket = str(stack.paths.short / "postgres")
    with psycopg.connect(host=socket, user="airflow", dbname="airflow", autocommit=True) as connection:
        wait_for("a transaction of the scheduler", stopped)


def check_published(run: Run, start: str, end: str) -> None:
    """The run has ended well, and core and mart hold what the service says."""
    run.wait("success")
    run.wait_for_marts()
    assert run.loads("status") == [("published",)]
    rows = expected.weather_mart(run.stack, start, end)
    assert rows
    assert rows == [row for row in expected.daily_weather(run.stack, start, end) if row[0] == "Boston"]


def load_of_boston(stack: Stack, start: str, end: str) -> Run:
    return stack.trigger("weather", start, end, locations=["Boston"])


def extracting(stack: Stack, start: str, end: str, seconds: float) -> Run:
    """A run that has asked its service, which takes its time to answer."""
    since = len(stack.sandbox.requests)
    stack.sandbox.faults.append(Fault.slow(seconds, times=1))
    run = load_of_boston(stack, start, end)
    wait_for("a request", lambda: len(stack.sandbox.requests) > since)
    return run


def test_a_killed_task_is_tried_again(stack: Stack) -> None:
    window = ("2020-03-01", "2020-03-02")
    scheduler = stack.processes()["scheduler"]
    run = extracting(stack, *window, seconds=60)
    kill(process_of(run, "load.extract"), scheduler)
    for task_id, table in TABLES.items():
        with held(stack, table) as wait_for_the_task:
            wait_for_the_task()
            kill(process_of(run, task_id), scheduler)
    check_published(run, *window)
    assert [run.task(step, 0).try_number for step in STEPS] == [2, 2, 2, 2]


def test_a_killed_worker_is_noticed(stack: Stack) -> None:
    """It is the parent of the task, and no one tells the scheduler: the task falls silent."""
    window = ("2020-03-21", "2020-03-22")
    run = extracting(stack, *window, seconds=60)
    worker = psutil.Process(process_of(run, "load.extract")).ppid()
    kill(worker, stack.processes()["scheduler"])
    check_published(run, *window)
    assert run.task("load.extract", 0).try_number == 2


def test_a_killed_scheduler_comes_back_and_completes_its_runs(stack: Stack) -> None:
    window = ("2020-04-01", "2020-04-02")
    scheduler = stack.processes()["scheduler"]
    run = extracting(stack, *window, seconds=3)
    kill(scheduler, scheduler)
    check_published(run, *window)
    assert stack.processes()["scheduler"] != scheduler


def test_a_scheduler_killed_within_a_transaction_leaves_no_lock_behind(stack: Stack) -> None:
    """Its workers survive it, and have inherited its connection."""
    window = ("2020-04-21", "2020-04-22")
    scheduler = stack.processes()["scheduler"]
    run = load_of_boston(stack, *window)
    stop_within_a_transaction(stack, scheduler)
    kill(scheduler, scheduler)
    check_published(run, *window)


def test_up_ends_what_a_killed_supervisord_left_within_a_transaction(stack: Stack) -> None:
    """The scheduler does not even answer a polite signal."""
    window = ("2020-05-01", "2020-05-02")
    run = load_of_boston(stack, *window)
    stop_within_a_transaction(stack, stack.processes()["scheduler"])
    os.kill(supervisord(stack), signal.SIGKILL)
    left = stack.local("status")
    assert left.returncode == 1
    assert "processes are left over" in left.stdout
    address = stack.address
    up = stack.local("up")
    assert up.returncode == 0, f"{up.stdout}\n{up.stderr}"
    assert address in up.stdout  # its port was free again
    check_published(run, *window)


@pytest.mark.parametrize(("day", "program"), [(1 + 3 * place, name) for place, name in enumerate(PROGRAMS)])
def test_whatever_is_killed_at_any_moment_the_run_completes(day: int, program: str, stack: Stack) -> None:
    """By itself; without supervisord, after `make up`."""
    seed = random.randrange(1000)
    print(f"seed {seed}")
    window = (f"2020-06-{day:02}", f"2020-06-{day + 1:02}")  # apart: a local date reaches into the next UTC day
    victim = supervisord(stack) if program == "supervisord" else stack.processes()[program]
    run = load_of_boston(stack, *window)
    time.sleep(random.Random(seed).uniform(0, SECONDS_OF_A_RUN))
    os.kill(victim, signal.SIGKILL)
    if program == "supervisord":
        wait_for("its end", lambda: not Supervisor(stack.paths).is_up())
        up = stack.local("up")
        assert up.returncode == 0, f"{up.stdout}\n{up.stderr}"
    else:
        wait_for(f"another {program}", lambda: stack.processes().get(program, victim) != victim)
    wait_for("a healthy stack", lambda: is_healthy(stack))
    check_published(run, *window)
    # One whose parent ended a moment ago ends as well; what a killed one has left does not.
    wait_for("the end of orphans", lambda: orphans(stack.paths) == [])


def test_a_database_that_stays_away_is_started_by_up_and_the_run_completes(stack: Stack) -> None:
    window = ("2020-05-11", "2020-05-12")
    run = extracting(stack, *window, seconds=10)
    stack.stop("postgres")
    assert stack.local("status").returncode == 1
    gaps = stack.shell("python -m include gaps")
    assert gaps.returncode == 2
    assert gaps.stderr.startswith("gaps: the warehouse does not answer, `make up` starts it: ")
    up = stack.local("up")
    assert up.returncode == 0, f"{up.stdout}\n{up.stderr}"
    check_published(run, *window)


def test_a_killed_database_comes_back_and_completes_the_run(stack: Stack) -> None:
    window = ("2020-04-11", "2020-04-12")
    server = stack.processes()["postgres"]
    run = load_of_boston(stack, *window)
    with suppress(psycopg.OperationalError), held(stack, "core.weather_daily") as wait_for_the_task:
        wait_for_the_task()
        kill(server, server)
    wait_for("another server", lambda: stack.processes().get("postgres", server) != server)
    wait_for("a healthy stack", lambda: is_healthy(stack))
    check_published(run, *window)
