"""Airflow of the local run: its configuration, its processes, its database."""

import json
import os
import sys
from typing import Any
from urllib.parse import quote

from local.settings import Paths, Remembered, write_private

# No task of ours waits in the triggerer; without one the home page shows it as broken.
PROCESSES = ("api-server", "scheduler", "dag-processor", "triggerer")
# With LocalExecutor the log files lie where the web server reads them: no log server, whose port would be shared.
ARGUMENTS = {"scheduler": ["--skip-serve-logs"], "triggerer": ["--skip-serve-logs"]}


def settings(paths: Paths, remembered: Remembered, port: int) -> dict[str, dict[str, Any]]:
    """airflow.cfg: an AIRFLOW__SECTION__KEY in the environment wins over each of these, by Airflow's own rule."""
    socket = quote(str(paths.short / "postgres"), safe="")
    return {
        "core": {
            "executor": "LocalExecutor",
            "dags_folder": paths.repo / "dags",
            "plugins_folder": paths.repo / "plugins",
            "load_examples": False,
            "dags_are_paused_at_creation": False,
            "parallelism": max(8, min(16, 2 * (os.cpu_count() or 2))),
            "max_map_length": 10000,
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
        "scheduler": {
            "scheduler_idle_sleep_time": 0.25,
            # Both are five minutes by default. A task reports every five seconds, so half a minute of silence means that its
            # worker was killed; what a killed scheduler had queued is taken over once it has been silent for as long.
            "task_instance_heartbeat_timeout": 30,
            "orphaned_tasks_check_interval": 10,
        },
        "workers": {
            # A laptop under load may well need more than the default of five seconds.
            "execution_api_timeout": 60,
            # Airflow 3.3.2 overlooks the exit of a task that comes a moment after its last words, and keeps its worker (and
            # the state of a skipped task) until the next heartbeat: five seconds by default.
            "min_heartbeat_interval": 1,
        },
        "dag_processor": {"refresh_interval": 10, "bundle_refresh_check_interval": 2},
        "logging": {"base_log_folder": paths.airflow / "logs", "colored_console_log": False},
    }


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
