"""The doctor against a real PostgreSQL: each fault is made on purpose, and what Airflow knows lies in the tables that it makes."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine

from include import doctor
from include.__main__ import main
from include.doctor import checks
from include.doctor.finding import Finding, State
from include.gaps import note_catchup
from include.settings import read_settings
from sandbox import Fault, Sandbox
from tests.conftest import NEWEST
from tests.warehouse.conftest import NOW
from tests.warehouse.pipeline import Pipeline, utc, wait_for

START, END = "2026-11-18", "2026-11-20"
"""Two days, of which the schedule knows at NOW; the doctor is told that it is then."""

HEALTH = {name: {"status": "healthy"} for name in ("metadatabase", "scheduler", "dag_processor", "triggerer")}


class Airflow(BaseHTTPRequestHandler):
    """Answers for the API server, and for the services."""

    def do_GET(self) -> None:
        body = json.dumps(HEALTH).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def api_server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Airflow) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def airflow_tables(server: str) -> str:
    """The URL of a database with the tables of the installed Airflow, as its own models make them."""
    from airflow.models import import_all_models
    from airflow.models.base import Base

    import_all_models()
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute("CREATE DATABASE airflow_of_the_doctor")
    url = server.replace("/postgres?", "/airflow_of_the_doctor?")
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url))
    Base.metadata.create_all(engine)
    engine.dispose()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS alembic_version (version_num text)")
    return url


@pytest.fixture
def metadata(airflow_tables: str) -> Iterator[psycopg.Connection]:
    """Airflow's database as after `make up`."""
    with psycopg.connect(airflow_tables, autocommit=True) as connection:
        connection.execute("TRUNCATE dag_bundle, dag, dag_run, slot_pool, connection CASCADE")
        connection.execute("INSERT INTO dag_bundle (name, active) VALUES ('dags-folder', true)")
        for dag_id in ("weather", "wikipedia", "refresh_marts"):
            fill(
                connection,
                "dag",
                dag_id=dag_id,
                is_paused=False,
                is_stale=False,
                has_import_errors=False,
                bundle_name="dags-folder",
            )
        for pool in ("open_meteo", "mediawiki"):
            fill(connection, "slot_pool", pool=pool, slots=1, include_deferred=False)
        yield connection


def fill(connection: psycopg.Connection, table: str, **columns: Any) -> None:
    """A row with these columns; those that must have a value and have no default get one that says nothing."""
    needed = connection.execute(
        "SELECT column_name, data_type FROM information_schema.columns "
        "WHERE table_name = %s AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO'",
        [table],
    ).fetchall()
    nothing = {
        "integer": 1,
        "boolean": False,
        "json": "[]",
        "jsonb": "[]",
        "uuid": "00000000-0000-0000-0000-000000000000",
    }
    now = datetime.now(UTC)
    for name, kind in needed:
        columns.setdefault(name, now if kind.startswith("timestamp") else nothing.get(kind, "x"))
    names, places = ", ".join(columns), ", ".join(["%s"] * len(columns))
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({places})".encode(), list(columns.values()))


