"""What airflow-init brings about in Airflow: its database, its administrator, its pools.

The commands of Airflow's own command line, in one process: each start of it costs four seconds of CPU time.
"""

import io
import json
import os
import sys
from contextlib import redirect_stdout

from airflow.__main__ import main

from include.sources import SOURCES


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


def ensure_pools() -> None:
    """Both services ask for one request at a time. A pool that exists keeps the size it was given."""
    present = {pool["pool"] for pool in json.loads(airflow("pools", "list", "--output", "json"))}
    for name in sorted({source.pool for source in SOURCES.values()}):
        if name not in present:
            airflow("pools", "set", name, "1", f"Requests at the same time to {name}")


airflow("db", "migrate")
if password := os.environ.get("_AIRFLOW_WWW_USER_PASSWORD"):
    ensure_administrator(os.environ.get("_AIRFLOW_WWW_USER_USERNAME") or "airflow", password)
ensure_pools()
