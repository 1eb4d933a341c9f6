"""The local stack: runs of weather from the REST call to the refreshed mart, Airflow's own share of them, its start.

On a stack of its own, in a temporary copy of the checkout, against a sandbox in this process.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import psycopg

from include.sources.weather.api import longest_load
from include.warehouse import Connection
from include.windows import EARLIEST
from sandbox import Sandbox
from tests.bench.figures import Figure, Goal, Table, ratio
from tests.e2e.stack import DEADLINE_SECONDS, Run, Stack, Task, copy_checkout

STEPS = ("plan", "load.extract", "load.transform", "load.validate", "load.publish")
COMMAND = "`airflow dags backfill`"
LOADS = 8
"""Of the run whose loads are to keep two cores busy."""
IS_SHOWN = """
    SELECT count(*) > 0 AND count(*) = count(marts_refreshed_at) AND count(marts_due_since) = 0
    FROM audit.load
    WHERE dag_id = %s AND run_id = %s
"""
"""Whether the mart shows all loads of a run. They are opened by plan: before it there is nothing to show."""


def measure(quick: bool) -> list[Table]:
    """The tables of this part."""
    with running_stack() as (stack, start_seconds):
        return [*one_by_one(stack, start_seconds, quick), side_by_side(stack, quick)]


@contextmanager
def running_stack() -> Iterator[tuple[Stack, float]]:
    """A warm stack with ten places, and the seconds that `make up` took; RuntimeError when it does not start."""
    home = Path(tempfile.mkdtemp(prefix="dw bench "))
    try:
        copy_checkout(home)
        shutil.copy2(Path(__file__).with_name("nothing.py"), home / "dags")
        with Sandbox(limits=False) as sandbox:
            stack = Stack(home, sandbox)
            stack.settings |= {"DW_WEATHER_SCHEDULE": "@daily", "DW_WEATHER_PLACES_PER_BATCH": "100"}
            with stack.downed_at_the_end():
                began = time.monotonic()
                started = stack.local("up")
                seconds = time.monotonic() - began
                if started.returncode:
                    raise RuntimeError(f"the stack did not start:\n{started.stdout}{started.stderr}")
                # Each of the executor's workers runs its first tasks.
                for day in range(1, 4):
                    window(stack, f"2018-01-0{day}", f"2018-01-0{day + 1}")
                yield stack, seconds
    finally:
        shutil.rmtree(home)


def one_by_one(stack: Stack, start_seconds: float, quick: bool) -> list[Table]:
    """Runs of one load, and of many days by the command."""
    days, tasks_of_a_day = timed(stack, [f"2018-01-{day}" for day in range(10, 13 if quick else 17)], days=1)
    years, tasks_of_a_year = timed(
        stack, ["2012-01-01"] if quick else ["2012-01-01", "2016-01-01", "2020-01-01"], days=366
    )
    times, until = (1, "2019-01-05") if quick else (3, "2019-03-31")
    month = repeated(lambda: window(stack, "2020-03-01", "2020-04-01"), times)
    again = repeated(lambda: window(stack, "2012-01-01", "2013-01-01"), times)
    nothing = Figure(
        f"{COMMAND} of as many windows of a DAG of the same shape whose tasks do nothing",
        backfill(stack, "nothing", until),
    )
    ours = Figure(
        f"{COMMAND} of the daily windows from 2019-01-01 to {until}: the command", backfill(stack, "weather", until)
    )
    up = Figure("`make up` with everything installed", (start_seconds,))
    day, year = (
        Figure("one day of ten places: trigger to refreshed mart, warm", days),
        Figure("one leap year of ten places in one run (87,840 rows)", years),
    )
    share = ratio("the daily windows, of those whose tasks do nothing", ours, nothing)
    whole = Table(
        "what",
        (
            up,
            day,
            Figure("one month of ten places in one run, known before", month),
            year,
            Figure("the first of these years once more, nothing changed", again),
            ours,
            nothing,
            share,
        ),
        {
            up.what: Goal(at_most=15),
            day.what: Goal(at_most=3),
            year.what: Goal(at_most=4),
            share.what: Goal(at_most=1.1),
        },
    )
    return [
        whole,
        Table("task of the one-day run", _figures(tasks_of_a_day)),
        Table("task of the one-year run", _figures(tasks_of_a_year)),
        Table("of them Airflow's own", (Figure("a task that does nothing", tasks_that_do_nothing(stack)),)),
    ]


def side_by_side(stack: Stack, quick: bool) -> Table:
    """Loads of one run, which share the cores, against as many runs of one load."""
    loads, times = (2, 1) if quick else (LOADS, 2)
    span = longest_load(10)
    starts = [(EARLIEST + span * number).date() for number in range(2 * loads * times)]
    apart: list[float] = []
    steps: list[float] = []
    together: list[float] = []
    for number in range(times):
        single, several = (starts[part * loads : (part + 1) * loads] for part in (2 * number, 2 * number + 1))
        seconds, tasks = timed(stack, [str(day) for day in single], span.days)
        apart.append(sum(seconds))
        steps.append(sum(sum(tasks[step]) for step in STEPS if step != "plan"))
        together.append(window(stack, str(several[0]), str(several[-1] + span)))
    rows = loads * span.days * 24 * 10
    one_run = Figure(f"one run of {loads} loads: trigger to refreshed mart", tuple(together))
    sum_of_steps = Figure("the sum of their extract, transform, validate, publish", tuple(steps))
    gain = ratio("the sum of the steps, of the one run", sum_of_steps, one_run)
    return Table(
        f"{loads} loads of {span.days} days of ten places into empty months ({rows:,} rows)",
        (Figure(f"{loads} runs of one load, one after the other", tuple(apart)), sum_of_steps, one_run, gain),
        {gain.what: Goal(at_least=1.6)},
    )


def timed(stack: Stack, starts: list[str], days: int) -> tuple[tuple[float, ...], dict[str, list[float]]]:
    """Seconds of the whole, and of each task, for a run of so many days from each start."""
    totals: list[float] = []
    tasks: dict[str, list[float]] = {task_id: [] for task_id in STEPS}
    for start in starts:
        end = date.fromisoformat(start) + timedelta(days=days)
        began = time.monotonic()
        run = loaded(stack, start, str(end))
        totals.append(time.monotonic() - began)
        run.wait("success")
        for task in (task for task in run.tasks() if task.task_id in tasks):
            tasks[task.task_id].append(seconds_of(task))
    return tuple(totals), tasks


def tasks_that_do_nothing(stack: Stack) -> tuple[float, ...]:
    """Seconds of each task that a worker had, of a backfill whose tasks do nothing."""
    runs = [Run(stack, "nothing", run.dag_run_id) for run in stack.runs("nothing")]
    return tuple(seconds_of(task) for run in runs for task in run.tasks() if task.task_id in STEPS)


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
    with psycopg.connect(stack.warehouse_url, autocommit=True) as connection:
        wait_until_true(connection, IS_SHOWN, "weather", run.run_id)
    return run


def wait_until_true(connection: Connection, query: str, *values: object) -> None:
    """Asks twenty times a second; AssertionError when it is not true within DEADLINE_SECONDS."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while connection.execute(query.encode(), values).fetchone() != (True,):
        assert time.monotonic() < deadline, f"not true within {DEADLINE_SECONDS} s: {query}"
        time.sleep(0.05)


def backfill(stack: Stack, dag_id: str, until: str) -> tuple[float]:
    """Seconds of the command over the days from 2019-01-01, with the few that it takes to start."""
    unpaused = stack.shell(f"airflow dags unpause {dag_id} --yes")
    assert unpaused.returncode == 0, unpaused.stdout + unpaused.stderr
    began = time.monotonic()
    answer = stack.shell(f"airflow dags backfill {dag_id} -s 2019-01-01 -e {until}")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return (time.monotonic() - began,)


def repeated(measure: Callable[[], float], times: int) -> tuple[float, ...]:
    """As often."""
    return tuple(measure() for _ in range(times))


def _figures(tasks: dict[str, list[float]]) -> tuple[Figure, ...]:
    return tuple(Figure(f"`{task_id}`", tuple(seconds)) for task_id, seconds in tasks.items())
