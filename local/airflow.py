"""Airflow of the local run: its configuration, its processes, its database, and its REST API."""

import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import ProxyHandler, Request, build_opener

from include.sources import SOURCES
from local.console import Failure
from local.settings import Paths, Remembered, write_private

# A proxy of the environment is for the outside, not for loopback.
DIRECT = build_opener(ProxyHandler({}))
# No task of ours waits in the triggerer; without one the home page shows it as broken.
PROCESSES = ("api-server", "scheduler", "dag-processor", "triggerer")
# With LocalExecutor the log files lie where the web server reads them: no log server, whose port would be shared.
ARGUMENTS = {"scheduler": ["--skip-serve-logs"], "triggerer": ["--skip-serve-logs"]}


def tuned(file: Path) -> dict[str, dict[str, str]]:
    """Section -> option -> value of lines AIRFLOW__SECTION__OPTION=value: what is the same in every deployment."""
    sections: dict[str, dict[str, str]] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, value = line.split("=", 1)
            _, section, option = name.lower().split("__")
            sections.setdefault(section, {})[option] = value
    return sections


def own(paths: Paths, remembered: Remembered, port: int) -> dict[str, dict[str, Any]]:
    """Section -> option -> value of what is this checkout's own."""
    socket = quote(str(paths.short / "postgres"), safe="")
    return {
        "core": {
            "executor": "LocalExecutor",
            "dags_folder": paths.repo / "dags",
            "plugins_folder": paths.repo / "plugins",
            "parallelism": max(8, min(16, 2 * (os.cpu_count() or 2))),
            "fernet_key": remembered.fernet_key,
            "simple_auth_manager_users": "admin:admin",
            "simple_auth_manager_passwords_file": paths.passwords,
            "execution_api_server_url": f"http://127.0.0.1:{port}/execution/",
        },
        "database": {"sql_alchemy_conn": f"postgresql+psycopg2://airflow@/airflow?host={socket}"},
        "api": {
            "host": "127.0.0.1",
            "port": port,
            "base_url": f"http://127.0.0.1:{port}",
            "secret_key": remembered.api_secret_key,
        },
        "api_auth": {"jwt_secret": remembered.jwt_secret},
        "logging": {"base_log_folder": paths.airflow / "logs", "colored_console_log": False},
    }


def settings(paths: Paths, remembered: Remembered, port: int) -> dict[str, dict[str, Any]]:
    """airflow.cfg: an AIRFLOW__SECTION__KEY in the environment wins over each of these, by Airflow's own rule."""
    shared, ours = tuned(paths.repo / "config" / "airflow.env"), own(paths, remembered, port)
    return {section: shared.get(section, {}) | ours.get(section, {}) for section in {**ours, **shared}}


def write_configuration(paths: Paths, remembered: Remembered, port: int) -> str:
    """Writes airflow.cfg and the password file; returns the text, whose change restarts Airflow."""
    lines = ["# Written by `make up`. To change a setting, set AIRFLOW__SECTION__KEY in the environment."]
    for section, options in settings(paths, remembered, port).items():
        lines += ["", f"[{section}]", *(f"{name} = {str(value).replace('%', '%%')}" for name, value in options.items())]
    text = "\n".join(lines) + "\n"
    write_private(paths.airflow / "airflow.cfg", text)
    write_private(paths.passwords, json.dumps({"admin": remembered.admin_password}) + "\n")
    return text


def command(name: str) -> list[str]:
    """The command line of one of Airflow's processes. `-m airflow`: a script's first line cannot hold every path."""
    return [sys.executable, "-m", "airflow", name, *ARGUMENTS.get(name, [])]


class Api:
    """Airflow's REST API, as the user `admin`."""

    def __init__(self, address: str, password: str) -> None:
        self.address = address
        self.password = password
        self._token = ""

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON answer. HTTPError for a refusal, URLError or OSError when nothing answers."""
        if not self._token:
            login = {"username": "admin", "password": self.password}
            self._token = self._send("POST", "/auth/token", login)["access_token"]
        try:
            return self._send(method, path, body)
        except HTTPError as error:
            if error.code == 401:
                self._token = ""
            raise

    def _send(self, method: str, path: str, body: Any, timeout: float = 30) -> Any:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = None if body is None else json.dumps(body).encode()
        with DIRECT.open(Request(self.address + path, data, headers, method=method), timeout=timeout) as answer:
            return json.loads(answer.read() or b"null")

    def health(self) -> dict[str, str]:
        """Component -> healthy or unhealthy; empty while nothing answers."""
        try:
            answer = self._send("GET", "/api/v2/monitor/health", None)
            return {name: state["status"] or "unknown" for name, state in answer.items()}
        except (URLError, OSError, ValueError):
            return {}

    def is_warm(self) -> bool:
        """Has the server build its API for tasks, which it does at the first request: seconds in which all others wait."""
        self._send("GET", "/execution/health", None, timeout=120)
        return True

    def is_ours(self) -> bool:
        """Whether the server at this address takes this checkout's password: another one may have the port."""
        try:
            self.call("GET", "/api/v2/version")
        except HTTPError as error:
            return error.code not in (401, 403, 404, 422)
        return True

    def dags(self) -> list[str]:
        """Ids of the DAGs that the DAG processor has read and that are not stale."""
        return [dag["dag_id"] for dag in self.call("GET", "/api/v2/dags?limit=100")["dags"]]

    def import_errors(self, since: float) -> dict[str, str]:
        """File -> last line of the reason why it cannot be read, for errors found after `since` (Unix time)."""
        errors = self.call("GET", "/api/v2/importErrors?limit=100")["import_errors"]
        recent = [e for e in errors if datetime.fromisoformat(e["timestamp"]).timestamp() > since]
        return {e["filename"]: (e["stack_trace"].strip().splitlines() or ["?"])[-1] for e in recent}

    def ensure_pools(self) -> None:
        """Creates the pools with one slot each; one that exists keeps the size the user gave it."""
        present = {pool["name"] for pool in self.call("GET", "/api/v2/pools?limit=100")["pools"]}
        for name in {source.pool for source in SOURCES.values()} - present:
            pool = {"name": name, "slots": 1, "description": f"Requests at the same time to {name}"}
            try:
                self.call("POST", "/api/v2/pools", pool)
            except HTTPError as error:
                if error.code != 409:
                    raise Failure(f"The pool {name} cannot be created: HTTP {error.code}") from None
