"""config/airflow_local_settings.py: what a process that forks others has imported for them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
PARSE = """
import json, sys
sys.argv = ["airflow", *sys.argv[1:]]
import airflow.settings
airflow.settings.import_local_settings()
preloaded = set(sys.modules)
from runpy import run_path
for name in ("weather", "wikipedia", "refresh_marts"):
    run_path(f"dags/{name}.py")
print(json.dumps({"preloaded": sorted(preloaded), "left": sorted(set(sys.modules) - preloaded)}))
"""


def last_line(code: str, *words: str, **settings: str) -> str:
    """The last line that `code` prints as a process `airflow WORDS`."""
    own = {
        "PYTHONPATH": os.pathsep.join([str(REPO), str(REPO / "config")]),
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
    }
    env = os.environ | own | settings
    answer = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=REPO, env=env, capture_output=True, text=True, check=True
    )
    return answer.stdout.splitlines()[-1]


def imports(*words: str, executor: str = "LocalExecutor") -> dict[str, list[str]]:
    """The modules that `airflow WORDS` has imported at its start, and those that its forks would still import for the DAG files."""
    found: dict[str, list[str]] = json.loads(last_line(PARSE, *words, AIRFLOW__CORE__EXECUTOR=executor))
    return found


@pytest.mark.parametrize("words", [("scheduler",), ("celery", "worker")], ids=" ".join)
def test_a_task_imports_nothing_heavy_and_nothing_of_ours(words: tuple[str, ...]) -> None:
    found = imports(*words)
    assert {"include.audit.expectations", "plugins.loads", "include.sources.weather.api"} <= set(found["preloaded"])
    assert [name for name in found["left"] if name.split(".")[0] in ("plugins", "include", "great_expectations")] == []
    assert [name for name in found["left"] if name.startswith("airflow.providers.")] == []


def test_the_dag_processor_sees_changes_of_ours_without_a_restart() -> None:
    preloaded = imports("dag-processor")["preloaded"]
    assert "airflow.providers.http.operators.http" in preloaded
    assert [name for name in preloaded if name.split(".")[0] in ("plugins", "include", "great_expectations")] == []


@pytest.mark.parametrize(
    ("words", "executor"), [("api-server", "LocalExecutor"), ("scheduler", "CeleryExecutor")], ids=str
)
def test_a_process_that_forks_no_task_starts_light(words: str, executor: str) -> None:
    preloaded = imports(words, executor=executor)["preloaded"]
    assert [name for name in preloaded if name.split(".")[0] in ("plugins", "include", "great_expectations")] == []


STARTS = """
import sys
sys.argv = ["airflow", *sys.argv[1:]]
import airflow.settings
airflow.settings.import_local_settings()
from include.settings import _has_times
print(_has_times.cache_info().currsize)
"""


@pytest.mark.parametrize(("schedule", "known"), [("@hourly", 3), ("nonsense", 1)])
def test_the_settings_are_checked_once_for_all_tasks_and_wrong_ones_stop_no_scheduler(
    schedule: str, known: int
) -> None:
    """The schedules of both sources and of the marts; the first wrong one ends the reading, and is told by the DAG files."""
    known_now = last_line(STARTS, "scheduler", DW_WEATHER_SCHEDULE=schedule, DW_WIKIPEDIA_SCHEDULE="@daily")
    assert int(known_now) == known
