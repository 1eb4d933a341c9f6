"""Replays on a running stack: by `airflow dags replay`, and by a parameter of the DAG."""

import json
import signal
import subprocess
from urllib.parse import quote

import pytest
from airflow_client.client import DAGApi, DAGPatchBody

from tests.e2e.stack import Row, Run, Stack, fresh_terminal, wait_for

WINDOW = ("2021-06-01", "2021-06-03")
INCLUSIVE = "-s 2021-06-01 -e 2021-06-02"


@pytest.fixture(scope="module")
def loaded(running: Stack) -> dict[str, list[Row]]:
    """What core and the ledger's responses hold after a run of each source."""
    for run in [running.trigger(dag_id, *WINDOW) for dag_id in ("weather", "wikipedia")]:
        run.wait("success")
    return facts(running)


def facts(stack: Stack) -> dict[str, list[Row]]:
    """The facts of the window without the loads that last changed them, and the stored responses."""
    return {
        "weather": stack.sql(
            "SELECT location_id, observed_at, temperature_celsius, wind_speed_mps, raw_id FROM core.weather "
            "WHERE observed_at >= %s AND observed_at < %s ORDER BY 1, 2",
            *WINDOW,
        ),
        "wikipedia": stack.sql(
            "SELECT page_id, revision_id, revision_user, size_delta_bytes, raw_id FROM core.revision "
            "WHERE revision_timestamp >= %s AND revision_timestamp < %s ORDER BY 1, 2",
            *WINDOW,
        ),
        "responses": stack.sql(
            "SELECT count(*) FROM raw.weather_observations UNION ALL SELECT count(*) FROM raw.wikipedia_pages"
        ),
    }


def damage(stack: Stack, table: str, column: str, mistake: str) -> int:
    """Spoils the rows of the window; how many there are."""
    spoil = f"UPDATE core.{table} SET {mistake} WHERE {column} >= %s AND {column} < %s RETURNING 1"
    return len(stack.sql(spoil, *WINDOW))


def replays(stack: Stack, columns: str, dag_id: str) -> list[Row]:
    return stack.sql(f"SELECT {columns} FROM audit.load WHERE is_replay AND dag_id = %s", dag_id)


def test_a_replay_rebuilds_core_without_asking_the_services(stack: Stack, loaded: dict[str, list[Row]]) -> None:
    damaged = damage(stack, "weather", "observed_at", "wind_speed_mps = 0")
    assert damaged == 10 * 48
    asked = len(stack.sandbox.requests)
    answer = stack.shell(f"airflow dags replay weather {INCLUSIVE}")
    assert (answer.returncode, answer.stderr) == (0, "")
    lines = answer.stdout.splitlines()
    assert lines[0] == "Replaying the stored responses of weather for [2021-06-01, 2021-06-03) UTC"
    assert lines[-2].startswith("weather: 14/14 tasks done, 0 running, 0 failed")
    assert lines[-1] == "Replayed 10 stored responses: 480 of 480 rows changed in core."
    assert len(stack.sandbox.requests) == asked
    assert facts(stack) == loaded
    assert replays(stack, "status, rows_changed > 0", "weather") == [("published", True)] * 3


@pytest.mark.usefixtures("loaded")
def test_make_replay_is_the_same_and_takes_some_places_only(stack: Stack) -> None:
    answer = stack.shell(f"make -s replay ARGS='weather {INCLUSIVE} --only Boston --only Denver'")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.endswith("Replayed 2 stored responses: 0 of 96 rows changed in core.\n")


def test_the_parameter_of_the_dag_does_the_same(stack: Stack, loaded: dict[str, list[Row]]) -> None:
    assert damage(stack, "revision", "revision_timestamp", "revision_user = 'damage'") > 0
    asked = len(stack.sandbox.requests)
    conf = json.dumps({"start_date": WINDOW[0], "end_date": WINDOW[1], "replay": True})
    triggered = stack.shell(f"airflow dags trigger wikipedia -r replayed_by_hand -c '{conf}'")
    assert triggered.returncode == 0, triggered.stderr
    Run(stack, "wikipedia", "replayed_by_hand").wait("success")
    assert len(stack.sandbox.requests) == asked
    assert facts(stack) == loaded
    due = "bool_and(status = 'published'), bool_or(marts_due_since IS NOT NULL)"
    assert wait_for("the marts", lambda: replays(stack, due, "wikipedia") == [(True, False)])


