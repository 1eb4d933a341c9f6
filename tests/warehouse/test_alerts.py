"""Alerts: what they say of a failed run and of what is late, to whom they are sent, and that they are in nobody's way."""

import json
import re
import shlex
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from airflow.sdk.exceptions import AirflowFailException

from include import alerts
from include.errors import WarehouseError
from include.gaps import note_catchup
from include.seeds import SeedLocation, SeedPage
from include.settings import read_settings
from include.sources import SOURCES
from plugins import alerts as sending
from plugins.warehouse import note_failure
from sandbox import Fault, Sandbox
from tests.receivers import Posted, http_server, smtp_server
from tests.warehouse.conftest import follow
from tests.warehouse.pipeline import DagRun, Pipeline, dag
from tests.warehouse.places import BOSTON, NEW_ENGLAND

DAYS = ("2026-10-05", "2026-10-06")


def connection_to(*addresses: str) -> str:
    """AIRFLOW_CONN_ALERTS."""
    return json.dumps({"conn_type": "apprise", "extra": {"config": [{"path": address} for address in addresses]}})


def as_json(posted: Posted, more: str = "") -> str:
    """Apprise's address of a server."""
    return posted.url.replace("http://", "json://") + more


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Posted]:
    """Where the alerts are sent to."""
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://127.0.0.1:8080")
    with http_server() as server:
        monkeypatch.setenv("AIRFLOW_CONN_ALERTS", connection_to(as_json(server)))
        yield server


def tell(run: DagRun, *failed: str, reason: str = "task_failure") -> None:
    """What Airflow calls once a run has failed."""
    states = {run.run_id: dict.fromkeys(failed, "failed") | {"all_loaded": "upstream_failed"}}
    instance = SimpleNamespace(
        dag_id=run.dag_id,
        run_id=run.run_id,
        map_index=-1,
        task_id="all_loaded",
        try_number=1,
        get_task_states=lambda dag_id, run_ids: states,
    )
    context: Any = {"dag": dag(run.dag_id), "run_id": run.run_id, "ti": instance, "reason": reason}
    sending.tell_run_failed(context)


def lines(posted: Posted) -> list[str]:
    """Of the only message, its title first."""
    (message,) = posted.messages
    assert message["type"] == "failure"
    return [message["title"], *message["message"].splitlines()]


def conf_of(command: str) -> dict[str, Any]:
    """What a printed command asks for."""
    words = shlex.split(command)
    assert words[:3] == ["airflow", "dags", "trigger"] and words[4] == "-c"
    return dict(json.loads(words[5]))