@pytest.fixture
def environment(
    database: Callable[[str], str], airflow_tables: str, metadata: psycopg.Connection, api_server: str
) -> dict[str, str]:
    """Of a stack in which all is well."""
    return {
        "WAREHOUSE_URL": database("dw_owner"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": airflow_tables.replace("postgresql://", "postgresql+psycopg2://"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{api_server}/execution/",
        "AIRFLOW_CONN_WAREHOUSE": "postgresql://x",
        "AIRFLOW_CONN_WAREHOUSE_READER": "postgresql://x",
        "AIRFLOW_CONN_OPEN_METEO": json.dumps({"conn_type": "http", "host": api_server}),
        "AIRFLOW_CONN_OPEN_METEO_ARCHIVE": api_server,
        "AIRFLOW_CONN_MEDIAWIKI": api_server,
    }


@pytest.fixture
def well(pipeline: Pipeline) -> Pipeline:
    """Two days of all that is followed, in core and in the marts; they are all that is due."""
    note_catchup(pipeline.owner, read_settings({"DW_START_DATE": START}))
    for dag_id in ("weather", "wikipedia"):
        assert pipeline.run(dag_id, START, END).errors == {}
    pipeline.refresh_marts("manual")
    # The real clock, which the ledger and audit.freshness go by, is another one than the sandbox's.
    pipeline.owner.execute("UPDATE audit.catchup SET interval_seconds = 1000000000")
    return pipeline


def states(environment: dict[str, str], now: datetime = NOW) -> dict[str, Finding]:
    """What is not good."""
    found = doctor.diagnose(environment, now)
    return {name: finding for name, finding in found.items() if finding.state not in (State.GOOD, State.SKIPPED)}


def test_where_all_is_well_every_check_says_so_in_time(well: Pipeline, environment: dict[str, str]) -> None:
    found = doctor.diagnose(environment, NOW)  # what is late could not be told
    assert {name: finding for name, finding in found.items() if finding.state != State.GOOD}.keys() == {"disk"}
    assert list(found) == [check.name for check in doctor.CHECKS]
    assert max(len(finding.line(name)) for name, finding in found.items()) < 160
    assert doctor.exit_code(found) == 0
    wait_for(lambda: well.rows("SELECT 1 FROM pg_stat_activity WHERE application_name = 'doctor'") == [])


def test_a_withheld_unit_until_a_later_load_brings_it(
    well: Pipeline, environment: dict[str, str], sandbox: Sandbox
) -> None:
    sandbox.faults.append(Fault.unit("temperature_2m", "°F", place=(42.3601, -71.0589)))
    run = well.run("weather", START, END)
    assert run.errors
    found = states(environment)
    assert found["withheld"].text.startswith("2 units by 1 load, the last ")
    assert found["withheld"].fix == f"airflow dags clear weather --run-id {run.run_id} --yes"
    assert set(found) <= {"withheld", "marts"}
    sandbox.faults.clear()
    assert well.run("weather", START, END).errors == {}
    assert "withheld" not in states(environment)


def test_rows_set_aside_until_a_later_load_sets_none_aside(
    well: Pipeline, environment: dict[str, str], sandbox: Sandbox
) -> None:
    fault = Fault.absurd("temperature_2m", 999.9, place=(42.3601, -71.0589), hour="2026-11-18T05:00")
    sandbox.faults.append(fault)
    assert well.run("weather", START, END).errors == {}
    assert states(environment)["quarantined"].text == "1 rows by 1 load"
    sandbox.faults.clear()
    assert well.run("weather", START, END).errors == {}
    assert "quarantined" not in states(environment)


def test_a_failed_load_until_a_later_one_is_published(
    well: Pipeline, environment: dict[str, str], sandbox: Sandbox
) -> None:
    sandbox.faults.append(Fault(path="/v1", status=400, times=None))
    run = well.run("weather", START, END)
    found = states(environment)
    assert found["failed loads"].fix.endswith(f"--run-id {run.run_id} --yes")
    sandbox.faults.clear()
    assert well.run("weather", START, END).errors == {}
    assert "failed loads" not in states(environment)


def test_ten_thousand_bad_loads_are_told_of_as_well(well: Pipeline, environment: dict[str, str]) -> None:
    """Of the same window: half failed, the others, of other places, are not clean. Each was once compared with all later ones."""
    well.owner.execute(
        """
        INSERT INTO audit.load (
            dag_id, run_id, map_index, source, subject_ids, window_start, window_end, status, planned_at, rows_quarantined
        )
        SELECT
            'weather', number::text, 0, 'weather', array(SELECT generate_series(1, 100) + number %% 2 * 100), %(start)s, %(end)s,
            CASE WHEN number %% 2 = 0 THEN 'failed' ELSE 'published' END, %(now)s, number %% 2
        FROM generate_series(1, 20000) AS number
        """,
        {"start": START, "end": END, "now": NOW},
    )
    well.owner.execute(
        """
        INSERT INTO audit.withheld (load_id, source, subject_id, span_start, span_end, expectation, observed, raw_ids, withheld_at)
        SELECT load_id, source, 101, window_start, window_start + interval '1 day', '', '', '{}', planned_at
        FROM audit.load WHERE rows_quarantined > 0
        """
    )
    well.owner.execute(
        """
        INSERT INTO audit.quarantine (load_id, source, row_key, expectation, raw_id, quarantined_at)
        SELECT load_id, source, '{}', '', 1, planned_at FROM audit.load WHERE rows_quarantined > 0
        """
    )
    found = states(environment)
    assert found["withheld"].text.startswith("10000 units by 10000 loads, the last ")
    assert found["quarantined"].text == "10000 rows by 10000 loads"
    assert found["failed loads"].text.startswith("10000 loads failed, ")


def test_a_load_that_neither_ends_nor_gets_on(well: Pipeline, environment: dict[str, str]) -> None:
    well.owner.execute(
        "INSERT INTO audit.load (dag_id, run_id, map_index, source, subject_ids, window_start, window_end, status, planned_at) "
        "VALUES ('weather', 'stuck', 0, 'weather', '{1}', %s, %s, 'extracting', %s)",
        [utc(START), utc(END), NOW - timedelta(hours=26)],
    )
    found = states(environment)
    assert found["stuck loads"].fix == "airflow dags list-runs weather"
    # Another load of the run is at work: this one waits for its turn.
    well.owner.execute(
        "INSERT INTO audit.load (dag_id, run_id, map_index, source, subject_ids, window_start, window_end, status, published_at) "
        "VALUES ('weather', 'stuck', 1, 'weather', '{2}', %s, %s, 'published', %s)",
        [utc(START), utc(END), NOW - timedelta(minutes=5)],
    )
    assert "stuck loads" not in states(environment)
    # Nor does one count that a later load has made up for, whatever became of its run.
    well.owner.execute("DELETE FROM audit.load WHERE run_id = 'stuck' AND map_index = 1")
    assert "stuck loads" in states(environment)
    assert well.run("weather", START, END, conf={"replay": True}).errors == {}
    assert "stuck loads" not in states(environment)


def test_gaps_are_told_and_those_of_the_last_hour_are_on_their_way(well: Pipeline, environment: dict[str, str]) -> None:
    well.owner.execute("DELETE FROM core.weather WHERE observed_at = '2026-11-18T05:00Z'")
    found = states(environment)
    assert found["gaps"].text == "1 missing, the first of weather [2026-11-18T05:00, 2026-11-18T06:00) UTC"
    well.owner.execute("UPDATE audit.catchup SET start_date = '2026-11-19'")
    # Deleted before the start date of now: gone.
    assert states(environment)["gaps"].text.startswith("1 gone, ")
    assert well.run("weather", START, END).errors == {}
    assert "gaps" not in states(environment, utc("2026-11-21T00:59"))
    assert "gaps" in states(environment, utc("2026-11-21T01:01"))


def test_the_view_has_the_figures_of_the_doctor(well: Pipeline, environment: dict[str, str]) -> None:
    """On its own clock."""
    note_catchup(well.owner, read_settings({"DW_START_DATE": START}))
    columns = "source, mart, newest_data, mart_refreshed_at, is_data_late, is_mart_late, is_late"
    query = f"SELECT {columns} FROM audit.freshness ORDER BY 1"
    end = "SELECT max(window_end) FROM audit.load"
    rows = well.rows(query)
    assert [row[:2] for row in rows] == [
        ("weather", "daily_weather_aggregates"),
        ("wikipedia", "daily_wikipedia_page_stats"),
    ]
    assert {row[2] for row in rows} == {well.value(end)} == {utc(END)}
    assert all(row[3] > well.value("SELECT max(published_at) FROM audit.load") for row in rows)
    # A day and an hour after the last window the data is late; the real clock is past that, or will be: the window is moved.
    for hours, is_late in ((24, False), (26, True)):
        moved = "UPDATE audit.load SET window_start = now() - interval '3 days', window_end = now() - %s * interval '1 hour'"
        well.owner.execute(moved.encode(), [hours])
        well.owner.execute("UPDATE audit.catchup SET start_date = now() - interval '9 days'")
        assert {row[4] for row in well.rows(query)} == {is_late}
        found = doctor.diagnose(environment, datetime.now(UTC))
        assert (found["data"].state == State.BAD) == is_late
        age = well.value("SELECT extract(EPOCH FROM data_age) / 3600 FROM audit.freshness LIMIT 1")
        assert f"{age:.0f} h old" in found["data"].text if not is_late else "at most 25 h old" in found["data"].text
    assert {row[5:] for row in well.rows(query)} == {(False, True)}


def test_a_mart_that_does_not_show_what_was_published(well: Pipeline, environment: dict[str, str]) -> None:
    late = "UPDATE audit.load SET marts_due_since = now() - %s * interval '1 hour' WHERE source = 'weather'"
    is_late = "SELECT is_mart_late FROM audit.freshness WHERE source = 'weather'"
    now = datetime.now(UTC)
    well.owner.execute(late.encode(), [1])
    assert (well.value(is_late), doctor.diagnose(environment, now)["marts"].state) == (False, State.GOOD)
    well.owner.execute(late.encode(), [3])
    found = doctor.diagnose(environment, now)["marts"]
    assert (well.value(is_late), found.state) == (True, State.BAD)
    assert found.text == "daily_weather_aggregates has been due for 3 h"
    well.refresh_marts()
    assert (well.value(is_late), doctor.diagnose(environment, now)["marts"].state) == (False, State.GOOD)


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM core.weather WHERE location_id = 1",
        "UPDATE core.weather_daily SET observation_count = 1",
        "UPDATE core.location SET timezone = 'Asia/Kathmandu' WHERE location_id = 1",
        "DELETE FROM core.revision",
    ],
)
def test_a_mart_is_due_from_the_change_on_and_not_from_the_refresh(well: Pipeline, change: str) -> None:
    due = "SELECT count(*) FROM audit.freshness WHERE mart_due_since IS NOT NULL"
    well.refresh_marts()
    assert well.value(due) == 0
    well.owner.execute(change.encode())
    assert well.value(due) == 1
    well.refresh_marts()
    assert well.value(due) == 0


