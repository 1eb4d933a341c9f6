"""What airflow-init brings about in Airflow: its database, its administrator, the connections and pools of the sources.

The commands of Airflow's own command line, in one process: each start of it costs four seconds of CPU time.
"""

import io
import json
import os
import sys
from contextlib import redirect_stdout
from tempfile import NamedTemporaryFile

from airflow.__main__ import main

from include.connections import api_connections, variable
from include.sources import SOURCES

SANDBOX = "http://sandbox:8090"
"""Of the compose stack."""


def airflow(*words: str) -> str:
    """Runs `airflow WORDS`; what it printed. SystemExit when it fails."""
    sys.argv = ["airflow", *words]
    with redirect_stdout(io.StringIO()) as printed:
        main()  # type: ignore[no-untyped-call]  # Airflow's, without types
    return printed.getvalue()


def ensure_administrator(name: str, password: str) -> None:
    """The administrator exists and has this password, whatever it was before."""
    identity = ("--firstname", "Airflow", "--lastname", "Admin", "--email", f"{name}@example.com")
    told = airflow("users", "create", "--role", "Admin", "--username", name, "--password", password, *identity)
    if "already exist" in told:
        airflow("users", "reset-password", "--username", name, "--password", password)


def set_connections(instead: str | None) -> None:
    """Each service has its connection, whatever it was before: DW_APIS decides, and an AIRFLOW_CONN_… of the user wins over it."""
    connections = {
        name: {**connection, "description": f"set anew by airflow-init; {variable(name)} wins over it"}
        for name, connection in api_connections(instead).items()
    }
    with NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(connections, file)
        file.flush()
        airflow("connections", "import", "--overwrite", file.name)


def ensure_pools() -> None:
    """Each service is asked one thing at a time. A pool that exists keeps the size it was given."""
    present = {pool["pool"] for pool in json.loads(airflow("pools", "list", "--output", "json"))}
    for name in sorted({source.pool for source in SOURCES.values()}):
        if name not in present:
            airflow("pools", "set", name, "1", f"Requests at the same time to {name}")


airflow("db", "migrate")
if password := os.environ.get("_AIRFLOW_WWW_USER_PASSWORD"):
    ensure_administrator(os.environ.get("_AIRFLOW_WWW_USER_USERNAME") or "airflow", password)
set_connections(SANDBOX if os.environ.get("DW_APIS") == "sandbox" else None)
ensure_pools()
