"""Bootstrap, migrations, roles and seeds."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from include.schema import bootstrap, migrate
from include.seeds import SEED_FILE, load_seeds, read_seeds

PYTHON = [sys.executable, "-m", "include"]


def test_migrations_may_run_twice_and_at_once(server: str) -> None:
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute("CREATE DATABASE from_nothing OWNER dw_owner TEMPLATE template0")
    url = server.replace("postgres@/postgres", "dw_owner@/from_nothing")
    environment = {**os.environ, "WAREHOUSE_URL": url}
    at_once = [
        subprocess.Popen([*PYTHON, "migrate"], env=environment, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    assert [process.communicate()[0] for process in at_once] == ["migrate: the schema is at 0008\n"] * 3
    assert migrate(url) == "0008"
    bootstrap(server)


def test_every_table_and_view_and_every_measured_column_says_what_it_is(owner: psycopg.Connection) -> None:
    silent = owner.execute(
        "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'p', 'm', 'v') AND NOT relispartition "
        "AND relnamespace::regnamespace::text IN ('raw', 'core', 'mart', 'audit', 'staging') "
        "AND relname <> 'schema_version' AND obj_description(oid, 'pg_class') IS NULL"
    ).fetchall()
    assert silent == []
    units = owner.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'core.weather'::regclass AND attnum > 0 "
        "AND attname ~ '_(celsius|percent|mm|hpa|mps|degrees)$' AND col_description(attrelid, attnum) IS NULL"
    ).fetchall()
    assert units == []


@pytest.mark.parametrize(
    ("role", "query", "is_allowed"),
    [
        ("dw_reader", "SELECT * FROM mart.daily_weather_aggregates", True),
        ("dw_reader", "SELECT * FROM core.weather", True),
        ("dw_reader", "SELECT * FROM raw.weather_observations", False),
        ("dw_reader", "DELETE FROM core.weather", False),
        ("dw_reader", "CREATE TABLE core.mine (id int)", False),
        ("dw_loader", "SELECT core.ensure_weather_partitions('2026-01-01Z', '2026-02-01Z')", True),
        ("dw_loader", "SELECT mart.refresh('daily_weather_aggregates')", True),
        ("dw_loader", "DELETE FROM core.weather", False),
        ("dw_loader", "UPDATE core.location SET latitude = 0", False),
        ("dw_loader", "DROP TABLE core.weather", False),
        ("dw_loader", "DELETE FROM audit.load", False),
    ],
)
def test_roles_may_do_what_they_need_and_no_more(
    database: Callable[[str], str], role: str, query: str, is_allowed: bool
) -> None:
    with psycopg.connect(database(role)) as connection:
        if is_allowed:
            connection.execute(query)  # type: ignore[call-overload]
        else:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(query)  # type: ignore[call-overload]


def test_seeding_follows_the_file_and_keeps_history(owner: psycopg.Connection, tmp_path: Path) -> None:
    load_seeds(owner, read_seeds())
    shorter = tmp_path / "seeds.yaml"
    shorter.write_text(SEED_FILE.read_text().replace("  - {name: Miami", "  # - {name: Miami"))
    load_seeds(owner, read_seeds(shorter))
    assert owner.execute("SELECT location_name FROM core.location WHERE NOT is_active").fetchall() == [("Miami",)]
    load_seeds(owner, read_seeds())
    assert owner.execute("SELECT count(*), count(*) FILTER (WHERE is_active) FROM core.location").fetchone() == (10, 10)
    stamps = owner.execute("SELECT max(updated_at) FROM core.location").fetchone()
    load_seeds(owner, read_seeds())
    assert owner.execute("SELECT max(updated_at) FROM core.location").fetchone() == stamps


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("latitude: 42.3601, ", ["locations, entry 1 (Boston)", "field latitude is missing"]),
        ("language: en}", ["pages, entry", "field language is missing"]),
    ],
)
def test_a_malformed_seed_file_is_refused_and_nothing_is_half_loaded(
    database: Callable[[str], str], owner: psycopg.Connection, tmp_path: Path, broken: str, words: list[str]
) -> None:
    file = tmp_path / "seeds.yaml"
    file.write_text(SEED_FILE.read_text().replace(broken, "}" if broken.endswith("}") else "", 1))
    environment = {**os.environ, "WAREHOUSE_URL": database("dw_owner")}
    ran = subprocess.run([*PYTHON, "seed", str(file)], env=environment, capture_output=True, text=True)
    assert ran.returncode == 1
    assert all(word in ran.stderr for word in [*words, str(file)])
    assert "Traceback" not in ran.stderr and ran.stderr.count("\n") == 1
    assert owner.execute("SELECT count(*) FROM core.location").fetchone() == (0,)


@pytest.mark.parametrize("command", ["bootstrap", "migrate", "seed"])
def test_a_database_that_is_not_there_is_one_clear_line(command: str) -> None:
    nowhere = "postgresql://dw_owner@127.0.0.1:9/dw"
    environment = {**os.environ, "WAREHOUSE_URL": nowhere, "WAREHOUSE_ADMIN_URL": nowhere}
    ran = subprocess.run([*PYTHON, command], env=environment, capture_output=True, text=True)
    assert ran.returncode == 1
    assert ran.stderr.startswith(f"{command}: ") and ran.stderr.count("\n") == 1
