"""The local stack in a copy of the checkout, used the way its users do: commands, shells, REST and SQL."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
from airflow_client.client import (
    ApiClient,
    ClearTaskInstancesBody,
    ClearTaskInstancesBodyTaskIdsInner,
    DagRunApi,
    DAGRunClearBody,
    DAGRunResponse,
    TaskInstanceApi,
    TriggerDAGRunPostBody,
    XComApi,
    XComResponseNative,
)

from local import rest
from local.leftovers import strays
from local.settings import Paths, write_private
from local.supervisor import Supervisor
from sandbox import Sandbox
from tests.ending import Ending, ended_by

CHECKOUT = Path(__file__).resolve().parents[2]
LEFT_OUT = (".git", ".venv", ".local", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache")
OF_ANOTHER_STACK = ("AIRFLOW", "DW_", "WAREHOUSE_", "GX_", "OTEL_", "PG", "PYTHON", "VIRTUAL_ENV", "MAKE", "MFLAGS")
API_KEY = "an-api-key-of-the-tests"
DEADLINE_SECONDS = 300
COMMAND_SECONDS = 600
ENDED = ("success", "failed")

Row = tuple[Any, ...]


def copy_checkout(target: Path) -> None:
    """The files of the checkout as they are now, and its virtual environment as a link."""
    copy_files(target)
    (target / ".venv").symlink_to(sys.prefix, target_is_directory=True)


def copy_files(target: Path) -> None:
    """What a clone would hold if the checkout as it is now were committed."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=CHECKOUT, capture_output=True, text=True
    )
    if (CHECKOUT / ".git").exists() and listed.returncode == 0:
        for name in filter(None, listed.stdout.split("\0")):
            if (CHECKOUT / name).is_file():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(CHECKOUT / name, target / name)
    else:
        shutil.copytree(CHECKOUT, target, ignore=shutil.ignore_patterns(*LEFT_OUT), dirs_exist_ok=True)


def settings(sandbox: Sandbox) -> dict[str, str]:
    """What a user exports before `make up`: another server for all three connections, and small loads."""
    with_key = {"conn_type": "http", "host": sandbox.url, "password": API_KEY}
    return {
        "AIRFLOW_CONN_OPEN_METEO": json.dumps(with_key),
        "AIRFLOW_CONN_OPEN_METEO_ARCHIVE": sandbox.url,
        "AIRFLOW_CONN_MEDIAWIKI": sandbox.url,
        "DW_AIRFLOW_PORT": str(free_port()),
        "DW_WEATHER_PLACES_PER_BATCH": "4",
        # A killed worker is missed after half of the time that users wait.
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
        # The tests' own runs are the only ones, at whatever time of the day: nothing is due by the clock.
        "DW_WEATHER_SCHEDULE": "@yearly",
        "DW_WIKIPEDIA_SCHEDULE": "@yearly",
        "DW_MARTS_SCHEDULE": "@yearly",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,viewer:viewer",
    }


def free_port() -> int:
    """A TCP port that no one listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fresh_terminal() -> dict[str, str]:
    """The environment of this process without any trace of a stack, a virtual environment or a proxy."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OF_ANOTHER_STACK)}
    return {name: value for name, value in kept.items() if not name.lower().endswith("_proxy")}


def day_of(moment: datetime | None) -> str:
    """The UTC day of a moment that Airflow knows."""
    assert moment
    return moment.astimezone(UTC).date().isoformat()


def wait_for(what: str, found: Callable[[], Any], seconds: float = DEADLINE_SECONDS) -> Any:
    """What `found` returns once it is true; AssertionError naming `what` when it never is."""
    deadline = time.monotonic() + seconds
    while not (result := found()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.25)
    return result


