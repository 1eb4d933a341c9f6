"""What runs elsewhere calls what the Makefile has: the workflow, the hooks of pre-commit, the update bot."""

import os
import re
import subprocess
import tomllib
from typing import Any

import pytest
import yaml

from tests.unit.support import REPO

MAKEFILE = (REPO / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):.* ## ", MAKEFILE, re.M))
TOOL = re.compile(r"-m (ruff (?:check|format)|sqlfluff lint|mypy)\b")


def read(name: str) -> Any:
    return yaml.safe_load((REPO / name).read_text(encoding="utf-8"))


def jobs() -> dict[str, Any]:
    """Job -> what the workflow says of it."""
    found: dict[str, Any] = read(".github/workflows/ci.yml")["jobs"]
    return found


def commands() -> list[str]:
    """What its steps run."""
    return [step["run"] for job in jobs().values() for step in job["steps"] if "run" in step]


def shown(*words: str) -> str:
    """What make would run."""
    # A make that runs these tests hands its own words to every make below it.
    env = {
        name: value
        for name, value in os.environ.items()
        if name not in ("MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "T", "WORKERS")
    }
    command = ["make", "--dry-run", "--no-print-directory", "--assume-old=install", *words]
    return subprocess.run(command, cwd=REPO, env=env, capture_output=True, text=True, check=True).stdout


def test_each_make_of_the_workflow_is_a_target() -> None:
    named = [target for command in commands() for target in re.findall(r"\bmake ([\w-]+)", command)]
    assert {"install", "lint", "test-fast", "test"} == set(named) <= TARGETS


def test_the_jobs_of_the_workflow_run_every_test() -> None:
    folders = {folder for words in re.findall(r'T="?([^"\n]+)', "\n".join(commands())) for folder in words.split()}
    assert len(jobs()) == 4
    everything = {word for word in shown("test").split() if word.startswith("tests/")}
    assert folders == everything - {word for word in shown("test-fast").split() if word.startswith("tests/")}


def test_the_workflow_runs_the_oldest_python_and_a_newer_one() -> None:
    oldest = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    assert jobs()["fast"]["strategy"]["matrix"]["python"] == [oldest.removeprefix(">="), "3.13"]


def test_the_hooks_run_what_make_lint_runs() -> None:
    hooks = [hook["entry"] for repo in read(".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]]
    lines = [line for line in shown("lint").splitlines() if line]
    assert [TOOL.findall(entry) for entry in hooks] == [TOOL.findall(line) for line in lines]
    of_types = [[line.split("-m mypy ")[1].split() for line in texts if "-m mypy" in line] for texts in (hooks, lines)]
    assert of_types[0] == of_types[1]


def test_the_update_bot_looks_where_pins_are() -> None:
    updates = read(".github/dependabot.yml")["updates"]
    assert {update["package-ecosystem"] for update in updates} >= {"pip", "docker", "github-actions"}
    assert {update["directory"] for update in updates} == {"/"}
    assert (REPO / "Dockerfile").is_file() and (REPO / "requirements.in").is_file()


@pytest.mark.parametrize(
    "chosen", ["tests/unit/test_windows.py", "tests/unit tests/dags", "tests/unit/test_windows.py::test_a"]
)
def test_make_test_runs_what_t_names_and_nothing_else(chosen: str) -> None:
    assert shown("test", f"T={chosen}").split("-m pytest ")[1].strip() == chosen


@pytest.mark.parametrize(("words", "workers"), [([], "2"), (["WORKERS=3"], "3"), (["T=tests/e2e", "WORKERS=2"], "2")])
def test_all_tests_and_those_of_a_job_are_run_side_by_side(words: list[str], workers: str) -> None:
    assert f"-m pytest -n {workers} --dist loadgroup --no-loadscope-reorder tests/" in shown("test", *words)
