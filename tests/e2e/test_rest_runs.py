"""Runs over the REST API: from the trigger to the marts, what the tasks leave behind, cleared runs, refused windows."""

import json
from functools import partial
from itertools import pairwise

import pytest
from airflow_client.client import DagRunApi, DAGRunResponse, PoolApi

from sandbox import Fault
from tests.e2e import expected
from tests.e2e.stack import API_KEY, ENDED, Row, Run, Stack, wait_for

WINDOW = ("2021-03-01", "2021-03-04")
STEPS = ("load.extract", "load.transform", "load.validate", "load.publish")
EDITS = 600
"""More than the 500 revisions of one response."""


@pytest.fixture(scope="module")
def loaded(running: Stack) -> dict[str, Run]:
    """One successful run of each source."""
    running.sandbox.add_revisions("New England", expected.moment(WINDOW[0]), EDITS, step_seconds=300)
    runs = {dag_id: running.trigger(dag_id, *WINDOW) for dag_id in ("weather", "wikipedia")}
    for run in runs.values():
        run.wait("success")
    return runs


@pytest.fixture(scope="module")
def refreshed(loaded: dict[str, Run]) -> dict[str, Run]:
    """The same runs, once the marts show them."""
    for run in loaded.values():
        refresh = wait_for(f"a refresh after {run.dag_id}", partial(asset_triggered_by, run))
        assert refresh.state == "success"
    return loaded


def test_the_marts_follow_by_themselves(stack: Stack, refreshed: dict[str, Run]) -> None:
    for run in refreshed.values():
        assert run.loads("marts_due_since") == [(None,)] * len(run.planned())


@pytest.mark.usefixtures("refreshed")
def test_the_weather_mart_holds_the_aggregates_of_what_the_service_said(stack: Stack) -> None:
    rows = expected.weather_mart(stack, *WINDOW)
    assert len(rows) == 10 * 4  # three UTC days touch four local days west of Greenwich
    assert rows == expected.daily_weather(stack, *WINDOW)


@pytest.mark.usefixtures("refreshed")
def test_the_wikipedia_mart_holds_the_edits_that_the_service_listed(stack: Stack) -> None:
    rows = expected.wikipedia_mart(stack, *WINDOW)
    assert sum(row[2] for row in rows if row[0] == "New England") >= EDITS
    assert rows == expected.daily_edits(stack, *WINDOW)


@pytest.mark.parametrize("dag_id", ["weather", "wikipedia"])
def test_every_task_carries_the_label_of_its_load(dag_id: str, loaded: dict[str, Run]) -> None:
    run = loaded[dag_id]
    labels = [load["label"] for load in run.planned()]
    assert len(labels) == (3 if dag_id == "weather" else 1)
    assert all("2021-03-01, 2021-03-04" in label for label in labels)
    for step in STEPS:
        assert [task.label for task in run.tasks(step)] == labels


@pytest.mark.parametrize("dag_id", ["weather", "wikipedia"])
def test_nothing_but_the_plan_travels_through_xcom(dag_id: str, loaded: dict[str, Run]) -> None:
    run = loaded[dag_id]
    loads = run.planned()
    assert [set(load) for load in loads] == [{"load_id", "label"}] * len(loads)
    pushed = {step: [run.xcom_keys(task) for task in run.tasks(step)] for step in STEPS}
    assert pushed == {step: [[]] * len(loads) for step in STEPS}


