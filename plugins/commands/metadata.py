"""Backfills and runs in Airflow's metadata database.

Airflow 3.3.2 has no public Python API for them: this module alone touches its models and the functions that its own commands
`airflow backfill create` and `airflow dags trigger` call. tests/unit/test_commands.py notices when they change. All imports of
Airflow's models are inside the functions: they are slow.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from include.command import typed
from include.errors import Refused
from include.progress import Counts

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

STATES = ("success", "failed", "running", "queued", "skipped")
"""Those of a DAG run, and of a window without a run of the backfill's."""

ENDED, FAILED = ("success", "skipped", "failed", "upstream_failed", "removed"), ("failed", "upstream_failed")
"""States of a task."""

UNDEFINED_TABLE = "42P01"


@dataclass(frozen=True)
class Request:
    """What a backfill is asked to do. `reprocess`: none, failed or completed."""

    dag_id: str
    start: datetime
    end: datetime
    conf: dict[str, Any] | None
    backwards: bool
    reprocess: str


@dataclass(frozen=True)
class Active:
    """A backfill as it stands in the database."""

    id: int
    dag_id: str
    start: datetime
    end: datetime
    created: datetime
    completed: datetime | None

    def __str__(self) -> str:
        return f"backfill {self.id} of {self.dag_id} ({self.start} to {self.end}, created {self.created:%Y-%m-%d %H:%M:%S})"


@dataclass(frozen=True)
class Window:
    """One data interval of a schedule; `name` is its logical date, or its key where a DAG is partitioned."""

    name: str
    start: datetime | None
    end: datetime | None


@dataclass(frozen=True)
class Status:
    """How far a backfill (its windows) or a run (its tasks) is, and what keeps it from going on.

    `skipped` windows have a run that is not the backfill's.
    """

    counts: Counts
    is_over: bool
    has_failed: bool
    note: str = ""
    skipped: int = 0


def is_unreachable(error: Exception) -> bool:
    """Whether an error says that the metadata database does not answer."""
    from sqlalchemy.exc import InterfaceError, OperationalError

    return isinstance(error, OperationalError | InterfaceError)


def check_database() -> None:
    """The first thing to ask it, before Airflow's own logging does. Refused when it was never migrated."""
    from sqlalchemy import text
    from sqlalchemy.exc import ProgrammingError

    try:
        with _session() as session:
            session.execute(text("SELECT id FROM backfill LIMIT 1"))
    except ProgrammingError as error:
        if getattr(error.orig, "pgcode", None) != UNDEFINED_TABLE:
            raise
        raise Refused(f"Airflow's metadata database has no table of backfills: {typed('airflow db migrate')}") from None


def find_stored_connections() -> None:
    """Finds connections in the database too, as `airflow connections test` does; otherwise only the environment is asked."""
    os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"


@contextmanager
def _session() -> "Iterator[Session]":
    from airflow.utils.session import create_session

    with create_session() as session:
        yield session


@dataclass(frozen=True)
class Dag:
    """What of a DAG matters to its backfills. `next_scheduled` is the logical date at which catchup goes on."""

    max_active_runs: int
    next_scheduled: datetime | None
    takes_a_window: bool = False
    """A run may be given one by the parameters start_date and end_date."""


def check_dag(dag_id: str) -> Dag:
    """Refused for a DAG that is unknown, paused, or that follows assets instead of a schedule."""
    with _session() as session:
        dag, serialized = _known(session, dag_id)
        timetable = serialized.timetable
        if any(True for _ in timetable.asset_condition.iter_assets()) or not timetable.periodic:
            raise Refused(
                f"{dag_id} cannot be backfilled: its runs follow assets or are started by hand, they have no window of "
                f"time. Run it once: {typed(f'airflow dags trigger {dag_id}')}"
            )
        _check_unpaused(dag)
        takes_a_window = {"start_date", "end_date"} <= set(serialized.params)
        return Dag(dag.max_active_runs or 1, dag.next_dagrun if serialized.catchup else None, takes_a_window)


