"""`make bench`: how fast the local stack is, as a table for docs/benchmarks.md.

Everything is measured on a stack of its own, in a temporary copy of the checkout, against a sandbox in this process: from the
REST call that triggers a run to the mart that shows its rows, as the ledger notes it.
"""

import os
import platform
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psutil

from sandbox import Sandbox
from tests.e2e.stack import Run, Stack, Task, copy_checkout, wait_for

REPEATS = 7
STEPS = ("plan", "load.extract", "load.transform", "load.validate", "load.publish")
WHATS_LEFT = """
    SELECT count(*) FROM audit.load
    WHERE dag_id = %s AND run_id = %s AND (marts_refreshed_at IS NULL OR marts_due_since IS NOT NULL)
"""


def main() -> int:
    """Prints the tables; the exit code is that of the stack's start."""
    home = Path(tempfile.mkdtemp(prefix="dw bench "))
    try:
        copy_checkout(home)
        shutil.copy2(Path(__file__).with_name("nothing.py"), home / "dags")
        with Sandbox(limits=False) as sandbox:
            stack = Stack(home, sandbox)
            stack.settings |= {"DW_WEATHER_SCHEDULE": "@daily", "DW_WEATHER_PLACES_PER_BATCH": "100"}
            try:
                began = time.monotonic()
                started = stack.local("up")
                print(started.stdout + started.stderr, file=sys.stderr)
                if started.returncode == 0:
                    report(stack, time.monotonic() - began)
                return started.returncode
            finally:
                stack.local("down")
    finally:
        shutil.rmtree(home)


def report(stack: Stack, start_seconds: float) -> None:
    """Measures everything and prints it as Markdown."""
    warm_up(stack)
    day, tasks_of_a_day = timed(stack, [(f"2018-01-{day}", f"2018-01-{day + 1}") for day in range(10, 10 + REPEATS)])
    year, tasks_of_a_year = timed(stack, [(f"{year}-01-01", f"{year + 1}-01-01") for year in (2012, 2016, 2020)])
    command = "`airflow dags backfill`"
    rows = [
        ("`make up` with everything installed", [start_seconds]),
        ("one day of ten places: trigger to refreshed mart, warm", day),
        ("one month of ten places in one run", repeated(lambda: window(stack, "2020-03-01", "2020-04-01"), 3)),
        ("one year of ten places in one run (87,840 rows)", year),
        (
            "the last of these years once more, nothing changed",
            repeated(lambda: window(stack, "2020-01-01", "2021-01-01"), 3),
        ),
        (f"{command} of 90 daily windows: the command", [backfill(stack, "weather")]),
        (f"{command} of 90 windows of a DAG of the same shape whose tasks do nothing", [backfill(stack, "nothing")]),
    ]
    print(machine())
    print(table("what", rows))
    for run, tasks in (("one-day", tasks_of_a_day), ("one-year", tasks_of_a_year)):
        print(table(f"task of the {run} run", [(f"`{task_id}`", seconds) for task_id, seconds in tasks.items()]))
    print(table("of them Airflow's own", [("a task that does nothing", tasks_that_do_nothing(stack))]))


def warm_up(stack: Stack) -> None:
    """Each of the executor's workers runs its first tasks."""
    for day in range(1, 4):
        window(stack, f"2018-01-0{day}", f"2018-01-0{day + 1}")


def timed(stack: Stack, windows: list[tuple[str, str]]) -> tuple[list[float], dict[str, list[float]]]:
    """Seconds of the whole, and of each task, for a run of each window."""
    totals: list[float] = []
    tasks: dict[str, list[float]] = {task_id: [] for task_id in STEPS}
    for start, end in windows:
        began = time.monotonic()
        run = loaded(stack, start, end)
        totals.append(time.monotonic() - began)
        run.wait("success")
        for task in (task for task in run.tasks() if task.task_id in tasks):
            tasks[task.task_id].append(seconds_of(task))
    return totals, tasks


def tasks_that_do_nothing(stack: Stack) -> list[float]:
    """Seconds of each task that a worker had, of a backfill whose tasks do nothing."""
    runs = [Run(stack, "nothing", run.dag_run_id) for run in stack.runs("nothing")]
    return [seconds_of(task) for run in runs for task in run.tasks() if task.task_id in STEPS]


def seconds_of(task: Task) -> float:
    """From its start to its end, of a task that ended."""
    assert task.started and task.ended
    return (task.ended - task.started).total_seconds()


def window(stack: Stack, start: str, end: str) -> float:
    """Seconds from the trigger to the refreshed mart."""
    began = time.monotonic()
    loaded(stack, start, end)
    return time.monotonic() - began


def loaded(stack: Stack, start: str, end: str) -> Run:
    """A run whose rows the mart shows."""
    run = stack.trigger("weather", start, end)
    # The loads are opened by plan: before it there is nothing left to do either.
    wait_for(
        f"the mart after {run.run_id}",
        lambda: run.loads("1") and stack.sql(WHATS_LEFT, "weather", run.run_id) == [(0,)],
    )
    return run


def backfill(stack: Stack, dag_id: str) -> float:
    """Seconds of the command over 90 days, with the few that it takes to start."""
    unpaused = stack.shell(f"airflow dags unpause {dag_id} --yes")
    assert unpaused.returncode == 0, unpaused.stdout + unpaused.stderr
    began = time.monotonic()
    answer = stack.shell(f"airflow dags backfill {dag_id} -s 2019-01-01 -e 2019-03-31")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    print(answer.stdout, file=sys.stderr)
    return time.monotonic() - began


def repeated(measure: Callable[[], float], times: int) -> list[float]:
    return [measure() for _ in range(times)]


def table(heading: str, rows: list[tuple[str, list[float]]]) -> str:
    """A Markdown table of seconds."""
    lines = [f"\n| {heading} | median | least | most | n |", "|---|--:|--:|--:|--:|"]
    for name, seconds in rows:
        figures = (statistics.median(seconds), min(seconds), max(seconds))
        lines.append(f"| {name} | " + " | ".join(f"{figure:.2f} s" for figure in figures) + f" | {len(seconds)} |")
    return "\n".join(lines)


def machine() -> str:
    """What it ran on, and how busy that was with other things."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text()) if sys.platform == "linux" else None
    memory = psutil.virtual_memory().total >> 30
    return (
        f"{datetime.now(UTC):%Y-%m-%d}; {os.cpu_count()} cores ({model[1] if model else platform.processor()}), {memory} GiB, "
        f"{platform.system()}, Python {platform.python_version()}; load average of the last 15 minutes {os.getloadavg()[2]:.1f}"
    )


if __name__ == "__main__":
    sys.exit(main())
