"""Airflow's own extension point: imported by every Airflow process at its start.

Processes that live long and start the tasks by forking (the scheduler with LocalExecutor, a Celery worker) import the heavy
modules once; a forked task then has them for nothing. Importing Great Expectations takes six seconds otherwise, in every task.
"""

import os
import sys


def _preload() -> None:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations.expectations  # noqa: F401  # for the processes forked later


if "scheduler" in sys.argv or {"celery", "worker"} <= set(sys.argv):
    _preload()