def test_a_source_without_a_noted_schedule_is_neither_late_nor_not(well: Pipeline, environment: dict[str, str]) -> None:
    well.owner.execute("UPDATE audit.catchup SET interval_seconds = NULL")
    assert {row[0] for row in well.rows("SELECT is_late FROM audit.freshness")} == {None}
    assert states(environment)["data"].fix == "python -m include migrate"


def test_an_old_transaction_and_who_waits_for_it(
    well: Pipeline, environment: dict[str, str], database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "OLD_TRANSACTION_SECONDS", -1)
    monkeypatch.setattr(checks, "LONG_WAIT_SECONDS", -1)
    with psycopg.connect(database("dw_owner"), application_name="forgotten") as forgotten:
        forgotten.execute("DELETE FROM audit.mart_due")
        forgotten.execute("UPDATE audit.catchup SET schedule = schedule")
        pid = forgotten.info.backend_pid
        found = states(environment)["transactions"]
        assert found.text.startswith(f"dw_owner, process {pid}, forgotten, idle in transaction open for ")
        with waiting(database("dw_owner"), well):
            found = states(environment)["transactions"]
            assert found.text == f"1 waiting for dw_owner, process {pid}, forgotten, idle in transaction"
            assert found.fix == f"""psql "$WAREHOUSE_URL" -c 'SELECT pg_terminate_backend({pid})'"""
            forgotten.rollback()
    assert "transactions" not in states(environment)


