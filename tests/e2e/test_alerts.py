"""Alerts of a running stack: one message for each run that failed, by HTTP and by mail, and none that is in the way."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from urllib.parse import quote

import psycopg
import pytest
from airflow_client.client import ConnectionApi, ConnectionBody, DagRunApi, TriggerDAGRunPostBody

from local import postgres
from sandbox import Fault
from tests.e2e.stack import Run, Stack, wait_for
from tests.receivers import Mailbox, Posted, http_server, smtp_server

MART = "mart.daily_weather_aggregates"


@dataclass
class Services:
    """What the connection `alerts` leads to."""

    chat: Posted
    mailbox: Mailbox

    def told(self, run: Run) -> str:
        """The message of a run, its title first, once it has come."""
        [message] = wait_for(f"a message of {run.run_id}", lambda: self.messages(run))
        return str(message)

    def messages(self, run: Run) -> list[str]:
        found = [f"{message['title']}\n{message['message']}" for message in self.chat.messages]
        return [text for text in found if f"\nrun {run.run_id}\n" in text]


@pytest.fixture(scope="module")
def services(running: Stack) -> Iterator[Services]:
    """A chat and a mailbox, in Airflow's own database as a user's command writes them."""
    with ExitStack() as opened:
        found = Services(opened.enter_context(http_server()), opened.enter_context(smtp_server()))
        mail = (
            f"mailto://127.0.0.1:{found.mailbox.port}?from=dw@example.org&to=ann@example.org&mode=insecure&format=text"
        )
        with_secret = found.chat.url.replace("http://", "json://ann:geheim@")
        config = {"config": [{"path": with_secret}, {"path": mail}]}
        body = ConnectionBody(connection_id="alerts", conn_type="apprise", extra=json.dumps(config))
        ConnectionApi(running.api).post_connection(body)
        opened.callback(ConnectionApi(running.api).delete_connection, "alerts")
        yield found


def dag_processor_log(stack: Stack, dag_id: str) -> str:
    """What callbacks of a DAG have logged."""
    files = (stack.paths.airflow / "logs" / "dag_processor").rglob(f"{dag_id}.py.log")
    return "\n".join(file.read_text(errors="replace") for file in files if not file.parent.is_symlink())


def refused(stack: Stack) -> Run:
    """A run of which only plan has failed."""
    run = stack.trigger("weather", "2010-05-03", "2010-05-01")
    run.wait("failed")
    return run


def test_without_a_connection_nothing_is_said(stack: Stack) -> None:
    called = "Executing on_failure dag callback"
    before = dag_processor_log(stack, "weather")
    refused(stack)
    wait_for("the callback", lambda: dag_processor_log(stack, "weather").count(called) > before.count(called))
    said = dag_processor_log(stack, "weather")
    assert "Callback failed" not in said
    assert "alert" not in said.removeprefix(before)


def test_a_run_of_which_two_loads_failed_sends_one_message(stack: Stack, services: Services) -> None:
    stack.sandbox.faults.append(Fault.bad_request("No such hours", times=2))
    run = stack.trigger("weather", "2010-06-01", "2010-06-02")
    run.wait("failed")
    states = [task.state for task in run.tasks("load.extract")]
    assert sorted(states) == ["failed", "failed", "success"]
    title, named, *loads, _, command, link = services.told(run).splitlines()
    assert title == "weather: a run failed, 2 of 3 loads are not whole, [2010-06-01, 2010-06-02) UTC"
    assert named == f"run {run.run_id}"
    assert len(loads) == 2 and all("extract: weather, [2010-06-01, 2010-06-02) UTC: HTTP 400" in load for load in loads)
    assert link == f"{stack.address}/dags/weather/runs/{quote(run.run_id, safe='')}"

    assert stack.shell(command).returncode == 0
    again = Run(stack, "weather", stack.runs("weather")[-1].dag_run_id)
    again.wait("success")
    lacking = [name for load in run.loads("status, subject_ids") if load[0] != "published" for name in load[1]]
    assert sorted(name for (ids,) in again.loads("subject_ids") for name in ids) == sorted(lacking)


def test_a_run_whose_plan_was_refused_sends_one_message(stack: Stack, services: Services) -> None:
    title, _, plan, *_ = services.told(refused(stack)).splitlines()
    assert title == "weather: a run failed: plan"
    assert plan.startswith("plan: weather: start_date 2010-05-03 is not before end_date 2010-05-01")


def test_a_refresh_that_fails_sends_one_message(stack: Stack, services: Services) -> None:
    execute(stack, f"ALTER MATERIALIZED VIEW {MART} RENAME TO moved")
    try:
        run = refreshed(stack)
        run.wait("failed")
    finally:
        execute(stack, "ALTER MATERIALIZED VIEW mart.moved RENAME TO daily_weather_aggregates")
    title, _, mart, _, command, _ = services.told(run).splitlines()
    assert title == "refresh_marts: a run failed: daily_weather_aggregates"
    assert mart.startswith(f'daily_weather_aggregates: relation "{MART}" does not exist')
    assert stack.shell(command).returncode == 0
    run.wait("success")


def test_a_refresh_that_does_not_end_is_ended_and_told(stack: Stack, services: Services) -> None:
    """As if it had begun three hours ago."""
    with psycopg.connect(stack.warehouse_url) as holder:
        holder.execute("LOCK TABLE core.weather_daily IN ACCESS EXCLUSIVE MODE")
        run = refreshed(stack)
        wait_for("a task that waits", lambda: [task for task in run.tasks() if task.state == "running"])
        with psycopg.connect(postgres.url(stack.paths.short / "postgres", "airflow", "airflow")) as metadata:
            began = "UPDATE dag_run SET start_date = start_date - interval '3 hours' WHERE run_id = %s"
            assert metadata.execute(began, [run.run_id]).rowcount == 1
        title, *_, command, link = services.told(run).splitlines()
    assert title == "refresh_marts: a run failed: it did not end in time"
    assert link.endswith(quote(run.run_id, safe=""))
    assert stack.shell(command).returncode == 0
    run.wait("success")


def test_a_message_that_cannot_be_sent_changes_nothing_and_shows_no_secret(stack: Stack, services: Services) -> None:
    services.chat.status = 500
    try:
        run = refused(stack)
        line = "an alert was not sent by the connection alerts to all addresses: "
        wait_for("the line in the log", lambda: line in dag_processor_log(stack, "weather"))
    finally:
        services.chat.status = 200
    assert run.state() == "failed"
    assert "geheim" not in dag_processor_log(stack, "weather") + stack.task_logs()
    assert "geheim" not in (stack.paths.logs / "dag-processor.log").read_text(errors="replace")


def test_no_run_was_told_twice_and_by_mail_as_well(stack: Stack, services: Services) -> None:
    """Callbacks run in their order: what came twice came before this last one."""
    services.told(refused(stack))
    named = [
        line for message in services.chat.messages for line in message["message"].splitlines() if line[:4] == "run "
    ]
    assert len(named) > 4 and set(Counter(named).values()) == {1}
    titles = sorted(message["title"] for message in services.chat.messages)
    wait_for("all mails", lambda: sorted(subject for subject, _ in services.mailbox.mails) == titles, 30)


def refreshed(stack: Stack) -> Run:
    """A run of refresh_marts by hand, which refreshes all."""
    body = TriggerDAGRunPostBody(logical_date=None)
    return Run(stack, "refresh_marts", DagRunApi(stack.api).trigger_dag_run("refresh_marts", body).dag_run_id)


def execute(stack: Stack, statement: str) -> None:
    with psycopg.connect(stack.warehouse_url) as connection:
        connection.execute(statement.encode())