def test_a_failed_run_tells_what_it_left_out_and_what_loads_just_that(
    pipeline: Pipeline, sandbox: Sandbox, posted: Posted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DW_WEATHER_PLACES_PER_BATCH", "1")
    sandbox.faults.append(Fault.bad_request("No such hours", times=1))
    run = pipeline.run("weather", *DAYS)
    tell(run, "load.extract_0")
    title, name, load, advice, command, link = lines(posted)
    assert title == "weather: a run failed, 1 of 2 loads are not whole, [2026-10-05, 2026-10-06) UTC"
    assert name == f"run {run.run_id}"
    assert re.match(
        r"load \d+, Boston · \[2026-10-05, 2026-10-06\) UTC: extract: weather, .*HTTP 400: .*No such hours", load
    )
    assert advice == "Once the cause is gone, what loads just that:"
    window = {"start_date": "2026-10-05T00:00:00+00:00", "end_date": "2026-10-06T00:00:00+00:00"}
    assert conf_of(command) == {**window, "locations": ["Boston"]}
    assert link == f"http://127.0.0.1:8080/dags/weather/runs/{run.run_id}"

    again = pipeline.run("weather", conf=conf_of(command))
    assert pipeline.rows("SELECT status, cardinality(subject_ids) FROM audit.load WHERE run_id = %s", again.run_id) == [
        ("published", 1)
    ]


def test_units_that_were_withheld_are_named_with_the_command_for_just_these(
    pipeline: Pipeline, sandbox: Sandbox, posted: Posted
) -> None:
    boston = (float(BOSTON.latitude), float(BOSTON.longitude))
    sandbox.faults.append(Fault.unit("temperature_2m", "°F", place=boston, times=None))
    run = pipeline.run("weather", "2026-10-05", "2026-10-08")
    tell(run, "load.validate_0")
    title, _, load, _, command, _ = lines(posted)
    assert "1 of 1 loads are not whole" in title
    assert "Boston [2026-10-05, 2026-10-06) UTC" in load
    assert conf_of(command) == {
        "start_date": "2026-10-05T00:00:00+00:00",
        "end_date": "2026-10-08T00:00:00+00:00",
        "locations": ["Boston"],
    }


def test_a_message_is_bounded_and_its_commands_are_whole(
    pipeline: Pipeline, sandbox: Sandbox, posted: Posted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DW_WEATHER_PLACES_PER_BATCH", "10")
    places = [SeedLocation(f"{'x' * 60} {number}", number, number, None, None, None, "UTC") for number in range(80)]
    follow(pipeline.owner, places, [NEW_ENGLAND])
    sandbox.faults.append(Fault.bad_request("y" * 5000, times=7))
    run = pipeline.run("weather", *DAYS)
    tell(run, *(f"load.extract_{number}" for number in range(7)))
    title, _, *loads, _, command, _ = lines(posted)
    assert "7 of 8 loads are not whole" in title and len(title) <= alerts.LONGEST_TITLE
    assert [text.partition(" ")[0] for text in loads] == ["load", "load", "load", "and"]
    assert loads[-1] == "and 4 more, see audit.load"
    # Seventy names are too many for a message: all of the window are asked for.
    assert conf_of(command).keys() == {"start_date", "end_date"}
    assert len("\n".join(lines(posted))) < 3000


def test_a_page_is_named_with_its_wiki(
    pipeline: Pipeline, sandbox: Sandbox, posted: Posted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one may have the same title."""
    monkeypatch.setenv("DW_WIKIPEDIA_PAGES_PER_BATCH", "1")
    follow(pipeline.owner, [BOSTON], [NEW_ENGLAND, SeedPage("New England", "de")])
    sandbox.faults.append(Fault.wiki_error("badvalue", "Unrecognized value.", times=1))
    run = pipeline.run("wikipedia", *DAYS)
    tell(run, "load.extract_0")
    (command,) = [line for line in lines(posted) if line.startswith("airflow")]
    assert conf_of(command)["pages"] == ["en:New England"]
    assert not pipeline.run("wikipedia", conf=conf_of(command)).errors


def test_a_failed_plan_is_told_in_its_own_words(pipeline: Pipeline, posted: Posted) -> None:
    run = DagRun("weather", "by hand", {"start_date": "2100-01-01", "end_date": "2100-01-02"}, pipeline.clock())
    with pytest.raises(AirflowFailException) as refused:
        pipeline.plan(run)
    fail(run, "plan", refused.value)
    tell(run, "plan")
    title, _, plan, _, command, _ = lines(posted)
    assert title == "weather: a run failed: plan"
    assert plan.startswith("plan: weather: the window [2100-01-01, 2100-01-02) UTC lies in the future")
    assert command == "airflow dags clear weather --run-id 'by hand' --yes"


def test_outside_of_the_dag_processor_what_was_noted_is_told(pipeline: Pipeline, posted: Posted) -> None:
    """Airflow has no states to ask for there: `airflow dags test`."""
    run = DagRun("weather", "by hand", {}, pipeline.clock())
    fail(run, "plan", WarehouseError("no active location is tracked"))
    context: Any = {"dag": dag("weather"), "run_id": run.run_id, "reason": "task_failure"}
    sending.tell_run_failed(context)
    assert lines(posted)[0] == "weather: a run failed: plan"


def test_a_plan_that_failed_when_its_run_was_cleared_is_told_and_not_the_loads_of_before(
    pipeline: Pipeline, sandbox: Sandbox, posted: Posted
) -> None:
    sandbox.faults.append(Fault.bad_request("No such hours", times=1))
    run = pipeline.run("weather", *DAYS)
    fail(run, "plan", WarehouseError("no active location is tracked"))
    tell(run, "plan")
    title, _, plan, *_ = lines(posted)
    assert (title, plan) == ("weather: a run failed: plan", "plan: no active location is tracked")


def test_a_failed_refresh_is_told_with_each_mart_that_failed(pipeline: Pipeline, posted: Posted) -> None:
    run = DagRun("refresh_marts", "scheduled__1", {}, pipeline.clock())
    marts = [mart.name for source in SOURCES.values() for mart in source.marts]
    for mart in marts:
        fail(run, mart, psycopg.errors.DiskFull("could not extend file"))
    # The second has succeeded since.
    tell(run, marts[0])
    title, _, *told, _, command, link = lines(posted)
    assert title == f"refresh_marts: a run failed: {marts[0]}"
    assert told == [f"{marts[0]}: could not extend file"]
    assert command == "airflow dags clear refresh_marts --run-id scheduled__1 --yes"
    assert link.endswith("/dags/refresh_marts/runs/scheduled__1")


def test_a_refresh_that_did_not_end_is_told_though_none_of_its_tasks_failed(pipeline: Pipeline, posted: Posted) -> None:
    tell(DagRun("refresh_marts", "scheduled__1", {}, pipeline.clock()), reason="timed_out")
    title, _, _, command, _ = lines(posted)
    assert title == "refresh_marts: a run failed: it did not end in time"
    assert command == "airflow dags clear refresh_marts --run-id scheduled__1 --yes"


def test_a_failed_run_is_told_also_where_the_warehouse_is_away(
    pipeline: Pipeline, posted: Posted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "postgresql://dw_loader:geheim@127.0.0.1:1/dw")
    tell(DagRun("weather", "run 1", {}, pipeline.clock()), "plan")
    told = lines(posted)
    assert told[0] == "weather: a run failed: plan"
    assert told[2] == "plan: see its log"
    assert "the warehouse could not be asked" in told[3] and "geheim" not in told[3]


def fail(run: DagRun, task_id: str, error: Exception) -> None:
    """What Airflow calls once a task has failed."""
    instance = SimpleNamespace(dag_id=run.dag_id, run_id=run.run_id, map_index=-1, task_id=task_id, try_number=4)
    context: Any = {"ti": instance, "exception": error}
    note_failure(context)


def test_names_and_answers_stay_text(pipeline: Pipeline, sandbox: Sandbox, posted: Posted) -> None:
    """They are no templates, and begin no line of a message."""
    follow(pipeline.owner, [SeedLocation("{{ conn.warehouse }}", 1, 1, None, None, None, "UTC")], [NEW_ENGLAND])
    sandbox.faults.append(Fault.bad_request("one\ntwo\x1b[31m {{ 7 * 7 }}", times=None))
    run = pipeline.run("weather", *DAYS)
    tell(run, "load.extract_0")
    (load,) = [line for line in lines(posted) if line.startswith("load ")]
    assert "{{ conn.warehouse }} ·" in load and "{{ 7 * 7 }}" in load
    assert "\x1b" not in load


def test_without_a_connection_nothing_is_read_and_nothing_sent(
    pipeline: Pipeline, posted: Posted, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_ALERTS")
    monkeypatch.setattr(sending, "warehouse", None)
    tell(DagRun("weather", "run 1", {}, pipeline.clock()), "plan")
    assert (posted.bodies, caplog.messages) == ([], [])


def test_a_mail_arrives(pipeline: Pipeline, posted: Posted, monkeypatch: pytest.MonkeyPatch) -> None:
    with smtp_server() as mailbox:
        address = f"mailto://127.0.0.1:{mailbox.port}?from=dw@example.org&to=ann@example.org&mode=insecure&format=text"
        monkeypatch.setenv("AIRFLOW_CONN_ALERTS", connection_to(address, as_json(posted)))
        tell(DagRun("weather", "run 1", {}, pipeline.clock()), "plan")
    ((subject, text),) = mailbox.mails
    # All services of the connection are told the same.
    (message,) = posted.messages
    assert (subject, text.split()) == (message["title"], message["message"].split())


SECRETS = ("geheim", "T0kenInThePath", "KeyInTheQuery")
WITH_SECRETS = "/hook/T0kenInThePath?+X-Key=KeyInTheQuery"


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (
            "json://ann:geheim@127.0.0.1:1" + WITH_SECRETS,
            "Connection error occurred sending JSON notification to 127.0.0.1",
        ),
        ("nosuch://ann:geheim@127.0.0.1" + WITH_SECRETS, "Apprise cannot read an address of its config"),
        ("mailto://ann:geheim@127.0.0.1:1?from=a@example.org&to=b@example.org&mode=insecure", "127.0.0.1"),
        ("REFUSING", "error=500"),
        ("SILENT", "not within 0.2 s"),
        ("", "knows no address"),
    ],
)
def test_what_cannot_be_sent_is_one_line_of_the_log_without_secrets(
    pipeline: Pipeline,
    posted: Posted,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    address: str,
    reason: str,
) -> None:
    if address.isupper():
        posted.status = 500
        monkeypatch.setattr(sending, "SECONDS", 0.2 if address == "SILENT" else sending.SECONDS)
        if address == "SILENT":
            posted.gate.clear()
        address = as_json(posted, WITH_SECRETS).replace("//", "//ann:geheim@")
    monkeypatch.setenv("AIRFLOW_CONN_ALERTS", connection_to(address))
    tell(DagRun("weather", "run 1", {}, pipeline.clock()), "plan")
    (line,) = caplog.messages
    assert line.startswith("an alert was not sent by the connection alerts: ") and reason in line
    assert not [secret for secret in SECRETS if secret in line]


@pytest.mark.parametrize("extra", [{}, {"config": "no JSON"}, {"config": 7}, {"config": {"url": "json://127.0.0.1"}}])
def test_a_connection_without_an_address_says_what_it_lacks(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, extra: dict[str, Any]
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_ALERTS", json.dumps({"conn_type": "apprise", "extra": extra}))
    tell(DagRun("weather", "run 1", {}, pipeline.clock()), "plan")
    (line,) = caplog.messages
    assert line.endswith('its extra has to be {"config": {"path": "an address"}}')


# What is late


@pytest.fixture
def due(pipeline: Pipeline) -> Pipeline:
    """The schedules are noted: all data is older than they allow, since the sandbox's clock is behind."""
    note_catchup(pipeline.owner, read_settings({"DW_START_DATE": "2026-10-01"}))
    return pipeline


def make_on_time(pipeline: Pipeline, source: str = "%") -> None:
    """As if the sources were asked once in a century."""
    pipeline.owner.execute("UPDATE audit.catchup SET interval_seconds = 3000000000 WHERE source LIKE %s", [source])


def make_late(pipeline: Pipeline, source: str = "%") -> None:
    """As if they were asked every day."""
    pipeline.owner.execute("UPDATE audit.catchup SET interval_seconds = 86400 WHERE source LIKE %s", [source])


def test_what_becomes_late_is_told_once_and_anew_after_it_was_on_time(due: Pipeline, posted: Posted) -> None:
    make_on_time(due, "wikipedia")
    due.refresh_marts()
    due.refresh_marts()
    assert lines(posted) == [
        "weather is late, nothing yet; at most 25 h old",
        "weather is late, nothing yet; at most 25 h old",
        "python -m include gaps",
        "http://127.0.0.1:8080/dags",
    ]
    make_on_time(due)
    due.refresh_marts()
    assert due.rows("SELECT source FROM audit.told_late") == []
    make_late(due)
    due.refresh_marts()
    assert [message["title"][:7] for message in posted.messages] == ["weather", "weather", "wikiped"]


def test_a_mart_whose_refresh_fails_until_it_is_late_is_told(due: Pipeline, posted: Posted) -> None:
    make_on_time(due)
    due.run("weather", *DAYS)
    due.owner.execute("UPDATE audit.load SET marts_due_since = now() - interval '5 hours'")
    due.owner.execute("ALTER TABLE mart.daily_weather_aggregates RENAME TO moved")
    for _ in range(2):
        with pytest.raises(psycopg.errors.UndefinedTable):
            due.refresh_marts()
    title, *_, command, _ = lines(posted)
    assert title == "daily_weather_aggregates has been due for 5 h"
    assert command == "airflow dags trigger refresh_marts"


def test_what_could_not_be_told_is_told_at_the_next_look(
    due: Pipeline, posted: Posted, caplog: pytest.LogCaptureFixture
) -> None:
    make_on_time(due, "wikipedia")
    posted.status = 500
    due.refresh_marts()
    assert "error=500" in caplog.text
    posted.status = 200
    due.refresh_marts()
    due.refresh_marts()
    assert len(posted.bodies) == 2


def test_what_one_of_two_services_took_is_told(
    due: Pipeline, posted: Posted, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It would be told every hour otherwise, until the other one is well."""
    make_on_time(due, "wikipedia")
    monkeypatch.setenv("AIRFLOW_CONN_ALERTS", connection_to("json://127.0.0.1:1", as_json(posted)))
    due.refresh_marts()
    due.refresh_marts()
    assert len(posted.bodies) == 1
    (line,) = [line for line in caplog.messages if "alert" in line]
    assert line.startswith("an alert was not sent by the connection alerts to all addresses: A Connection error")


def test_without_a_connection_nothing_is_told_and_it_is_told_once_there_is_one(
    due: Pipeline, posted: Posted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_ALERTS")
    due.refresh_marts()
    assert due.rows("SELECT * FROM audit.told_late") == []
    monkeypatch.setenv("AIRFLOW_CONN_ALERTS", connection_to(as_json(posted)))
    due.refresh_marts()
    assert len(posted.bodies) == 2  # one of each source, as each mart is looked at by its own task