@contextmanager
def waiting(url: str, pipeline: Pipeline) -> Iterator[None]:
    """Somebody waits for a row that another one has changed."""

    def wait() -> None:
        with psycopg.connect(url) as connection:
            connection.execute("UPDATE audit.catchup SET schedule = schedule")

    thread = threading.Thread(target=wait)
    thread.start()
    wait_for(lambda: pipeline.value("SELECT count(*) FROM pg_locks WHERE NOT granted"))
    yield
    thread.join()


def test_a_lock_that_is_held_is_no_long_wait(
    well: Pipeline, environment: dict[str, str], database: Callable[[str], str]
) -> None:
    with psycopg.connect(database("dw_owner")) as other:
        other.execute("LOCK TABLE audit.load")
        found = doctor.diagnose(environment, NOW)
    assert found["transactions"].state == State.GOOD
    assert {found[name].state for name in ("stuck loads", "failed loads", "gaps")} == {State.UNKNOWN}
    assert found["stuck loads"].text == "a lock is held, see transactions"
    assert doctor.exit_code(found) == 2


@pytest.mark.parametrize(
    ("broken", "text"),
    [
        ("UPDATE audit.schema_version SET version_num = '1000'", f"the schema is at 1000, not {NEWEST}"),
        ("DROP SCHEMA audit CASCADE", f"the schema is at nothing, not {NEWEST}"),
        ("UPDATE audit.schema_version SET version_num = '9999'", f"the schema is at 9999, later than {NEWEST}"),
    ],
)
def test_a_schema_that_is_not_the_newest(
    broken: str, text: str, owner: psycopg.Connection, environment: dict[str, str]
) -> None:
    owner.execute(broken.encode())
    found = states(environment)
    assert found["migrations"].text.startswith(text)
    assert found["migrations"].fix in ("python -m include migrate", "git pull")
    if "DROP" in broken:
        assert (found["data"].text, found["data"].fix) == (
            "the warehouse has not been migrated",
            "python -m include migrate",
        )


