"""Airflow's own extension point: imported by every Airflow process at its start.

Processes that live long and start the tasks by forking (the scheduler with LocalExecutor, a Celery worker) import the heavy
modules once; a forked task then has them for nothing. Great Expectations alone takes six seconds otherwise, in every task.
"""

import os
import sys
from importlib import import_module

HEAVY = (
    "great_expectations.expectations",
    "airflow.providers.common.sql.operators.sql",
    "airflow.providers.http.operators.http",
    "airflow.providers.postgres.hooks.postgres",
    "plugins.loads",
    "plugins.operators.refresh",
)

if "scheduler" in sys.argv or {"celery", "worker"} <= set(sys.argv):
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    for module in HEAVY:
        import_module(module)

# The command line asks for the group by its name; no other process needs the command.
if sys.argv[1:2] == ["dags"]:
    import_module("plugins.backfill.cli").add_command()