class Deployment(ABC):
    """A running warehouse, however it is deployed: what REST and SQL show of it."""

    @property
    @abstractmethod
    def api(self) -> ApiClient:
        """Airflow's REST API, as its administrator."""

    @property
    @abstractmethod
    def warehouse_url(self) -> str:
        """The warehouse, as its owner."""

    @property
    @abstractmethod
    def sandbox_url(self) -> str:
        """Where this process reaches the sandbox."""

    def sql(self, query: str, *values: Any) -> list[Row]:
        """The rows of a query to the warehouse."""
        with psycopg.connect(self.warehouse_url, options="-c timezone=UTC") as connection:
            return connection.execute(query.encode(), values).fetchall()

    def trigger(self, dag_id: str, start: str, end: str, **conf: Any) -> "Run":
        """A run of the window [start, end), over REST."""
        body = TriggerDAGRunPostBody(logical_date=None, conf={"start_date": start, "end_date": end, **conf})
        return Run(self, dag_id, DagRunApi(self.api).trigger_dag_run(dag_id, body).dag_run_id)

    def runs(self, dag_id: str) -> list[DAGRunResponse]:
        """All runs of a DAG as REST describes them, a page at a time, the oldest first."""
        found: list[DAGRunResponse] = []
        while page := DagRunApi(self.api).get_dag_runs(dag_id, limit=100, offset=len(found)).dag_runs:
            found += page
        return found


class Stack(Deployment):
    """One copy of the checkout, its processes, and the sandbox that stands in for the services."""

    def __init__(self, repo: Path, sandbox: Sandbox) -> None:
        self.repo = repo
        self.sandbox = sandbox
        self.settings = settings(sandbox)
        self.paths = Paths(repo)

    def local(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """`python -m local up|down|demo|status`, as the Makefile calls it."""
        return self._run(self._local(*arguments), fresh_terminal() | self.settings)

    def downed_at_the_end(self) -> AbstractContextManager[Ending]:
        """`make down` at the end of the block, whatever happens meanwhile."""
        return ended_by(*self._local("down"), cwd=self.repo, env=fresh_terminal() | self.settings)

    def _local(self, *arguments: str) -> list[str]:
        python = self.repo / ".venv" / "bin" / Path(sys.executable).name
        return [str(python), "-m", "local", *arguments]

    def shell(self, script: str) -> "subprocess.CompletedProcess[str]":
        """A script in a new bash that has sourced .local/env, and has none of the settings."""
        return self._run(["bash", "-c", f". .local/env\n{script}"], fresh_terminal())

    def _run(self, command: list[str], env: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command, cwd=self.repo, env=dict(env), capture_output=True, text=True, timeout=COMMAND_SECONDS
        )

    def stop(self, program: str) -> None:
        """Stops one process, such as the scheduler; `start` starts it again."""
        Supervisor(self.paths).stop([program])

    def start(self, program: str) -> None:
        """Starts a process that was stopped, without waiting for it."""
        Supervisor(self.paths).start([program])

    def processes(self) -> dict[str, int]:
        """Program -> pid of what runs."""
        return Supervisor(self.paths).pids()

    def left_over(self) -> list[str]:
        """Processes of this copy that still run."""
        return [str(process) for process in strays(self.paths)]

    @cached_property
    def chosen(self) -> dict[str, Any]:
        """What the first `up` chose: port and secrets."""
        choice: dict[str, Any] = json.loads(self.paths.remembered.read_text())
        return choice

    def password_of(self, user: str) -> str:
        """Airflow reads the file at each login; `up` writes it anew, with the administrator alone."""
        passwords: dict[str, str] = json.loads(self.paths.passwords.read_text())
        if user not in passwords:
            write_private(self.paths.passwords, json.dumps(passwords | {user: f"the {user}'s"}))
            return self.password_of(user)
        return passwords[user]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.chosen['airflow_port']}"

    @cached_property
    def api(self) -> ApiClient:
        return rest.connect(self.address, "admin", self.chosen["admin_password"])

    @cached_property
    def warehouse_url(self) -> str:
        """As a shell that sourced .local/env sees it."""
        return self.shell('printf %s "$WAREHOUSE_URL"').stdout

    @property
    def sandbox_url(self) -> str:
        return self.sandbox.url

    def task_logs(self) -> str:
        """Every byte that a task has logged so far."""
        files = sorted((self.paths.airflow / "logs").rglob("attempt=*.log"))
        return "\n".join(file.read_text(errors="replace") for file in files)


@dataclass(frozen=True)
class Task:
    """One task instance of a run."""

    task_id: str
    map_index: int
    label: str
    state: str
    try_number: int
    started: datetime | None
    ended: datetime | None
    host: str
    pid: int | None