def test_a_month_that_is_gone(well: Pipeline, environment: dict[str, str]) -> None:
    assert "until 2027-01-01" in doctor.diagnose(environment, NOW)["partitions"].text  # a month early
    well.owner.execute("DROP TABLE core.weather_2026_11, core.weather_2026_12")
    assert states(environment)["partitions"].text == "core.weather ends at nothing, 2026-11-20 is published"


def test_what_airflow_knows(environment: dict[str, str], well: Pipeline, metadata: psycopg.Connection) -> None:
    metadata.execute("UPDATE dag SET is_paused = true WHERE dag_id = 'weather'")
    metadata.execute("DELETE FROM slot_pool WHERE pool = 'mediawiki'")
    found = states(environment)
    assert {name: finding.fix for name, finding in found.items()} == {
        "dags": "airflow dags unpause weather",
        "pools": "airflow pools set mediawiki 1 mediawiki",
    }


def run_of(metadata: psycopg.Connection, dag_id: str, run_id: str, state: str, minutes: int, day: str = START) -> None:
    """A run that began so many minutes before NOW, and if it has ended, did so a minute later."""
    began = NOW - timedelta(minutes=minutes)
    fill(
        metadata,
        "dag_run",
        dag_id=dag_id,
        run_id=run_id,
        state=state,
        run_type="scheduled",
        queued_at=began,
        start_date=began,
        end_date=None if state == "running" else began + timedelta(minutes=1),
        data_interval_start=utc(day),
        data_interval_end=utc(day) + timedelta(days=1),
        logical_date=began,
        run_after=began,
        id=minutes,
    )


def test_failed_runs_until_they_are_made_up_for(
    environment: dict[str, str], well: Pipeline, metadata: psycopg.Connection
) -> None:
    run_of(metadata, "weather", "old", "failed", 8 * 24 * 60)
    assert states(environment) == {}
    run_of(metadata, "weather", "monday", "failed", 300)  # its loads are in the ledger, which other checks read
    assert states(environment) == {}
    run_of(metadata, "weather", "refused", "failed", 290)
    task_of(metadata, "refused", state="failed")
    run_of(metadata, "refresh_marts", "hourly", "failed", 200)
    assert states(environment)["failed runs"].text.startswith("2 runs failed, the last of refresh_marts")
    run_of(metadata, "refresh_marts", "next", "success", 100)
    assert states(environment)["failed runs"].fix == "airflow dags clear weather --run-id refused --yes"
    run_of(metadata, "weather", "tuesday", "success", 90, "2026-11-19")
    assert states(environment) == {}


def test_runs_that_do_not_move(environment: dict[str, str], well: Pipeline, metadata: psycopg.Connection) -> None:
    run_of(metadata, "weather", "stuck", "running", 45)
    assert states(environment)["stuck runs"].text == "1 run of weather under way, nothing moved for 45 min"
    began = {"start_date": NOW - timedelta(minutes=40)}
    task_of(metadata, "stuck", state="running", last_heartbeat_at=NOW - timedelta(minutes=1), **began)
    assert states(environment) == {}
    metadata.execute("UPDATE task_instance SET last_heartbeat_at = NULL")
    assert "stuck runs" in states(environment)
    # A service may ask to be left alone until its day is over.
    metadata.execute("UPDATE task_instance SET state = 'up_for_retry'")
    assert states(environment) == {}


def task_of(metadata: psycopg.Connection, run_id: str, **more: Any) -> None:
    """The task plan of a run of weather."""
    fixed = {"id": "00000000-0000-0000-0000-000000000001", "dag_id": "weather", "task_id": "plan"}
    fill(metadata, "task_instance", **fixed, run_id=run_id, **more)


