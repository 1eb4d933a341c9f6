"""DAG runs over the REST API: start them, watch them to their end, and say why one failed."""

import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote

from include.progress import Counts, Progress
from local.airflow import Api
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
    def path(self) -> str:
        return f"/api/v2/dags/{self.dag_id}/dagRuns/{quote(self.run_id, safe='')}"

    @property
    def ended(self) -> bool:
        return self.state in ("success", "failed")

    def counts(self) -> Counts:
        """Of its tasks."""
        ended = sum(self.tasks.get(state, 0) for state in DONE)
        failed = sum(self.tasks.get(state, 0) for state in FAILED)
        return Counts(sum(self.tasks.values()), ended, self.tasks.get("running", 0), failed)


def trigger(api: Api, dag_id: str, conf: dict[str, Any]) -> Run:
    """Starts a run. Failure when the DAG is paused or Airflow refuses."""
    if api.call("GET", f"/api/v2/dags/{dag_id}")["is_paused"]:
        raise Failure(f"The DAG {dag_id} is paused. Switch it on in the web UI ({api.address}), then run this again.")
    try:
        answer = api.call("POST", f"/api/v2/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf})
    except HTTPError as error:
        raise Failure(f"Airflow refused a run of {dag_id}: {error.read().decode(errors='replace')[:500]}") from None
    return Run(dag_id, answer["dag_run_id"])


def under_way(api: Api, dag_id: str, conf: dict[str, Any]) -> Run | None:
    """The run with this window that an interrupted command has left, if any."""
    query = "state=queued&state=running&order_by=-run_after&limit=20"
    for run in api.call("GET", f"/api/v2/dags/{dag_id}/dagRuns?{query}")["dag_runs"]:
        if run["conf"] == conf:
            return Run(dag_id, run["dag_run_id"])
    return None


def watch(api: Api, runs: list[Run]) -> None:
    """Shows the tasks of the runs until all runs have ended. Failure when nothing changes for a quarter of an hour."""
    changed = time.monotonic()
    with Progress(out, "tasks") as progress:
        while not all(run.ended for run in runs):
            before = [(run.state, run.tasks) for run in runs]
            with suppress(URLError, OSError):
                for run in runs:
                    refresh(api, run)
                    progress.show(run.dag_id, run.counts())
            if before != [(run.state, run.tasks) for run in runs]:
                changed = time.monotonic()
            if time.monotonic() - changed > STALLED_SECONDS:
                raise Failure("No task has changed its state for 15 minutes. `make status` shows the processes.")
            time.sleep(0.3)


def refresh(api: Api, run: Run) -> None:
    """Reads the state of a run and of all its tasks."""
    run.state = api.call("GET", run.path)["state"]
    tasks: dict[str, int] = {}
    offset, total = 0, 1
    while offset < total:
        page = api.call("GET", f"{run.path}/taskInstances?limit=100&offset={offset}")
        total = page["total_entries"]
        offset += len(page["task_instances"]) or total
        for task in page["task_instances"]:
            state = task["state"] or "waiting"
            tasks[state] = tasks.get(state, 0) + 1
    run.tasks = tasks


def explain(api: Api, run: Run) -> str:
    """Which tasks of a run failed, the beginning of their errors, and what to do."""
    tasks = api.call("GET", f"{run.path}/taskInstances?state=failed&limit=3")["task_instances"]
    parts = [f"{_name(task)} failed:\n{_error(api, run, task)}" for task in tasks]
    address = f"{api.address}/dags/{run.dag_id}/runs/{quote(run.run_id)}"
    return (
        f"The run {run.run_id} of {run.dag_id} failed.\n" + "\n".join(parts) + f"\nAll of it: {address}\n"
        "When the cause is gone: clear the task there, or run the command again."
    )


def _name(task: dict[str, Any]) -> str:
    index = task["map_index"]
    return str(task["task_id"]) + (f" [{task.get('rendered_map_index') or index}]" if index >= 0 else "")


def _error(api: Api, run: Run, task: dict[str, Any]) -> str:
    """The first lines of the error in the log of a task's last try."""
    path = f"{run.path}/taskInstances/{quote(task['task_id'])}/logs/{task['try_number']}"
    try:
        content = api.call("GET", f"{path}?map_index={task['map_index']}&full_content=true")["content"]
    except (HTTPError, URLError, OSError):
        return "  (its log cannot be read)"
    lines = [line for entry in content if isinstance(entry, dict) for line in _error_lines(entry)]
    return "\n".join(f"  {line}" for line in lines[:8]) or "  (its log holds no error)"


def _error_lines(entry: dict[str, Any]) -> list[str]:
    details = entry.get("error_detail") or []
    if details:
        return [line for d in details for line in f"{d.get('exc_type')}: {d.get('exc_value')}".splitlines()]
    return str(entry.get("event", "")).splitlines() if entry.get("level") in ("error", "critical") else []