@dataclass(frozen=True)
class Run:
    """One DAG run."""

    stack: Deployment
    dag_id: str
    run_id: str

    def state(self) -> str:
        return str(DagRunApi(self.stack.api).get_dag_run(self.dag_id, self.run_id).state.value)

    def wait(self, expected: str) -> None:
        """Until the run has ended; AssertionError with the errors of its tasks when it ended in another state."""
        wait_for(f"the end of {self.dag_id} {self.run_id}", lambda: self.state() in ENDED)
        failed = [task for task in self.tasks() if task.state == "failed"]
        news = "\n".join(f"{task.task_id}[{task.map_index}]: {self.errors(task)}" for task in failed)
        assert self.state() == expected, f"{self.dag_id} {self.run_id}: {self.state()}\n{news}"

    def wait_for_marts(self) -> None:
        """Until the marts show all its loads: each publishes on its own, and a refresh may come in between."""
        due = "marts_due_since"
        wait_for(f"marts with {self.dag_id} {self.run_id}", lambda: all(row == (None,) for row in self.loads(due)))

    def tasks(self, task_id: str | None = None) -> list[Task]:
        """Its task instances (or those of one task) in the order of their map index."""
        found = TaskInstanceApi(self.stack.api).get_task_instances(self.dag_id, self.run_id, limit=100)
        tasks = [
            Task(
                task.task_id,
                task.map_index,
                task.rendered_map_index or "",
                task.state.value if task.state else "",
                task.try_number,
                task.start_date,
                task.end_date,
                task.hostname or "",
                task.pid,
            )
            for task in found.task_instances
        ]
        tasks.sort(key=lambda task: (task.task_id, task.map_index))
        return [task for task in tasks if task_id in (None, task.task_id)]

    def task(self, task_id: str, map_index: int = -1) -> Task:
        """One of its task instances."""
        return next(task for task in self.tasks(task_id) if task.map_index == map_index)

    def log(self, task: Task, try_number: int | None = None) -> list[dict[str, Any]]:
        """The entries in the log of a try of a task (default: the last)."""
        number = try_number or task.try_number
        return rest.log_of(self.stack.api, self.dag_id, self.run_id, task.task_id, number, task.map_index)

    def errors(self, task: Task, try_number: int | None = None) -> list[str]:
        """The texts of the exceptions in a log, and of its other entries at error level."""
        found: list[str] = []
        for entry in self.log(task, try_number):
            details = entry.get("error_detail") or []
            found += [str(detail.get("exc_value")) for detail in details]
            if not details and entry.get("level") in ("error", "critical"):
                found.append(str(entry.get("event")))
        return found

    def xcom_keys(self, task: Task) -> list[str]:
        """The keys of what a task instance has pushed."""
        found = XComApi(self.stack.api).get_xcom_entries(
            self.dag_id, self.run_id, task.task_id, map_index=task.map_index, limit=100
        )
        return [entry.key for entry in found.xcom_entries]

    def planned(self) -> list[dict[str, Any]]:
        """What the task plan has returned."""
        xcoms = XComApi(self.stack.api)
        entry = xcoms.get_xcom_entry(self.dag_id, "plan", self.run_id, "return_value", stringify=False).actual_instance
        assert isinstance(entry, XComResponseNative)
        return list(entry.value or ())

    def clear(self, *, only_failed: bool = False) -> None:
        """Clears the whole run, or the tasks of it that failed."""
        body = DAGRunClearBody(dry_run=False, only_failed=only_failed)
        DagRunApi(self.stack.api).clear_dag_run(self.dag_id, self.run_id, body)

    def clear_task(self, task: Task) -> None:
        """Clears one task instance with what comes after it."""
        body = ClearTaskInstancesBody(
            dry_run=False,
            dag_run_id=self.run_id,
            task_ids=[ClearTaskInstancesBodyTaskIdsInner([task.task_id, task.map_index])],
            only_failed=False,
            include_downstream=True,
        )
        TaskInstanceApi(self.stack.api).post_clear_task_instances(self.dag_id, body)

    def loads(self, columns: str) -> list[Row]:
        """Columns of its rows in the ledger, in the order of their map index; those planned again are left out."""
        query = f"""
            SELECT {columns} FROM audit.load
            WHERE dag_id = %s AND run_id = %s AND status <> 'superseded' ORDER BY map_index, load_id
        """
        return self.stack.sql(query, self.dag_id, self.run_id)
