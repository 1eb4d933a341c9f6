"""Runs the operators of the real DAGs, one after the other, without a scheduler; tests/e2e has the scheduler."""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from itertools import count
from time import monotonic, sleep
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from airflow.sdk.exceptions import AirflowSkipException

from include import warehouse
from include.patience import Patience
from include.warehouse import SQL_FOLDER, statement
from plugins.operators import transform
from plugins.warehouse import NotPublished, note_failure
from tests.warehouse import citus

STEPS = ("extract", "transform", "validate", "publish")
RUN_NUMBERS = count(1)
GREAT_EXPECTATIONS = threading.Lock()
"""It keeps its context in a global: one audit at a time in a process. Airflow gives each task a process of its own."""


@dataclass
class DagRun:
    """A run as the operators see it; clear and continue it with Pipeline.finish."""

    dag_id: str
    run_id: str
    conf: dict[str, Any]
    run_after: datetime
    data_interval_start: datetime | None = None
    data_interval_end: datetime | None = None
    run_type: str = "manual"
    loads: list[dict[str, Any]] = field(default_factory=list)
    errors: dict[int, Exception] = field(default_factory=dict)
    """By map index: what stopped that load."""

    @property
    def error(self) -> str:
        """The text of the only error."""
        (error,) = self.errors.values()
        return str(error)