@pytest.mark.usefixtures("loaded")
def test_a_replay_that_fails_says_why_where_and_what_repeats_it(stack: Stack) -> None:
    words = "weather -s 1999-01-01 --only Boston --only Denver"
    answer = stack.shell(f"airflow dags replay {words}")
    assert (answer.returncode, answer.stderr) == (1, "")
    run_id = stack.sql("SELECT run_id FROM audit.load WHERE is_replay ORDER BY load_id DESC LIMIT 1")[0][0]
    reason = (
        "raw.weather_observations holds no complete response to replay for places Boston, Denver; "
        "window [1999-01-01, 1999-01-02) UTC; run the window without replay first"
    )
    _, told = answer.stdout.split("Replayed 0 stored responses: 0 of 0 rows changed in core.\n1 run failed:\n")
    first, second, *rest = told.splitlines()
    assert first == f"  {run_id}"
    assert second.startswith("    load.extract [Boston and 1 more") and reason in second
    assert rest == [
        f"All of it: {stack.address}/dags/weather/runs/{quote(run_id, safe='')}",
        "When the cause is gone:",
        f"  airflow dags replay {words}",
    ]


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("airflow dags replay weather -s 2021-06-03 -e 2021-06-01", "replay: -s 2021-06-03 is after -e 2021-06-01"),
        (
            "unset AIRFLOW_CONN_WAREHOUSE; airflow dags replay weather -s 2021-06-01",
            "The conn_id `warehouse` isn't defined",
        ),
        (
            # An empty database, which no role of the warehouse may connect to.
            """CONN=${AIRFLOW_CONN_WAREHOUSE/dw_loader/postgres}
            AIRFLOW_CONN_WAREHOUSE=${CONN/'"dw"'/'"postgres"'} airflow dags replay weather -s 2021-06-01""",
            "the warehouse has not been migrated: `python -m include migrate`",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_before_a_run(stack: Stack, command: str, reason: str) -> None:
    before = len(stack.runs("weather"))
    answer = stack.shell(command)
    assert answer.returncode == 2, f"{answer.stdout}\n{answer.stderr}"
    assert answer.stderr.startswith("replay: ") and reason in answer.stderr and answer.stderr.count("\n") == 1
    assert len(stack.runs("weather")) == before


def test_a_replay_of_a_paused_dag_is_refused(stack: Stack) -> None:
    dags = DAGApi(stack.api)
    dags.patch_dag("weather", DAGPatchBody(is_paused=True))
    try:
        answer = stack.shell("airflow dags replay weather -s 2021-06-01")
    finally:
        dags.patch_dag("weather", DAGPatchBody(is_paused=False))
    assert (answer.returncode, answer.stderr.count("\n")) == (2, 1)
    assert "airflow dags unpause weather" in answer.stderr


@pytest.mark.usefixtures("loaded")
def test_ctrl_c_stops_waiting_and_the_replay_goes_on(stack: Stack) -> None:
    number = len(stack.runs("weather"))
    # A shell that runs the tests in its background has them, and all that they start, ignore Ctrl-C.
    command = subprocess.Popen(
        ["env", "--default-signal=INT", "bash", "-c", f". .local/env\nexec airflow dags replay weather {INCLUSIVE}"],
        cwd=stack.repo,
        env=fresh_terminal(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert command.stdout
    while (line := command.stdout.readline()) and "tasks done" not in line:
        pass
    command.send_signal(signal.SIGINT)
    _, told = command.communicate(timeout=60)
    assert command.returncode == 130, told
    [run] = [run for run in stack.runs("weather") if run.dag_run_id in told]
    assert told == (
        f"\nStopped waiting. The run {run.dag_run_id} of weather goes on: "
        f"{stack.address}/dags/weather/runs/{quote(run.dag_run_id, safe='')}\n"
    )
    assert len(stack.runs("weather")) == number + 1
    Run(stack, "weather", run.dag_run_id).wait("success")
