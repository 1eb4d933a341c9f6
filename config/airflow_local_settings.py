"""Airflow's own extension point: imported by every Airflow process at its start.

Processes that live long and fork others for their work (the scheduler with LocalExecutor, a Celery worker, the DAG processor)
import once what those others need; a forked process then has it for nothing. Great Expectations alone takes six seconds
otherwise, in every task.
"""

import gc
import os
import sys
from contextlib import suppress
from importlib import import_module

from airflow.configuration import conf

# What a start makes of modules, models and routes stays. Python looks it through for garbage with every 700 new objects, which
# takes a tenth of the whole start; memory is the same.
gc.set_threshold(50_000, 20, 20)

FOR_DAG_FILES = (
    "airflow.providers.common.io.assets.file",  # an Asset's address is checked by what all providers know of addresses
    "airflow.providers.common.sql.operators.sql",
    "airflow.providers.http.operators.http",
    "airflow.providers.postgres.assets.postgres",
    "airflow.providers.postgres.hooks.postgres",
    "jinja2.ext",
)
FOR_TASKS = (
    "include.audit.expectations",
    "include.sources",
    "plugins.defaults",
    "plugins.loads",
    "plugins.operators.plan",
    "plugins.operators.refresh",
)


def preload(*modules: str) -> None:
    """Imports them."""
    for module in modules:
        import_module(module)


def warm_up() -> None:
    """What each task would do for the first time: read the settings, and have jsonschema make ready for a parameter of its DAG."""
    from airflow.sdk import Param

    from include.errors import BadSetting
    from include.settings import read_settings

    with suppress(BadSetting):  # the web UI shows it, as the error of each DAG file
        read_settings()
    Param(None, type="null").resolve()


def starts_tasks() -> bool:
    """Whether this process will fork those that run tasks: a Celery worker, or a scheduler that is its own worker."""
    if "scheduler" in sys.argv:
        return "LocalExecutor" in conf.get_mandatory_value("core", "executor")
    return {"celery", "worker"} <= set(sys.argv)


if starts_tasks():
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    preload(*FOR_DAG_FILES, *FOR_TASKS)
    warm_up()
    # A garbage collection in a forked process would write to, and so copy, every page that it shares with this one.
    gc.collect()
    gc.freeze()

# Not our own modules: a change of theirs is to be seen without a restart.
if "dag-processor" in sys.argv:
    preload(*FOR_DAG_FILES)

# The command line asks for the group by its name; no other process needs the commands.
if sys.argv[1:2] == ["dags"]:
    import_module("plugins.commands.cli").add_commands()