class Pipeline:
    """The DAGs of dags/, without Airflow's scheduler.

    `owner` is for looking at the tables; `clock` is the time that plan and extract go by.
    """

    def __init__(self, owner: psycopg.Connection, clock: Callable[[], datetime]) -> None:
        self.owner = owner
        self.clock = clock
        self.waits: list[float] = []
        """Seconds of each pause that extractions made; it took no time."""
        self.meanwhile: Callable[[float], None] = lambda seconds: None
        """What happens in a pause of so many seconds."""
        self.patience = Patience(0, clock=lambda: sum(self.waits), sleep=self._pause)
        """Of each extraction. None, for most tests are about one response."""

    def run(self, dag_id: str, start: str | None = None, end: str | None = None, **more: Any) -> DagRun:
        """A manual run over [start, end), or as `more` fields of DagRun say; loads that fail do not stop the others."""
        conf = {"start_date": start, "end_date": end, **more.pop("conf", {})}
        run = DagRun(dag_id, f"test_{next(RUN_NUMBERS)}", conf, more.pop("run_after", self.clock()), **more)
        self.plan(run)
        return self.finish(run)

    def plan(self, run: DagRun) -> DagRun:
        """The task plan of a run; also when it is cleared as a whole."""
        params = dict(dag(run.dag_id).params)
        context = {"dag": dag(run.dag_id), "dag_run": run, "params": params | run.conf}
        run.loads = self.task(run.dag_id, "plan").execute(context)
        return run

    def finish(
        self, run: DagRun, since: str = "extract", until: str = "publish", only: list[int] | None = None
    ) -> DagRun:
        """The tasks of each load from `since` to `until`, as after clearing `since` with its downstream tasks."""
        steps = STEPS[STEPS.index(since) : STEPS.index(until) + 1]
        for map_index, load in enumerate(run.loads):
            if only is None or map_index in only:
                run.errors.pop(map_index, None)
                self._load(run, map_index, load, steps)
        return run

    def _load(self, run: DagRun, map_index: int, load: dict[str, Any], steps: tuple[str, ...]) -> None:
        for step in steps:
            try:
                self.execute(run.dag_id, step, load)
            except Exception as error:
                if not isinstance(error, NotPublished):  # what was before it counts
                    run.errors[map_index] = error
                instance = SimpleNamespace(
                    dag_id=run.dag_id, run_id=run.run_id, map_index=map_index, task_id=step, try_number=1
                )
                note_failure({"ti": instance, "exception": error})  # type: ignore[typeddict-item]  # what it reads of a context
                if step != "validate":  # publish runs whether or not it failed
                    return

    def execute(self, dag_id: str, step: str, load: dict[str, Any]) -> None:
        """One task of a load, with its parameters filled in as Airflow's rendering would."""
        operator = self.task(dag_id, f"load.{step}")
        operator.parameters = load
        events: Any = defaultdict(SimpleNamespace)
        with GREAT_EXPECTATIONS if step == "validate" else nullcontext():
            operator.execute({"outlet_events": events, "ti": SimpleNamespace(try_number=1, max_tries=3)})

    def task(self, dag_id: str, task_id: str) -> Any:
        """An operator of the real DAG, as a process of its own would have it, with the clock and the patience of the pipeline."""
        operator = task(dag_id, task_id).prepare_for_execution()
        operator.clock, operator.patience = (lambda _: self.clock()), self.patience
        return operator

    def _pause(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.meanwhile(seconds)

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of a query as the owner."""
        return self.owner.execute(query, parameters or None).fetchall()

    def value(self, query: str, *parameters: Any) -> Any:
        """The only value of a query."""
        ((value,),) = self.rows(query, *parameters)
        return value

    def refresh_marts(self, run_type: str = "asset_triggered", wait: Callable[[float], None] = sleep) -> list[str]:
        """The DAG refresh_marts, and how it waits for loads; returns the marts that were refreshed."""
        if citus.NODES:
            citus.bring_changes(self.owner.info.dbname)
        refreshed = []
        for name in dag("refresh_marts").task_dict:
            operator = self.task("refresh_marts", name)
            operator.sleep = wait
            try:
                operator.execute({"dag_run": SimpleNamespace(run_type=run_type)})
                refreshed.append(name)
            except AirflowSkipException:
                pass
        return refreshed


@contextmanager
def mistaken(of: str, mistakes: Mapping[str, str]) -> Iterator[None]:
    """While the block lasts tasks execute statements whose name has `of` in it with other texts in the places of these."""
    made = set()

    def text_of(name: str) -> str:
        text = statement(name)
        for was, becomes in mistakes.items() if of in name else ():
            if was in text:
                made.add(was)
                text = text.replace(was, becomes)
        return text

    with pytest.MonkeyPatch.context() as patch:
        for module in (warehouse, transform):
            patch.setattr(module, "statement", text_of)
        yield
    assert made, f"no statement {of} that was executed has any of {list(mistakes)}"


def task(dag_id: str, task_id: str) -> Any:
    """An operator of the real DAG."""
    return dag(dag_id).task_dict[task_id]


def dag(dag_id: str) -> Any:
    """The DAG as its file makes it."""
    with DAG_FILES:
        return _read(dag_id)


DAG_FILES = threading.Lock()
"""Airflow notes in a global which DAG a file is at: two threads that read one each would mix their tasks."""


@cache
def _read(dag_id: str) -> Any:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(str(SQL_FOLDER.parent / "dags" / f"{dag_id}.py"))
    assert bag.import_errors == {}
    return bag.dags[dag_id]


def utc(text: str) -> datetime:
    """A UTC moment of an ISO 8601 text."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def snapshot(pipeline: Pipeline) -> dict[str, list[tuple[Any, ...]]]:
    """All that core and the marts say, without the keys of the loads that said it."""
    pipeline.refresh_marts("manual")
    tables = {
        "core.weather": "SELECT location_id, observed_at, temperature_celsius, humidity_percent, precipitation_mm, "
        "cloud_cover_percent, pressure_hpa, wind_speed_mps, wind_direction_degrees, weather_code FROM core.weather",
        "core.weather_daily": "SELECT * FROM core.weather_daily",
        "core.wikipedia_page": "SELECT page_id, wikipedia_page_id, page_title, namespace, is_redirect, is_missing, is_current "
        "FROM core.wikipedia_page",
        "core.revision": "SELECT page_id, revision_id, parent_id, revision_timestamp, revision_user, is_minor, is_anonymous, "
        "revision_size_bytes, size_delta_bytes, revision_comment FROM core.revision",
        "mart.daily_weather_aggregates": "SELECT * FROM mart.daily_weather_aggregates",
        "mart.daily_wikipedia_page_stats": "SELECT * FROM mart.daily_wikipedia_page_stats",
    }
    return {table: pipeline.rows(f"{query} ORDER BY 1, 2, 3, 4, 5") for table, query in tables.items()}


def at_once(*jobs: Any) -> None:
    """Runs the jobs in threads that start together; raises what one of them raised."""
    barrier, errors = threading.Barrier(len(jobs)), []

    def work(job: Any) -> None:
        barrier.wait()
        try:
            job()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def wait_for(found: Callable[[], Any]) -> None:
    """Until it returns something true."""
    deadline = monotonic() + 60
    while not found():
        assert monotonic() < deadline
        sleep(0.02)
