"""The commands of a terminal that has sourced .local/env, and the demo."""

import json

import pytest
from airflow_client.client import DAGApi

from tests.e2e.stack import Stack

DAGS = ("refresh_marts", "weather", "wikipedia")


def test_psql_works_in_a_shell(stack: Stack) -> None:
    answer = stack.shell('psql "$WAREHOUSE_URL" -At -c "select count(*) from core.location where is_active"')
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "10\n", "")


def test_airflow_lists_the_dags_in_a_shell(stack: Stack) -> None:
    answer = stack.shell("airflow dags list -o json")
    assert answer.returncode == 0, answer.stderr
    assert sorted(dag["dag_id"] for dag in json.loads(last_line(answer.stdout))) == list(DAGS)


def test_airflow_has_no_import_errors(stack: Stack) -> None:
    answer = stack.shell("airflow dags list-import-errors -o json")
    assert answer.returncode == 0, answer.stderr
    assert json.loads(last_line(answer.stdout)) == []


def test_airflow_finds_nothing_to_correct_in_the_configuration(stack: Stack) -> None:
    answer = stack.shell("airflow config lint")
    assert answer.returncode == 0, answer.stderr
    assert "No issues found" in answer.stdout


def last_line(text: str) -> str:
    """Airflow logs to the same stream, before its answer."""
    return text.strip().splitlines()[-1]


@pytest.mark.parametrize("dag_id", DAGS)
def test_every_dag_explains_itself(dag_id: str, stack: Stack) -> None:
    dag = DAGApi(stack.api).get_dag_details(dag_id)
    assert (dag.doc_md or "").strip().startswith(f"### {dag_id}")
    assert dag.description
    assert not dag.is_paused


def test_the_demo_shows_the_marts_and_does_nothing_twice(stack: Stack) -> None:
    processes = stack.processes()
    first = stack.local("demo")
    assert first.returncode == 0, f"{first.stdout}\n{first.stderr}"
    for part in (
        "mart.daily_weather_aggregates",
        "mart.daily_wikipedia_page_stats",
        "Boston",
        f"{stack.address}/plugin/warehouse",
    ):
        assert part in first.stdout
    assert (stack.paths.state / "marts.png").read_bytes().startswith(b"\x89PNG")
    runs = {dag_id: len(stack.runs(dag_id)) for dag_id in ("weather", "wikipedia")}

    again = stack.local("demo")
    assert again.returncode == 0, f"{again.stdout}\n{again.stderr}"
    assert "nothing to load" in again.stdout
    assert stack.address in again.stdout
    assert {dag_id: len(stack.runs(dag_id)) for dag_id in runs} == runs
    assert stack.processes() == processes


def test_the_doctor_can_tell_everything_of_a_running_stack(stack: Stack) -> None:
    """But for what other tests of this stack have left behind, runs, loads and gaps that they made fail on purpose; for the
    services, whose addresses `make up` was given and this shell was not; and for the room on the disk.
    """
    answer = stack.shell("python -m include doctor --json")
    found = {check["check"]: check for check in json.loads(answer.stdout)["checks"]}
    assert {name for name, check in found.items() if check["state"] == "cannot tell"} == set(), found
    others = {
        "services",
        "disk",
        "failed runs",
        "stuck runs",
        "failed loads",
        "stuck loads",
        "withheld",
        "quarantined",
        "gaps",
    }
    bad = {name: check for name, check in found.items() if check["state"] == "bad" and name not in others}
    assert bad == {}
    assert answer.returncode in (0, 1)


def test_the_status_is_good(stack: Stack) -> None:
    answer = stack.local("status")
    assert answer.returncode == 0, answer.stdout
    assert stack.address in answer.stdout