def test_connections_in_airflows_database_count_and_are_asked(
    environment: dict[str, str], well: Pipeline, metadata: psycopg.Connection, api_server: str
) -> None:
    del environment["AIRFLOW_CONN_MEDIAWIKI"]
    assert states(environment)["connections"].text == "connection mediawiki missing"
    fill(metadata, "connection", conn_id="mediawiki", conn_type="http", host=api_server)
    assert states(environment) == {}
    metadata.execute("UPDATE connection SET host = 'http://127.0.0.1:1'")
    assert states(environment)["services"].text == "mediawiki: ConnectionError"


def test_processes_that_are_not_well(
    environment: dict[str, str], well: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(HEALTH, "scheduler", {"status": "unhealthy"})
    assert states(environment)["processes"].text == "scheduler not healthy"
    monkeypatch.undo()
    # As in the local run: the address and the database stand in airflow.cfg, supervisord's session beside it.
    names = ("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN")
    address, url = (environment.pop(name) for name in names)
    home = tmp_path / "airflow"
    home.mkdir()
    (home / "airflow.cfg").write_text(
        f"[core]\nexecution_api_server_url = {address}\n[database]\nsql_alchemy_conn = {url.replace('%', '%%')}\n"
    )
    (tmp_path / "postgres").mkdir()
    (tmp_path / "supervisord.session").write_text("1\n")
    environment["AIRFLOW_HOME"] = str(home)
    found = doctor.diagnose(environment, NOW)
    assert (found["airflow"].state, found["disk"].text.endswith(str(tmp_path / "postgres"))) == (State.GOOD, True)
    (tmp_path / "supervisord.session").write_text("999999999\n")
    assert states(environment)["processes"].text == "supervisord is gone: nothing starts again what dies"
    (home / "airflow.cfg").write_text("[core]\nexecution_api_server_url = http://127.0.0.1:1/execution/\n")
    assert "does not answer at http://127.0.0.1:1" in states(environment)["processes"].text


def test_databases_that_are_away_cannot_be_told_of(environment: dict[str, str]) -> None:
    environment["WAREHOUSE_URL"] = "postgresql://dw_owner@127.0.0.1:1/dw"
    environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = "postgresql+psycopg2://airflow@127.0.0.1:1/airflow"
    found = doctor.diagnose(environment, NOW)
    assert (found["warehouse"].text, found["warehouse"].fix) == ("the warehouse does not answer", "make up")
    assert found["dags"].text == "Airflow's metadata database does not answer"
    assert found["processes"].state == State.GOOD
    assert doctor.exit_code(found) == 2


def test_the_command_prints_a_line_each_or_json(
    environment: dict[str, str],
    well: Pipeline,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WAREHOUSE_URL", "postgresql://dw_owner@127.0.0.1:1/dw")
    assert main(["doctor"]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(doctor.CHECKS)
    assert "cannot tell warehouse    the warehouse does not answer: make up" in lines
    monkeypatch.setenv("WAREHOUSE_URL", environment["WAREHOUSE_URL"])
    # By the real clock there are gaps since then, or all is well: what it says of the rest does not depend on it.
    code = main(["doctor", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert code == told["exit_code"] < 2
    by_name = {each.pop("check"): each for each in told["checks"]}
    assert list(by_name) == [check.name for check in doctor.CHECKS]
    assert by_name["migrations"] == {"state": "good", "text": f"the schema is at {NEWEST}", "fix": ""}


def test_the_reader_may_not_call_what_is_the_loaders(database: Callable[[str], str]) -> None:
    with psycopg.connect(database("dw_reader"), autocommit=True) as reader:
        for statement in (
            "SELECT * FROM audit.mart",
            "SELECT audit.lock_load(1, 'plan')",
            "CREATE TEMP TABLE mine (x int); CREATE TRIGGER t AFTER INSERT ON mine EXECUTE FUNCTION audit.note_mart_due('weather')",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute(statement.encode())


def test_new_tables_and_columns_are_explained(owner: psycopg.Connection) -> None:
    query = """
        SELECT attname FROM pg_attribute
        WHERE attrelid = %s::regclass AND attnum > 0 AND col_description(attrelid, attnum) IS NULL
    """
    for relation in ("audit.freshness", "audit.mart", "audit.deleted_day"):
        assert owner.execute(query, [relation]).fetchall() == []