def check_startable(dag_id: str) -> None:
    """Refused for a DAG that is unknown or paused."""
    with _session() as session:
        dag, _ = _known(session, dag_id)
        _check_unpaused(dag)


def _known(session: "Session", dag_id: str) -> tuple[Any, Any]:
    """A DAG as Airflow's scheduler sees it, and what its file said."""
    from airflow.models import DagModel
    from airflow.models.serialized_dag import SerializedDagModel

    dag = session.get(DagModel, dag_id)
    serialized = SerializedDagModel.get(dag_id, session=session)
    if dag is None or dag.is_stale or serialized is None:
        raise Refused(f"There is no DAG {dag_id}: `{typed('airflow dags list')}` lists them.")
    return dag, serialized.dag


def _check_unpaused(dag: Any) -> None:
    if dag.is_paused:
        command = typed(f"airflow dags unpause {dag.dag_id}")
        raise Refused(f"{dag.dag_id} is paused, its runs would not start: {command}")


def trigger(dag_id: str, conf: dict[str, Any]) -> str:
    """The id of a new run with these parameters. Refused as Airflow refuses it."""
    from airflow.api.common.trigger_dag import trigger_dag
    from airflow.utils.platform import getuser
    from airflow.utils.types import DagRunTriggeredByType

    by = DagRunTriggeredByType.CLI
    run = _as_refusal(lambda: trigger_dag(dag_id, triggered_by=by, triggering_user_name=getuser(), conf=conf))
    return str(run.run_id)


def windows(request: Request, reprocess: str) -> list[Window]:
    """The windows that a backfill would run. Refused as Airflow refuses them."""
    from airflow.models.backfill import ReprocessBehavior, _do_dry_run

    with _session() as session:
        infos = _as_refusal(
            lambda: list(
                _do_dry_run(
                    dag_id=request.dag_id,
                    from_date=request.start,
                    to_date=request.end,
                    reverse=request.backwards,
                    reprocess_behavior=ReprocessBehavior(reprocess),
                    dag_run_conf=request.conf,
                    session=session,
                )
            )
        )
    return [_window(info) for info in infos]


def _window(info: Any) -> Window:
    interval = info.data_interval
    name = info.partition_key or str(info.logical_date)
    return Window(name, interval and interval.start, interval and interval.end)


def create(request: Request, max_active_runs: int) -> int:
    """The id of a new backfill, whose runs are queued. Refused as Airflow refuses it."""
    from airflow.api_fastapi.common.dagbag import resolve_run_on_latest_version
    from airflow.models.backfill import ReprocessBehavior, _create_backfill
    from airflow.utils.platform import getuser

    with _session() as session:
        on_latest_version = resolve_run_on_latest_version(None, request.dag_id, session, fallback=True)
    backfill = _as_refusal(
        lambda: _create_backfill(
            dag_id=request.dag_id,
            from_date=request.start,
            to_date=request.end,
            max_active_runs=max_active_runs,
            reverse=request.backwards,
            dag_run_conf=request.conf,
            triggering_user_name=getuser(),
            reprocess_behavior=ReprocessBehavior(request.reprocess),
            run_on_latest_version=on_latest_version,
        )
    )
    _restore_mapped_tasks(backfill.id)
    return int(backfill.id)


def _restore_mapped_tasks(backfill_id: int) -> None:
    """Airflow 3.3.2 removes the mapped tasks beyond those of a run's last try when it resets the run, for good.

    A run that was for one place, and now is for all, would succeed without most of its loads. What the run turns out not to need
    is removed again when it has been planned.
    """
    from airflow.models import DagRun, TaskInstance
    from sqlalchemy import and_, exists, update

    of_run = and_(DagRun.dag_id == TaskInstance.dag_id, DagRun.run_id == TaskInstance.run_id)
    removed = (TaskInstance.state == "removed", TaskInstance.map_index >= 0)
    restore = update(TaskInstance).where(*removed, exists().where(of_run, DagRun.backfill_id == backfill_id))
    with _session() as session:
        session.execute(restore.values(state=None).execution_options(synchronize_session=False))


