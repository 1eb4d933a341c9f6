"""Airflow of the local run: its configuration, its processes, its database."""

import json
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from local.settings import Paths, Remembered, write_private

# No task of ours waits in the triggerer; without one the home page shows it as broken.
PROCESSES = ("api-server", "scheduler", "dag-processor", "triggerer")
# With LocalExecutor the log files lie where the web server reads them: no log server, whose port would be shared.
ARGUMENTS = {"scheduler": ["--skip-serve-logs"], "triggerer": ["--skip-serve-logs"]}
# Every other time the triggerer of Airflow 3.3.2 overlooks that its child has ended, and waits ten seconds for it. It holds nothing
# that the next one does not take over.
OPTIONS = {"triggerer": {"stopsignal": "KILL"}}


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
