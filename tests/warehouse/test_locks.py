"""Whoever keeps a session of ours waiting is named, and ends or is ended; what waits in vain is retried and leaves nothing."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from multiprocessing import get_context
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from airflow.sdk.definitions._internal.contextmanager import _CURRENT_CONTEXT
from airflow.sdk.exceptions import AirflowFailException, AirflowTaskTimeout
from airflow.sdk.execution_time.timeout import timeout
from psycopg import sql

from include import waits
from include.__main__ import main
from include.waits import Blocked, name_of, session_address
from plugins.warehouse import ServerInTrouble, warehouse
from sandbox import Fault, Sandbox
from tests.warehouse.pipeline import DagRun, Pipeline, wait_for

Database = Callable[[str], str]

DAY = ("2026-11-10", "2026-11-11")
SINCE = r"since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"
FORGOTTEN = "DELETE FROM core.weather"
CRON = "scheduled__2026-11-20T00:15:00+00:00"
OURS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename = 'dw_loader'"
WAITING = f"{OURS} AND wait_event_type = 'Lock'"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock timeout of a second, and looks that are as much closer."""
    monkeypatch.setattr(waits, "LOCK_TIMEOUT_SECONDS", 1)
    monkeypatch.setattr(waits, "PATIENCE_SECONDS", 0.1)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock timeout that is longer than any test waits: what ends, ends for another reason."""
    monkeypatch.setattr(waits, "LOCK_TIMEOUT_SECONDS", 600)


@contextmanager
def forgotten(database: Database, statement: str = FORGOTTEN) -> Iterator[psycopg.Connection]:
    """Somebody's psql, idle after a statement that was not committed; it may have been ended when the block ends."""
    with closing(psycopg.connect(database("dw_owner"), application_name="psql")) as somebody:
        somebody.execute(statement)
        yield somebody


@pytest.fixture
def audited(pipeline: Pipeline, sandbox: Sandbox) -> DagRun:
    """A run that has only its publish to do, of other values than core has."""
    sandbox.faults.append(Fault.absurd("temperature_2m", 22.2))
    assert pipeline.run("weather", *DAY).errors == {}
    sandbox.faults.clear()
    run = pipeline.plan(DagRun("weather", "manual__2026", {"start_date": DAY[0], "end_date": DAY[1]}, pipeline.clock()))
    return pipeline.finish(run, until="validate")


@contextmanager
def running_as(**instance: Any) -> Iterator[None]:
    """As Airflow has it while a task runs."""
    named = {"dag_id": "weather", "run_id": "manual__2026", "task_id": "load.publish", "map_index": 0, "try_number": 1}
    _CURRENT_CONTEXT.append({"ti": SimpleNamespace(**(named | instance))})  # type: ignore[typeddict-item]  # what is read of a context
    try:
        yield
    finally:
        _CURRENT_CONTEXT.pop()


