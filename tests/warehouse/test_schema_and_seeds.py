"""Bootstrap, migrations, roles and seeds."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
import tzfpy
from psycopg import sql

from include.errors import BadSeed, WarehouseError
from include.schema import bootstrap, migrate
from include.seeds import SEED_FILE, SeedLocation, SeedPage, Seeds, load_seeds, read_seeds
from include.warehouse import run
from local.postgres import bin_dir, temporary_server
from tests.conftest import NEWEST
from tests.warehouse.pipeline import wait_for
from tests.warehouse.places import BOSTON, NEW_ENGLAND, PHOENIX

PYTHON = [sys.executable, "-m", "include"]
AIRFLOW_DATABASE = Path(__file__).parents[2] / "deploy" / "init" / "airflow_database.sql"


def test_migrations_may_run_twice_and_at_once(server: str) -> None:
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute("CREATE DATABASE from_nothing OWNER dw_owner TEMPLATE template0")
    url = server.replace("postgres@/postgres", "dw_owner@/from_nothing")
    environment = {**os.environ, "WAREHOUSE_URL": url}
    at_once = [
        subprocess.Popen([*PYTHON, "migrate"], env=environment, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    assert [process.communicate()[0] for process in at_once] == [f"migrate: the schema is at {NEWEST}\n"] * 3
    assert migrate(url) == NEWEST
    bootstrap(server)


STAND_STILL = """
    CREATE FUNCTION public.stand_still() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_lock(1); END';
    CREATE EVENT TRIGGER stand_still ON ddl_command_end WHEN TAG IN ('CREATE MATERIALIZED VIEW')
    EXECUTE FUNCTION public.stand_still();
    SELECT pg_advisory_lock(1)