def _as_refusal(call: Callable[[], Any]) -> Any:
    """The result; what Airflow raises for a request that cannot be, as Refused."""
    from airflow.sdk.exceptions import AirflowException

    try:
        return call()
    except (AirflowException, ValueError) as error:
        raise Refused(" ".join(str(error).split())) from error


def latest(dag_id: str) -> Active | None:
    """The active backfill of a DAG, else its last one."""
    from airflow.models.backfill import Backfill
    from sqlalchemy import select

    order = (Backfill.completed_at.is_not(None), Backfill.id.desc())
    with _session() as session:
        found = session.scalar(select(Backfill).where(Backfill.dag_id == dag_id).order_by(*order).limit(1))
        if found is None:
            return None
        return Active(found.id, dag_id, found.from_date, found.to_date, found.created_at, found.completed_at)


def under_way(request: Request) -> int:
    """How many windows have a run that is queued or running: Airflow leaves it alone, whatever is to be reprocessed."""
    from airflow.models import DagRun
    from sqlalchemy import func, select

    # One that was started by hand is of no window, whatever its logical date.
    of_dag = (DagRun.dag_id == request.dag_id, DagRun.run_type != "manual", DagRun.state.in_(("queued", "running")))
    within = DagRun.logical_date.between(request.start, request.end)
    with _session() as session:
        return session.scalar(select(func.count()).where(*of_dag, within)) or 0


def settle(backfill_id: int) -> bool:
    """Whether no run of a backfill is left; notes then that it is complete.

    Airflow's scheduler notes it too, but only twice a minute, and refuses another backfill of the DAG until then.
    """
    from airflow._shared.timezones import timezone
    from airflow.models.backfill import Backfill
    from sqlalchemy import select, update

    counts, skipped = _windows(backfill_id)
    if counts.done < counts.total:
        return False
    still_active = (Backfill.id == backfill_id, Backfill.completed_at.is_(None))
    with _session() as session:
        # One without any run: its creation has just begun, or never ended.
        if counts.total + skipped == 0:
            return session.scalar(select(Backfill.id).where(*still_active)) is None
        session.execute(update(Backfill).where(*still_active).values(completed_at=timezone.utcnow()))
    return True


def status_of_backfill(backfill_id: int) -> Status:
    """How far a backfill is."""
    from airflow.models import DagModel
    from airflow.models.backfill import Backfill
    from sqlalchemy import or_, select

    held = (
        select(Backfill.id)
        .join(DagModel, DagModel.dag_id == Backfill.dag_id)
        .where(Backfill.id == backfill_id, or_(Backfill.is_paused.is_(True), DagModel.is_paused.is_(True)))
    )
    counts, skipped = _windows(backfill_id)
    with _session() as session:
        note = "on hold: the backfill or its DAG is paused" if session.scalar(held) else ""
    is_over = counts.done == counts.total and settle(backfill_id)
    return Status(counts, is_over, counts.failed > 0, note, skipped)


def _windows(backfill_id: int) -> tuple[Counts, int]:
    """The windows that have a run of the backfill, and how many others there are."""
    from airflow.models import DagRun
    from airflow.models.backfill import BackfillDagRun
    from sqlalchemy import func, select

    rows = (
        select(DagRun.state, func.count())
        .select_from(BackfillDagRun)
        .join(DagRun, DagRun.id == BackfillDagRun.dag_run_id, isouter=True)
        .where(BackfillDagRun.backfill_id == backfill_id)
        .group_by(DagRun.state)
    )
    with _session() as session:
        found = {str(state or "skipped"): number for state, number in session.execute(rows)}
    succeeded, failed, running, queued, skipped = (found.get(state, 0) for state in STATES)
    return Counts(succeeded + failed + running + queued, succeeded + failed, running, failed), skipped