@pytest.mark.usefixtures("impatient")
def test_a_publish_behind_a_forgotten_delete_names_it_and_the_next_try_succeeds_once_it_is_ended(
    pipeline: Pipeline, audited: DagRun, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with forgotten(database) as somebody, running_as():
        pid = somebody.info.backend_pid
        pipeline.finish(audited, since="publish")
        assert isinstance(audited.errors[0], Blocked)
        assert audited.errors[0].__cause__ is None and audited.errors[0].__suppress_context__
        first, second, last = audited.error.splitlines()
        assert first == "weather.load.publish[0] manual__2026: a lock was not to be had in 1 s;"
        holder = (
            rf"dw_owner \(PostgreSQL process {pid}, psql\), idle in transaction for \d+ s, {SINCE}, "
            rf"at '{FORGOTTEN}'; to end it: SELECT pg_terminate_backend\({pid}\) as dw_owner or a superuser"
        )
        assert re.fullmatch(f"waited for {holder};", second), second
        assert last == "what it did not commit is undone. `python -m include locks` shows who blocks whom now"
        (told,) = [record.message for record in caplog.records if record.message.startswith("waits for")]
        assert re.fullmatch(f"waits for {holder}", told), told
        assert f"(PostgreSQL process {pid}, psql)" in pipeline.value("SELECT error FROM audit.load WHERE error <> ''")
        pipeline.owner.execute(f"SELECT pg_terminate_backend({pid})")
        assert pipeline.finish(audited, since="publish").errors == {}
    wait_for(lambda: not pipeline.rows(OURS))


def test_a_publish_that_postgresql_ends_for_a_deadlock_says_so_and_is_retried(
    pipeline: Pipeline, audited: DagRun, database: Database
) -> None:
    """Somebody has changed rows of core, and then wants the places that the publish has locked, which waits for the rows."""
    places = "SELECT 1 FROM core.location ORDER BY location_id FOR UPDATE"
    with forgotten(database) as somebody:

        def go_on() -> None:
            wait_for(lambda: pipeline.rows(WAITING))
            somebody.execute(places)

        opposite = threading.Thread(target=go_on)
        opposite.start()
        with pytest.raises(ServerInTrouble, match=": a deadlock with another session") as raised:
            pipeline.execute("weather", "publish", audited.loads[0])
        assert not isinstance(raised.value, AirflowFailException)
        opposite.join()
        somebody.rollback()
    assert pipeline.finish(audited, since="publish").errors == {}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("step", ["plan", "extract", "transform", "validate", "publish"])
def test_a_task_that_waits_in_vain_is_retried(pipeline: Pipeline, database: Database, step: str) -> None:
    run = DagRun("weather", "manual__2026", {"start_date": DAY[0], "end_date": DAY[1]}, pipeline.clock())
    if step != "plan":
        pipeline.plan(run)
        before = ["extract", "transform", "validate", "publish"].index(step)
        for earlier in ["extract", "transform", "validate"][:before]:
            pipeline.execute("weather", earlier, run.loads[0])

    def execute() -> None:
        if step == "plan":
            pipeline.plan(run)
        else:
            pipeline.execute("weather", step, run.loads[0])

    with forgotten(database, "LOCK TABLE audit.load"), pytest.raises(Blocked) as error:
        execute()
    assert not isinstance(error.value, AirflowFailException)
    assert "at 'LOCK TABLE audit.load'" in str(error.value)


def test_locks_shows_who_waits_for_whom_and_prints_what_ends_it(
    pipeline: Pipeline,
    audited: DagRun,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("WAREHOUSE_URL", database("dw_owner"))
    with forgotten(database) as somebody, running_as():
        pid = somebody.info.backend_pid
        publish = threading.Thread(target=pipeline.finish, args=(audited, "publish"))
        publish.start()
        wait_for(lambda: pipeline.rows(WAITING))
        waiting = pipeline.value(WAITING)
        # Behind the publish, which has locked its places: a queue has one head.
        seed = threading.Thread(target=main, args=(["seed"],))
        seed.start()
        wait_for(lambda: pipeline.rows("SELECT 1 WHERE %s = ANY(pg_blocking_pids((" + SEEDING + ")))", waiting))
        capsys.readouterr()
        assert main(["locks"]) == 1
        waits_for, ending = capsys.readouterr().out.split("\n\n")
        length = rf"{SINCE}, for 0:0\d:\d\d"
        assert re.fullmatch(
            rf"These wait for a lock:\n{waiting}: dw_loader, weather\.load\.publish\[0\] manual__2026, waits for {pid} {length}\n"
            rf"  now: -- .*\n\d+: dw_owner, seed \d+@\S+, waits for {waiting} {length}\n  now: -- All places, in key order.*",
            waits_for,
        ), waits_for
        assert re.fullmatch(
            rf"These keep them waiting, and wait for nobody:\n{pid}: dw_owner, psql, idle in transaction "
            rf"{length}\n  last: {FORGOTTEN}\n  SELECT pg_terminate_backend\({pid}\);  -- as dw_owner or a "
            r"superuser\n",
            ending,
        ), ending
        (words,) = re.findall(r"SELECT .*;", ending)
        assert pipeline.owner.execute(words).fetchall() == [(True,)]
        publish.join()
        seed.join()
        assert audited.errors == {}
    capsys.readouterr()
    assert main(["locks"]) == 0
    assert capsys.readouterr().out == "Nobody waits for a lock.\n"
    wait_for(lambda: not pipeline.rows(OURS))


SEEDING = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'seed %%' AND datname = current_database()"


def test_locks_cannot_tell_is_2(
    database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WAREHOUSE_URL", database("dw_owner") + "/nowhere")
    assert main(["locks"]) == 2
    assert capsys.readouterr().err.startswith("locks: ")


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("command", "held"),
    [
        ("seed", "SELECT FROM core.location FOR UPDATE"),
        ("migrate", "LOCK TABLE audit.schema_version"),
        ("gaps", "LOCK TABLE audit.catchup"),
    ],
)
def test_a_command_that_waits_in_vain_names_who_blocks_it_and_ends_with_2(
    pipeline: Pipeline,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    held: str,
) -> None:
    monkeypatch.setenv("WAREHOUSE_URL", database("dw_owner"))
    with forgotten(database, held) as somebody:
        assert main([command]) == 2
        said = capsys.readouterr().err
        who = rf"waited for dw_owner \(PostgreSQL process {somebody.info.backend_pid}, psql\), idle in transaction"
        assert re.search(rf"^{command}: {command} \d+@\S+: a lock was not to be had in 1 s;\n{who}", said, re.M), said


@pytest.mark.usefixtures("patient")
def test_g6_a_task_that_times_out_at_a_lock_leaves_no_backend(
    pipeline: Pipeline, audited: DagRun, database: Database
) -> None:
    with forgotten(database):
        with pytest.raises(AirflowTaskTimeout), timeout(1):
            pipeline.execute("weather", "publish", audited.loads[0])
        # Though what it waits for has not ended.
        wait_for(lambda: not pipeline.rows(OURS))
    assert pipeline.finish(audited, since="publish").errors == {}


@pytest.mark.usefixtures("patient")
def test_g6_a_task_that_is_killed_at_a_lock_leaves_no_backend(
    pipeline: Pipeline, audited: DagRun, database: Database
) -> None:
    with forgotten(database):
        task = get_context("fork").Process(target=pipeline.execute, args=("weather", "publish", audited.loads[0]))
        task.start()
        try:
            wait_for(lambda: pipeline.rows(WAITING))
        finally:
            task.kill()
            task.join()
        wait_for(lambda: not pipeline.rows(OURS))
    assert pipeline.finish(audited, since="publish").errors == {}


@pytest.mark.parametrize(
    ("instance", "name"),
    [
        ({}, "weather.load.publish[0] manual__2026"),
        ({"map_index": 12, "try_number": 2}, "weather.load.publish[12]#2 manual__2026"),
        ({"task_id": "plan", "map_index": -1}, "weather.plan manual__2026"),
        ({"task_id": "plan", "map_index": None}, "weather.plan manual__2026"),
        (
            {"dag_id": "refresh_marts", "task_id": "daily_wikipedia_page_stats", "map_index": -1, "run_id": CRON},
            "refresh_marts.daily_wikipedia_page_stats scheduled__2026-11-20T",
        ),
        ({"run_id": r"Zürich \ 1"}, r"weather.load.publish[0] Z?rich \ 1"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("pipeline")
def test_a_session_of_a_task_is_named_after_it(instance: dict[str, Any], name: str) -> None:
    with running_as(**instance), warehouse() as connection:
        assert connection.execute("SHOW application_name").fetchone() == (name,)
        assert connection.execute("SHOW lock_timeout").fetchone() == ("1min",)


@pytest.mark.usefixtures("pipeline")
def test_a_session_of_a_command_of_airflow_is_named_after_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/somewhere/airflow", "dags", "replay", "weather"])
    with warehouse() as connection:
        assert connection.execute("SHOW application_name").fetchone() == ("airflow dags replay weather",)


def test_a_session_keeps_the_options_of_its_address(database: Database) -> None:
    address = database("dw_owner") + "&options=-c%20work_mem%3D9MB"
    with psycopg.connect(session_address(address, "a b")) as connection:
        shown = [connection.execute(sql.SQL(f"SHOW {name}")).fetchone() for name in ("work_mem", "application_name")]
        assert shown == [("9MB",), ("a b",)]
    assert len(name_of("ö" * 80)) == 63


@pytest.mark.parametrize("role", ["dw_owner", "dw_loader", "dw_reader"])
def test_every_session_of_the_roles_ends_when_it_is_forgotten_or_alone(database: Database, role: str) -> None:
    expected = {
        "idle_in_transaction_session_timeout": "3min",
        "client_connection_check_interval": "5s",
        "log_lock_waits": "on",
    }
    with psycopg.connect(database(role)) as connection:
        shown = {name: connection.execute(sql.SQL(f"SHOW {name}")).fetchone() for name in expected}
        assert shown == {name: (value,) for name, value in expected.items()}
        # A socket of this machine has no keepalives to show.
        stored = connection.execute("SELECT setconfig FROM pg_db_role_setting WHERE setrole = current_user::regrole")
        assert {"tcp_keepalives_idle=60s", "tcp_keepalives_interval=10s", "tcp_keepalives_count=6"} <= {
            text for (texts,) in stored for text in texts
        }


@pytest.mark.usefixtures("patient")
def test_a_forgotten_transaction_ends_by_itself_and_the_task_that_waits_comes_through(
    pipeline: Pipeline, audited: DagRun, database: Database
) -> None:
    with forgotten(database, f"SET LOCAL idle_in_transaction_session_timeout TO '1s'; {FORGOTTEN}"):
        assert pipeline.finish(audited, since="publish").errors == {}


def test_the_owner_sees_and_ends_what_others_do_the_loader_only_sees_the_reader_neither(database: Database) -> None:
    with psycopg.connect(database("postgres"), autocommit=True) as admin:
        admin.execute("DO $$ BEGIN CREATE ROLE somebody LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
        admin.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO somebody").format(sql.Identifier(admin.info.dbname)))
    seen: dict[str, tuple[bool, bool]] = {}
    for role in ("dw_reader", "dw_loader", "dw_owner"):
        with psycopg.connect(database("somebody")) as other, psycopg.connect(database(role), autocommit=True) as own:
            other.execute("SELECT 'a secret'")
            pid = other.info.backend_pid
            (query,) = own.execute("SELECT query FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone() or ("",)
            try:
                ended = own.execute("SELECT pg_terminate_backend(%s)", [pid]).fetchone() == (True,)
            except psycopg.errors.InsufficientPrivilege:
                ended = False
            seen[role] = ("a secret" in query, ended)
            other.close()
    with psycopg.connect(database("postgres"), autocommit=True) as admin:
        admin.execute("DROP OWNED BY somebody")
        admin.execute("DROP ROLE somebody")
    assert seen == {"dw_reader": (False, False), "dw_loader": (True, False), "dw_owner": (True, True)}