"""
STANDS = "SELECT 1 FROM pg_stat_activity WHERE datname = 'half_way' AND wait_event = 'advisory'"
STRANGERS = "SELECT 1 FROM pg_stat_activity WHERE datname = 'half_way' AND pid <> pg_backend_pid()"


def test_a_migration_that_is_killed_half_way_leaves_nothing_and_is_run_again(server: str) -> None:
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute("CREATE DATABASE half_way OWNER dw_owner TEMPLATE template0")
    url = server.replace("postgres@/postgres", "dw_owner@/half_way")
    with psycopg.connect(server, dbname="half_way", autocommit=True) as admin:
        admin.execute(STAND_STILL)
        with subprocess.Popen([*PYTHON, "migrate"], env={**os.environ, "WAREHOUSE_URL": url}) as migration:
            wait_for(lambda: admin.execute(STANDS).fetchone())
            migration.kill()
        admin.execute("SELECT pg_advisory_unlock(1)")
        wait_for(lambda: not admin.execute(STRANGERS).fetchone())
        assert admin.execute("SELECT to_regnamespace('core'), to_regnamespace('audit')").fetchone() == (None, None)
        admin.execute("DROP EVENT TRIGGER stand_still")
    assert migrate(url) == NEWEST


def test_the_administrator_of_a_managed_server_suffices() -> None:
    """It is not a superuser; there are no roles yet that it could have been made a member of."""
    with temporary_server() as admin_url:
        with psycopg.connect(admin_url, autocommit=True) as superuser:
            superuser.execute("CREATE ROLE master LOGIN CREATEROLE CREATEDB")
        master_url = admin_url.replace("postgres@", "master@")
        psql = [bin_dir() / "psql", "--quiet", "--no-psqlrc", "--dbname", master_url, "--file", AIRFLOW_DATABASE]
        for _ in range(2):
            subprocess.run(psql, env=os.environ | {"AIRFLOW_DB_PASSWORD": "secret"}, check=True)
            left_out = bootstrap(master_url)
        # The predefined roles are not its to grant from PostgreSQL 16 on, and what to log is the superuser's to say.
        assert [line.split(":")[1] for line in left_out] == [
            *(f" ALTER ROLE {role} SET log_lock_waits TO 'on'" for role in ("dw_owner", "dw_loader", "dw_reader")),
            " GRANT pg_monitor, pg_signal_backend TO dw_owner",
            " GRANT pg_read_all_stats TO dw_loader",
        ]
        with psycopg.connect(admin_url.replace("postgres@/postgres", "airflow@/airflow")) as airflow:
            airflow.execute("CREATE TABLE public.it_is_airflows ()")
        assert migrate(admin_url.replace("postgres@/postgres", "dw_owner@/dw"))


def test_a_schema_of_a_later_release_is_left_alone(database: Callable[[str], str], owner: psycopg.Connection) -> None:
    owner.execute("UPDATE audit.schema_version SET version_num = '1999'")
    with pytest.raises(WarehouseError, match=r"'1999'; if a later release has migrated this warehouse, use that one$"):
        migrate(database("dw_owner"))


@pytest.mark.parametrize("step", ["validat", "Validate", "staged", ""])
def test_a_step_that_is_misspelled_locks_nothing(owner: psycopg.Connection, step: str) -> None:
    with pytest.raises(psycopg.errors.InvalidTextRepresentation, match=f'enum audit.load_step: "{step}"'):
        owner.execute(sql.SQL("SELECT audit.lock_load(1, {})").format(sql.Literal(step)))


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
            connection.execute(query)
        else:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(query)


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
    assert ran.returncode == 2
    assert all(word in ran.stderr for word in [*words, str(file)])
    assert "Traceback" not in ran.stderr and ran.stderr.count("\n") == 1
    assert owner.execute("SELECT count(*) FROM core.location").fetchone() == (0,)


def place(zone: str) -> SeedLocation:
    return SeedLocation("Here", Decimal("48.85"), Decimal("2.35"), None, None, None, zone)


@pytest.mark.parametrize(
    ("zone", "why"),
    [
        ("Mars/Olympus", "PostgreSQL does not know it"),
        ("europe/paris", "PostgreSQL does not know it"),
        ("UTC+3", "PostgreSQL does not know it"),
        ("", "PostgreSQL does not know it"),
        ("localtime", "what it means depends on the machine"),
        ("posixrules", "what it means depends on the machine"),
        ("Factory", "what it means depends on the machine"),
        ("posix/Europe/Paris", "what it means depends on the machine"),
        *[
            (zone, "PostgreSQL reads it as the fixed offset")
            for zone in ("CET", "MET", "EET", "WET", "EST", "HST", "MST")
        ],
    ],
)
def test_a_zone_that_postgresql_does_not_read_as_one_is_refused_and_nothing_changes(
    owner: psycopg.Connection, zone: str, why: str
) -> None:
    load_seeds(owner, Seeds((BOSTON,), (NEW_ENGLAND,)))
    with pytest.raises(BadSeed) as error:
        load_seeds(owner, Seeds((PHOENIX, place(zone)), (), Path("their.yaml")))
    message = str(error.value)
    assert message.startswith(f"their.yaml: locations, entry 2 (Here): field timezone {zone!r}")
    assert why in message and message.endswith("such as Europe/Paris")
    assert owner.execute("SELECT location_name, is_active FROM core.location").fetchall() == [("Boston", True)]
    assert owner.execute("SELECT is_active FROM core.tracked_page").fetchall() == [(True,)]


@pytest.mark.parametrize(
    "zone", ["UTC", "GMT", "Etc/UTC", "Etc/GMT+5", "Europe/Paris", "America/Argentina/Buenos_Aires"]
)
def test_a_zone_that_postgresql_knows_is_followed(owner: psycopg.Connection, zone: str) -> None:
    load_seeds(owner, Seeds((place(zone),), ()))
    assert owner.execute("SELECT timezone FROM core.location").fetchall() == [(zone,)]


def test_every_zone_that_is_accepted_tells_the_dates_of_that_zone(owner: psycopg.Connection) -> None:
    """AT TIME ZONE prefers abbreviations, the setting timezone knows none. Half a year apart, so that a fixed offset shows."""
    known = [name for (name,) in owner.execute("SELECT name FROM pg_timezone_names")]
    refused = [name for _, name, _ in run(owner, "places/unusable_zones.sql", {"zones": known})]
    accepted = sorted(set(known) - set(refused))
    assert len(accepted) > 300
    halves = "FROM (VALUES ('2026-01-01Z'::timestamptz), ('2026-07-01Z')) AS half (start)"
    for name in accepted:
        owner.execute("SET timezone TO 'UTC'")
        told = owner.execute(f"SELECT array_agg(start AT TIME ZONE %s ORDER BY start) {halves}", [name]).fetchone()
        owner.execute("SELECT set_config('timezone', %s, false)", [name])
        assert told == owner.execute(f"SELECT array_agg(start::timestamp ORDER BY start) {halves}").fetchone(), name


def test_the_case_of_zones_is_refused_by_entry_and_field(owner: psycopg.Connection, cases: Path) -> None:
    old = owner.execute("SELECT 1 FROM pg_timezone_names WHERE name = 'America/Buenos_Aires'").fetchone()
    entry = "entry 3 (Here): field timezone 'localtime'" if old else "entry 2 (Old spelling): field timezone"
    with pytest.raises(BadSeed, match=re.escape(f"seed_zones.yaml: locations, {entry}")):
        load_seeds(owner, read_seeds(cases / "seed_zones.yaml"))
    assert owner.execute("SELECT count(*) FROM core.location").fetchone() == (0,)


def test_every_zone_that_is_looked_up_is_known_to_postgresql(owner: psycopg.Connection) -> None:
    names = tzfpy.timezonenames()
    assert len(names) > 400
    assert run(owner, "places/unusable_zones.sql", {"zones": names}).fetchall() == []


@pytest.mark.parametrize("section", ["locations", "pages"])
def test_a_name_that_postgresql_cannot_hold_is_refused_by_entry(owner: psycopg.Connection, section: str) -> None:
    # A text that packs well fits its index even when it is long.
    long = "".join(chr(0x4E00 + number * 7919 % 20000) for number in range(2000))
    here, page = replace(BOSTON, location_name=long), SeedPage(long, "en")
    seeds = Seeds((PHOENIX, here), ()) if section == "locations" else Seeds((PHOENIX,), (NEW_ENGLAND, page))
    with pytest.raises(BadSeed) as error:
        load_seeds(owner, seeds)
    assert str(error.value).startswith(f"{SEED_FILE}: {section}, entry 2 (")
    assert long[:20] in str(error.value) and len(str(error.value)) < 400
    assert owner.execute("SELECT count(*) FROM core.location").fetchone() == (0,)


def test_a_key_given_twice_deactivates_nobody(
    owner: psycopg.Connection, database: Callable[[str], str], cases: Path
) -> None:
    load_seeds(owner, read_seeds())
    ran = subprocess.run(
        [*PYTHON, "seed", str(cases / "seed_key_twice.yaml")],
        env={**os.environ, "WAREHOUSE_URL": database("dw_owner")},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 2 and ran.stdout == ""
    assert "seed_key_twice.yaml: " in ran.stderr and "line 5: the key pages" in ran.stderr
    assert owner.execute("SELECT count(*) FROM core.tracked_page WHERE is_active").fetchone() == (8,)
    assert owner.execute("SELECT count(*) FROM core.location WHERE is_active").fetchone() == (10,)


@pytest.mark.parametrize("command", ["bootstrap", "migrate", "seed", "gaps", "locks"])
def test_a_database_that_is_not_there_is_one_clear_line(command: str) -> None:
    nowhere = "postgresql://dw_owner@127.0.0.1:9/dw"
    environment = {**os.environ, "WAREHOUSE_URL": nowhere, "WAREHOUSE_ADMIN_URL": nowhere}
    ran = subprocess.run([*PYTHON, command], env=environment, capture_output=True, text=True)
    assert ran.returncode == 2
    assert ran.stderr.startswith(f"{command}: ") and ran.stderr.count("\n") == 1
