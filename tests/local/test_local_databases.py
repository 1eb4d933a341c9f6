"""Which of the warehouse's own commands `make up` runs, by what changed since the last time."""

import psycopg
import pytest

from local import databases
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
