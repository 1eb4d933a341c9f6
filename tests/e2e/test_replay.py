"""Replays on a running stack: by the command of the Makefile, and by a parameter of the DAG."""

import json

import pytest

from tests.e2e.stack import Row, Run, Stack, wait_for

WINDOW = ("2021-06-01", "2021-06-03")
INCLUSIVE = ("-s", "2021-06-01", "-e", "2021-06-02")


@pytest.fixture(scope="module")
def loaded(running: Stack) -> dict[str, list[Row]]:
    """What core and the ledger's answers hold after a run of each source."""
    for run in [running.trigger(dag_id, *WINDOW) for dag_id in ("weather", "wikipedia")]:
        run.wait("success")
    return facts(running)


def facts(stack: Stack) -> dict[str, list[Row]]:
    """The facts of the window without the loads that last changed them, and the stored answers."""
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
        "answers": stack.sql(
            "SELECT count(*) FROM raw.weather_observations UNION ALL SELECT count(*) FROM raw.wikipedia_pages"
        ),
    }


def damage(stack: Stack, table: str, column: str, mistake: str) -> int:
    """Spoils the rows of the window; how many there are."""
    spoil = f"UPDATE core.{table} SET {mistake} WHERE {column} >= %s AND {column} < %s RETURNING 1"
    return len(stack.sql(spoil, *WINDOW))


def replays(stack: Stack, columns: str, dag_id: str) -> list[Row]:
    return stack.sql(f"SELECT {columns} FROM audit.load WHERE is_replay AND dag_id = %s", dag_id)


def test_make_replay_rebuilds_core_without_asking_the_services(stack: Stack, loaded: dict[str, list[Row]]) -> None:
    damaged = damage(stack, "weather", "observed_at", "wind_speed_mps = 0")
    assert damaged == 10 * 48
    asked = len(stack.sandbox.requests)
    answer = stack.local("replay", "weather", *INCLUSIVE)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "weather for [2021-06-01, 2021-06-03) UTC" in answer.stdout
    assert "14/14 tasks done" in answer.stdout
    assert answer.stdout.endswith("Replayed 10 stored answers: 480 of 480 rows changed in core.\n")
    assert len(stack.sandbox.requests) == asked
    assert facts(stack) == loaded
    assert replays(stack, "status, rows_changed > 0", "weather") == [("published", True)] * 3


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
def test_a_window_without_stored_answers_says_so(stack: Stack) -> None:
    answer = stack.local("replay", "weather", "-s", "1999-01-01", "--only", "Boston")
    assert answer.returncode == 1
    assert (
        "weather: raw.weather_observations holds no complete answer to replay for places Boston; "
        "window [1999-01-01, 1999-01-02) UTC; run the window without replay first"
    ) in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_wrong_argument_is_refused_before_a_run(stack: Stack) -> None:
    before = len(stack.runs("weather"))
    answer = stack.local("replay", "weather", "-s", "2021-06-03", "-e", "2021-06-01")
    assert (answer.returncode, answer.stderr) == (2, "replay: -s 2021-06-03 is after -e 2021-06-01\n")
    assert len(stack.runs("weather")) == before