def status_of_run(dag_id: str, run_id: str) -> Status:
    """How far a run is. Refused when it is no more."""
    from airflow.models import DagModel, DagRun, TaskInstance
    from sqlalchemy import func, select

    tasks = (
        select(TaskInstance.state, func.count())
        .where(TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id)
        .group_by(TaskInstance.state)
    )
    run = select(DagRun.state, DagModel.is_paused).join(DagModel, DagModel.dag_id == DagRun.dag_id)
    with _session() as session:
        found = session.execute(run.where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)).one_or_none()
        numbers = {str(state): number for state, number in session.execute(tasks)}
    if found is None:
        raise Refused(f"The run {run_id} of {dag_id} has been deleted.")
    state, is_paused = found
    done, failed = (sum(numbers.get(state, 0) for state in states) for states in (ENDED, FAILED))
    counts = Counts(sum(numbers.values()), done, numbers.get("running", 0), failed)
    note = "on hold: the DAG is paused" if is_paused else ""
    return Status(counts, state in ("success", "failed"), state == "failed", note)


@dataclass(frozen=True)
class FailedTask:
    """A task instance that failed."""

    name: str
    map_index: int
    error: str


@dataclass(frozen=True)
class FailedRun:
    """A failed run. `tasks` is empty when it was cancelled before it began."""

    run_id: str
    window: Window
    logical_date: datetime | None
    tasks: list[FailedTask]


def failed_runs(backfill_id: int, runs_with_errors: int, tasks_with_errors: int) -> list[FailedRun]:
    """The failed runs of a backfill by logical date, the first of them with the errors in the logs of their first failed tasks."""
    from airflow.models import DagRun
    from airflow.models.backfill import BackfillDagRun
    from sqlalchemy import select

    query = (
        select(DagRun)
        .join(BackfillDagRun, BackfillDagRun.dag_run_id == DagRun.id)
        .where(BackfillDagRun.backfill_id == backfill_id, DagRun.state == "failed")
        .order_by(DagRun.logical_date, DagRun.id)
    )
    with _session() as session:
        return [
            _failed_run(session, run, tasks_with_errors if number < runs_with_errors else 0)
            for number, run in enumerate(session.scalars(query).all())
        ]


def failed_run(dag_id: str, run_id: str, tasks_with_errors: int) -> FailedRun:
    """A run that failed, with the errors in the logs of its first failed tasks."""
    from airflow.models import DagRun
    from sqlalchemy import select

    query = select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
    with _session() as session:
        return _failed_run(session, session.scalars(query).one(), tasks_with_errors)


def _failed_run(session: "Session", run: Any, tasks_with_errors: int) -> FailedRun:
    window = Window(run.partition_key or str(run.logical_date), run.data_interval_start, run.data_interval_end)
    return FailedRun(run.run_id, window, run.logical_date, _failed_tasks(session, run, tasks_with_errors))


def _failed_tasks(session: "Session", run: Any, with_errors: int) -> list[FailedTask]:
    from airflow.models import TaskInstance
    from sqlalchemy import select

    if not with_errors:
        return []
    of_run = (TaskInstance.dag_id == run.dag_id, TaskInstance.run_id == run.run_id)
    query = select(TaskInstance).where(*of_run, TaskInstance.state == "failed").order_by(TaskInstance.end_date)
    return [
        FailedTask(_name(task), task.map_index, _logged_error(task) if number < with_errors else "")
        for number, task in enumerate(session.scalars(query))
    ]


def _name(task: Any) -> str:
    return str(task.task_id) + (f" [{task.rendered_map_index or task.map_index}]" if task.map_index >= 0 else "")


def _logged_error(task: Any) -> str:
    """The last error in the log of a task's last try; empty when there is none, or no log that can be read."""
    from airflow.utils.log.log_reader import TaskLogReader

    try:
        from_the_start: Any = {}
        entries, _ = TaskLogReader().read_log_chunks(task, task.try_number, from_the_start)
        errors = [text for entry in entries if (text := error_of(entry.model_dump()))]
    except Exception:  # A log can be missing in as many ways as there are log handlers; the report goes on without it.
        return ""
    return errors[-1] if errors else ""


def error_of(entry: dict[str, Any]) -> str:
    """The error that a log entry tells of; empty when it tells of none."""
    details = entry.get("error_detail") or []
    if details:
        return f"{details[0].get('exc_type')}: {details[0].get('exc_value')}"
    return str(entry.get("event", "")) if entry.get("level") in ("error", "critical") else ""
