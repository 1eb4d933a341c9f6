"""Which of the warehouse's own commands `make up` runs, by what changed since the last time."""

import os

import psycopg
import pytest

from include.schema import bootstrap
from include.warehouse import run
from local import databases
from local.console import Failure, out
from local.postgres import temporary_server
from local.settings import Paths


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
