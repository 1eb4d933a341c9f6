"""DAG runs over the REST API: start them, watch them to their end, and say why one failed."""

import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import urllib3
from airflow_client.client import ApiClient, DAGApi, DagRunApi, TaskInstanceApi, TriggerDAGRunPostBody
from airflow_client.client.exceptions import ApiException, ServiceException
from airflow_client.client.models.task_instance_response import TaskInstanceResponse

from include.progress import Counts, Progress
from local import rest
from local.console import Failure, out

STALLED_SECONDS = 900
DONE = ("success", "skipped", "failed", "upstream_failed", "removed")
FAILED = ("failed", "upstream_failed")


@dataclass
class Run:
    """One DAG run that is waited for, with the number of its tasks in each state."""

    dag_id: str
    run_id: str
    state: str = "queued"
    tasks: dict[str, int] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        return self.state in ("success", "failed")

    def counts(self) -> Counts:
        """Of its tasks."""
        ended = sum(self.tasks.get(state, 0) for state in DONE)
        failed = sum(self.tasks.get(state, 0) for state in FAILED)
        return Counts(sum(self.tasks.values()), ended, self.tasks.get("running", 0), failed)


def trigger(api: ApiClient, dag_id: str, conf: dict[str, Any]) -> Run:
    """Starts a run. Failure when the DAG is paused or Airflow refuses."""
    if DAGApi(api).get_dag(dag_id).is_paused:
        address = api.configuration.host
        raise Failure(f"The DAG {dag_id} is paused. Switch it on in the web UI ({address}), then run this again.")
    try:
        run = DagRunApi(api).trigger_dag_run(dag_id, TriggerDAGRunPostBody(logical_date=None, conf=conf))
    except ApiException as refusal:
        raise Failure(f"Airflow refused a run of {dag_id}: {rest.reason(refusal)}") from None
    return Run(dag_id, run.dag_run_id)


def under_way(api: ApiClient, dag_id: str, conf: dict[str, Any]) -> Run | None:
    """The run with this window that an interrupted command has left, if any."""
    runs = DagRunApi(api).get_dag_runs(dag_id, state=["queued", "running"], order_by=["-run_after"], limit=20)
    return next((Run(dag_id, run.dag_run_id) for run in runs.dag_runs if run.conf == conf), None)


def watch(api: ApiClient, runs: list[Run]) -> None:
    """Shows the tasks of the runs until all runs have ended. Failure when nothing changes for a quarter of an hour."""
    changed = time.monotonic()
    with Progress(out, "tasks") as progress:
        while not all(run.ended for run in runs):
            before = [(run.state, run.tasks) for run in runs]
            with suppress(urllib3.exceptions.HTTPError, ServiceException):
                for run in runs:
                    refresh(api, run)
                    progress.show(run.dag_id, run.counts())
            if before != [(run.state, run.tasks) for run in runs]:
                changed = time.monotonic()
            if time.monotonic() - changed > STALLED_SECONDS:
                raise Failure("No task has changed its state for 15 minutes. `make status` shows the processes.")
            time.sleep(0.3)


def refresh(api: ApiClient, run: Run) -> None:
    """Reads the state of a run and of all its tasks."""
    run.state = DagRunApi(api).get_dag_run(run.dag_id, run.run_id).state.value
    tasks: Counter[str] = Counter()
    offset, total = 0, 1
    while offset < total:
        page = TaskInstanceApi(api).get_task_instances(run.dag_id, run.run_id, limit=100, offset=offset)
        total = page.total_entries or 0
        offset += len(page.task_instances) or total
        tasks.update(task.state.value if task.state else "waiting" for task in page.task_instances)
    run.tasks = tasks


def explain(api: ApiClient, run: Run) -> str:
    """Which tasks of a run failed, the beginning of their errors, and what to do."""
    found = TaskInstanceApi(api).get_task_instances(
        run.dag_id, run.run_id, state=["failed"], order_by=["end_date"], limit=100
    )
    first: dict[int, TaskInstanceResponse] = {}
    for task in found.task_instances:
        first.setdefault(task.map_index, task)  # what failed after it says only that
    parts = [f"{_name(task)} failed:\n{_error(api, task)}" for task in list(first.values())[:3]]
    address = f"{api.configuration.host}/dags/{run.dag_id}/runs/{quote(run.run_id)}"
    return (
        f"The run {run.run_id} of {run.dag_id} failed.\n" + "\n".join(parts) + f"\nAll of it: {address}\n"
        "When the cause is gone: clear the task there, or run the command again."
    )


def _name(task: TaskInstanceResponse) -> str:
    return task.task_id + (f" [{task.rendered_map_index or task.map_index}]" if task.map_index >= 0 else "")


def _error(api: ApiClient, task: TaskInstanceResponse) -> str:
    """The first lines of the error in the log of a task's last try."""
    try:
        entries = rest.log_of(api, task.dag_id, task.dag_run_id, task.task_id, task.try_number, task.map_index)
    except (urllib3.exceptions.HTTPError, ApiException):
        return "  (its log cannot be read)"
    lines = [line for entry in entries for line in _error_lines(entry)]
    return "\n".join(f"  {line}" for line in lines[:8]) or "  (its log holds no error)"


def _error_lines(entry: dict[str, Any]) -> list[str]:
    details = entry.get("error_detail") or []
    if details:
        return [line for d in details for line in f"{d.get('exc_type')}: {d.get('exc_value')}".splitlines()]
    return str(entry.get("event", "")).splitlines() if entry.get("level") in ("error", "critical") else []
