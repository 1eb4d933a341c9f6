"""Which of the warehouse's own commands `make up` runs, by what changed since the last time."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from include.schema import bootstrap
from include.warehouse import run
from local import databases
from local.console import Failure, out
from local.postgres import temporary_server
from local.settings import REPO, Paths


def test_migrate_runs_again_when_a_setting_that_it_notes_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(databases, "run_warehouse_commands", lambda actions, env, paths: ran.append(actions))
    day = {"DW_START_DATE": "2026-11-01"}
    with temporary_server() as address:
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("CREATE DATABASE dw")
        for env in (day, day, day | {"DW_WEATHER_SCHEDULE": "@hourly"}, day, {"DW_START_DATE": "2026-10-01"}):
            databases.set_up_warehouse(address, env, {}, Paths())
    assert ran == [["bootstrap", "migrate", "seed"], ["migrate"], ["migrate"], ["migrate"]]


def test_a_command_that_waits_says_so_while_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    with temporary_server() as address:
        bootstrap(address)
        owner_url = address.replace("postgres@/postgres", "dw_owner@/dw")
        with psycopg.connect(owner_url) as other:
            # So that the test also ends where nothing is said.
            other.execute("SET idle_in_transaction_session_timeout TO '60s'")
            run(other, "ops/lock_schema.sql")

            def say(line: str, **_: object) -> None:
                said.append(line)
                other.rollback()

            monkeypatch.setattr(out, "print", say)
            databases.run_warehouse_commands(["migrate"], os.environ | {"WAREHOUSE_URL": owner_url}, Paths())
    assert said[0].startswith("migrate: waits for dw_owner (PostgreSQL process ")


def test_a_command_that_fails_is_quoted() -> None:
    nowhere = os.environ | {"WAREHOUSE_URL": "postgresql://dw_owner@127.0.0.1:9/dw"}
    with pytest.raises(Failure, match=r"`python -m include migrate` failed:\nmigrate: .*127\.0\.0\.1"):
        databases.run_warehouse_commands(["migrate"], nowhere, Paths())


@pytest.fixture
def unreachable(tmp_path: Path) -> dict[str, str]:
    """The environment of an Airflow whose database nobody serves."""
    address = "postgresql+psycopg2://airflow@127.0.0.1:9/airflow"
    return os.environ | {"AIRFLOW_HOME": str(tmp_path), "PYTHONPATH": str(REPO), databases.OWN_METADATA: address}


def test_a_migration_that_nobody_is_left_to_begin_ends_without_a_look_at_the_database(
    unreachable: dict[str, str],
) -> None:
    subprocess.run([sys.executable, "-m", "local.migrate"], stdin=subprocess.DEVNULL, env=unreachable, check=True)


def test_a_migration_that_fails_is_quoted(unreachable: dict[str, str], tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    paths.logs.mkdir(parents=True)
    migration = databases.Migration(unreachable, paths)
    migration.begin()
    with pytest.raises(
        Failure, match=r"(?s)`airflow db migrate` failed; .*airflow-db-migrate\.log ends with:\n.*127\.0\.0\.1"
    ):
        migration.finish()