@pytest.mark.usefixtures("loaded")
def test_no_payload_is_logged(stack: Stack) -> None:
    logs = stack.task_logs()
    assert "rows landed in raw" in logs
    rows = stack.sql(PAYLOADS)
    assert len(rows) > 10
    for (payload,) in rows:
        for start in range(0, len(payload) - 40, max(40, len(payload) // 8)):
            excerpt = payload[start : start + 40]
            assert excerpt not in logs
            assert json.dumps(excerpt)[1:-1] not in logs


PAYLOADS = """
    SELECT payload FROM raw.weather_observations WHERE problem IS NULL
    UNION ALL SELECT payload FROM raw.wikipedia_pages WHERE problem IS NULL
"""


def test_a_cleared_run_leaves_the_same_rows(stack: Stack, loaded: dict[str, Run]) -> None:
    before = core_rows(stack)
    assert len(before["core.weather"]) == 10 * 72
    first_loads = {dag_id: run.loads("load_id") for dag_id, run in loaded.items()}
    for run in loaded.values():
        run.clear()
    for run in loaded.values():
        run.wait("success")
        loads = run.loads("load_id, status, rows_changed")
        again = [(status, changed) for load_id, status, changed in loads if (load_id,) not in first_loads[run.dag_id]]
        assert again == [("published", 0)] * len(first_loads[run.dag_id])
    assert core_rows(stack) == before


def test_a_window_that_ends_before_it_starts_is_refused_in_plan(stack: Stack) -> None:
    run = stack.trigger("weather", "2021-05-03", "2021-05-01")
    run.wait("failed")
    plan = run.task("plan")
    assert (plan.state, plan.try_number) == ("failed", 1)
    [message] = run.errors(plan)
    assert message.startswith("weather: start_date 2021-05-03 is not before end_date 2021-05-01\nend_date is exclusive")
    assert {task.state for task in run.tasks() if task.task_id != "plan"} <= {"upstream_failed", "skipped"}
    assert run.loads("load_id") == []


@pytest.fixture(scope="module")
def recent(running: Stack) -> tuple[Run, list[str]]:
    """A run of a past week from a slow forecast API, which takes a key; and the keys it was asked with."""
    since = len(running.sandbox.requests)
    running.sandbox.faults.append(Fault.slow(0.5, times=None))
    run = running.trigger("weather", expected.days_ago(12), expected.days_ago(11))
    run.wait("success")
    running.sandbox.faults.clear()
    return run, [request.params.get("apikey", "") for request in running.sandbox.requests[since:]]


def test_one_extraction_at_a_time_asks_a_service(stack: Stack, recent: tuple[Run, list[str]]) -> None:
    pools = {pool.name: pool.slots for pool in PoolApi(stack.api).get_pools(limit=100).pools}
    assert (pools["open_meteo"], pools["mediawiki"]) == (1, 1)
    tasks = recent[0].tasks("load.extract")
    spans = sorted((task.started, task.ended) for task in tasks if task.started and task.ended)
    assert len(spans) == 3
    assert all(first_ended <= next_started for (_, first_ended), (next_started, _) in pairwise(spans))


def test_the_api_key_reaches_the_service_and_nothing_else(stack: Stack, recent: tuple[Run, list[str]]) -> None:
    assert recent[1] == [API_KEY] * 3
    raw = [text for (text,) in stack.sql("SELECT raw::text FROM raw.weather_observations AS raw")]
    assert "/v1/forecast" in "".join(raw)
    assert API_KEY not in "".join(raw)


@pytest.mark.usefixtures("loaded", "recent")
def test_no_secret_is_logged(stack: Stack) -> None:
    names = ("fernet_key", "jwt_secret", "api_secret_key", "admin_password")
    secrets = {name: stack.chosen[name] for name in names} | {"api key": API_KEY}
    files = [*(stack.paths.airflow / "logs").rglob("*.log"), *stack.paths.logs.rglob("*.log")]
    assert len(files) > 20
    for file in files:
        text = file.read_text(errors="replace")
        assert [name for name, secret in secrets.items() if secret in text] == [], file


def asset_triggered_by(run: Run) -> DAGRunResponse | None:
    """The ended run of refresh_marts that an asset event of this run has started, if there is one."""
    for refresh in reversed(run.stack.runs("refresh_marts")):
        if refresh.run_type != "asset_triggered" or refresh.state not in ENDED:
            continue
        events = DagRunApi(run.stack.api).get_upstream_asset_events("refresh_marts", refresh.dag_run_id).asset_events
        if any(event.source_run_id == run.run_id for event in events) and no_mart_is_due(run):
            return refresh
    return None


def no_mart_is_due(run: Run) -> bool:
    """Whether the marts show all its loads: each publishes on its own, a refresh may have come in between."""
    return all(due is None for (due,) in run.loads("marts_due_since"))


def core_rows(stack: Stack) -> dict[str, list[Row]]:
    """The rows of the window, each with all its columns: lineage too, since unchanged rows are not rewritten."""
    return {
        "core.weather": stack.sql(
            "SELECT * FROM core.weather WHERE observed_at >= %s AND observed_at < %s ORDER BY 1, 2", *WINDOW
        ),
        "core.weather_daily": stack.sql("SELECT * FROM core.weather_daily ORDER BY 1, 2"),
        "core.wikipedia_page": stack.sql("SELECT * FROM core.wikipedia_page ORDER BY 1, valid_from"),
        "core.revision": stack.sql("SELECT * FROM core.revision ORDER BY 1, 2"),
    }
