"""Bootstrap, migrations, roles and seeds."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path

import psycopg
import pytest
import tzfpy
from alembic import command
from alembic.config import Config

import include.schema
from include.errors import BadSeed
from include.schema import bootstrap, migrate
from include.seeds import SEED_FILE, SeedLocation, SeedPage, Seeds, load_seeds, read_seeds
from include.warehouse import run
from local.postgres import bin_dir, temporary_server
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
    assert [process.communicate()[0] for process in at_once] == ["migrate: the schema is at 0013\n"] * 3
    assert migrate(url) == "0013"
    bootstrap(server)


def test_the_administrator_of_a_managed_server_suffices() -> None:
    """It is no superuser; there are no roles yet that it could have been made a member of."""
    with temporary_server() as admin_url:
        with psycopg.connect(admin_url, autocommit=True) as superuser:
            superuser.execute("CREATE ROLE master LOGIN CREATEROLE CREATEDB")
        master_url = admin_url.replace("postgres@", "master@")
        psql = [bin_dir() / "psql", "--quiet", "--no-psqlrc", "--dbname", master_url, "--file", AIRFLOW_DATABASE]
        for _ in range(2):
            subprocess.run(psql, env=os.environ | {"AIRFLOW_DB_PASSWORD": "secret"}, check=True)
            bootstrap(master_url)
        with psycopg.connect(admin_url.replace("postgres@/postgres", "airflow@/airflow")) as airflow:
            airflow.execute("CREATE TABLE public.it_is_airflows ()")
        assert migrate(admin_url.replace("postgres@/postgres", "dw_owner@/dw"))


def test_a_warehouse_from_before_replays_is_migrated_with_its_loads(server: str) -> None:
    """Of a load that was published and then extracted again, the answers that were published are known."""
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute("CREATE DATABASE from_before_replays OWNER dw_owner TEMPLATE template0")
    url = server.replace("postgres@/postgres", "dw_owner@/from_before_replays")
    config = Config()
    config.set_main_option("script_location", str(Path(include.schema.__file__).parent))
    config.attributes["owner_url"] = url
    command.upgrade(config, "0005")
    with psycopg.connect(url) as before:
        before.execute(LOADS_BEFORE_REPLAYS)
    migrate(url)
    with psycopg.connect(url) as after:
        found = after.execute("SELECT run_id, published_attempt FROM audit.load ORDER BY load_id").fetchall()
    assert found == [
        ("published", 2),
        ("extracted again", 1),
        ("never published", None),
        ("pages extracted again", 1),
    ]


LOADS_BEFORE_REPLAYS = """
    INSERT INTO audit.load (
        dag_id, run_id, map_index, source, subject_ids, window_start, window_end, status, attempt, extracted_at, published_at
    )
    SELECT
        source, run_id, 0, source, '{1}', '2026-10-01', '2026-10-02', status, attempt,
        '2026-10-03Z'::timestamptz + extracted, '2026-10-03Z'::timestamptz + published
    FROM (VALUES
        ('weather', 'published', 'published', 2, interval '10:10', interval '10:20'),
        ('weather', 'extracted again', 'extracted', 2, '10:30', '10:20'),
        ('weather', 'never published', 'extracted', 1, '10:10', NULL),
        ('wikipedia', 'pages extracted again', 'extracted', 2, '10:30', '10:20')
    ) AS load (source, run_id, status, attempt, extracted, published);
    INSERT INTO raw.wikipedia_pages (
        load_id, attempt, page_id, page_title, page_language, source, url, http_status, window_start, window_end, payload,
        ingested_at
    )
    SELECT
        load.load_id, came.attempt, 1, 'x', 'en', 'mediawiki', '', 200, load.window_start, load.window_end, '{}',
        '2026-10-03Z'::timestamptz + came.after
    FROM audit.load, (VALUES (1, interval '10:05'), (2, '10:29')) AS came (attempt, after)
    WHERE load.source = 'wikipedia';
    INSERT INTO raw.weather_observations (
        load_id, attempt, location_ids, location_name, source, url, http_status, window_start, window_end, payload, ingested_at
    )
    SELECT
        load.load_id, came.attempt, load.subject_ids, 'Boston', 'open_meteo', '', 200, load.window_start, load.window_end, '{}',
        '2026-10-03Z'::timestamptz + came.after
    FROM audit.load
    INNER JOIN (VALUES
        ('published', 1, interval '10:05'), ('published', 2, '10:09'),
        ('extracted again', 1, '10:05'), ('extracted again', 2, '10:29'),
        ('never published', 1, '10:05')
    ) AS came (run_id, attempt, after) USING (run_id);
"""


def test_a_warehouse_from_before_the_newest_answer_is_migrated_with_its_revisions(server: str) -> None:
    """What was read of each page, and what was taken for a size or an address, is put right."""
    url = before_the_newest_answer(server, "from_before_the_newest_answer")
    migrate(url)
    with psycopg.connect(url) as after:
        revisions = after.execute(
            "SELECT revision_id, wikipedia_page_id, revision_size_bytes, size_delta_bytes, is_anonymous "
            "FROM core.revision ORDER BY 1"
        ).fetchall()
        read = after.execute(
            "SELECT load_id, wikipedia_page_id, raw_id, window_end - window_start FROM audit.published_answer ORDER BY 1"
        ).fetchall()
        found = after.execute("SELECT load_id, attempt, raw_id FROM audit.load_answer").fetchall()
        complete = after.execute("SELECT load_id, attempt FROM audit.extraction ORDER BY 1, 2").fetchall()
        staged = after.execute("SELECT count(*) FROM staging.page, staging.revision").fetchone()
        audited = after.execute("SELECT status, staged_at, audited_at FROM audit.load WHERE run_id = 'e'").fetchone()
        mart = after.execute(
            "SELECT revision_count, total_bytes_changed, anonymous_revision_count FROM mart.daily_wikipedia_page_stats"
        ).fetchall()
    assert revisions == [(1, 101, 50, 50, True), (2, 101, None, None, False), (3, 101, 70, None, False)]
    assert read == [(1, 101, 1, timedelta(days=2)), (2, None, 1, timedelta(days=1))]
    assert found == [(2, 1, 1)]
    assert complete == [(1, 1), (2, 1), (3, 1)]
    assert mart == [(3, 50, 1)]
    # To be transformed again, which it says when its publish is tried.
    assert (staged, audited) == ((0,), ("extracted", None, None))


def before_the_newest_answer(server: str, name: str) -> str:
    """The URL of a database of that name, at migration 0009 and with rows in it."""
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} OWNER dw_owner TEMPLATE template0")
    url = server.replace("postgres@/postgres", f"dw_owner@/{name}")
    config = Config()
    config.set_main_option("script_location", str(Path(include.schema.__file__).parent))
    config.attributes["owner_url"] = url
    command.upgrade(config, "0009")
    with psycopg.connect(url) as before:
        before.execute(REVISIONS_BEFORE_THE_NEWEST_ANSWER)
    return url


def test_a_migration_that_was_killed_in_the_middle_goes_on(server: str) -> None:
    """SIGKILL, while it waits for a table in the middle of the second of four files: nothing of them stays."""
    url = before_the_newest_answer(server, "killed_in_the_middle")
    migration = get_context("fork").Process(target=migrate, args=(url,))
    with psycopg.connect(url) as reader, psycopg.connect(url, autocommit=True) as watcher:
        before = reader.execute("SELECT * FROM core.revision ORDER BY revision_id").fetchall()
        migration.start()
        waits = "SELECT 1 FROM pg_locks WHERE relation = 'core.revision'::regclass AND mode = 'AccessExclusiveLock' AND NOT granted"
        wait_for(lambda: watcher.execute(waits).fetchone())
        assert migration.pid
        os.kill(migration.pid, signal.SIGKILL)
        migration.join()
        assert reader.execute("SELECT version_num FROM audit.schema_version").fetchall() == [("0009",)]
        assert reader.execute("SELECT * FROM core.revision ORDER BY revision_id").fetchall() == before
    migrate(url)
    with psycopg.connect(url) as after:
        assert after.execute("SELECT count(*) FROM core.revision").fetchone() == (3,)


REVISIONS_BEFORE_THE_NEWEST_ANSWER = """
    INSERT INTO core.tracked_page (page_title, page_language) VALUES ('x', 'en');
    INSERT INTO audit.load (
        dag_id, run_id, map_index, source, subject_ids, window_start, window_end, status, attempt, is_replay, extracted_at,
        published_at, published_attempt
    )
    SELECT
        'wikipedia', run_id, 0, 'wikipedia', '{1}', starts, ends, status, 1, is_replay, '2026-10-07Z', published, attempt
    FROM (VALUES
        ('a', '2026-10-01Z'::timestamptz, '2026-10-03Z'::timestamptz, 'published', false, '2026-10-07Z'::timestamptz, 1),
        ('b', '2026-10-02Z', '2026-10-04Z', 'published', true, '2026-10-07Z', 1),
        ('c', '2026-10-05Z', '2026-10-06Z', 'extracted', false, NULL, NULL)
    ) AS load (run_id, starts, ends, status, is_replay, published, attempt)
    ORDER BY run_id;
    INSERT INTO raw.wikipedia_pages (
        load_id, attempt, page_id, page_title, page_language, source, url, http_status, window_start, window_end, payload,
        ingested_at
    )
    SELECT
        load_id, 1, 1, 'x', 'en', 'mediawiki', '', 200, window_start, window_end,
        '{"query": {"pages": [{"pageid": 101, "ns": 0, "title": "x"}]}}', extracted_at
    FROM audit.load WHERE NOT is_replay
    ORDER BY load_id;
    INSERT INTO core.wikipedia_page VALUES (1, 101, 'x', 0, 'en', false, false, '2026-10-04Z', NULL, DEFAULT, 1, 1);
    INSERT INTO core.revision (
        page_id, revision_id, parent_id, revision_timestamp, revision_user, is_minor, is_anonymous, is_temporary,
        revision_size_bytes, size_delta_bytes, tags, sha1, raw_id, load_id
    )
    VALUES
        (1, 1, 0, '2026-10-01Z', '2001:DB8:0:0:0:0:0:1', false, true, false, 50, 50, '{}', 'aa', 1, 1),
        (1, 2, 1, '2026-10-01Z', 'en>Somebody', false, true, false, 0, -50, '{}', '', 1, 1),
        (1, 3, 2, '2026-10-01Z', 'Somebody', false, false, false, 70, 70, '{}', 'bb', 1, 1);
    -- Of a load that was rejected, whose extraction has begun anew: its answers of before are nobody's.
    INSERT INTO audit.load (
        dag_id, run_id, map_index, source, subject_ids, window_start, window_end, status, attempt, is_replay, staged_at, audited_at
    )
    VALUES
        ('wikipedia', 'd', 0, 'wikipedia', '{1}', '2026-10-06Z', '2026-10-07Z', 'failed', 2, false, NULL, NULL),
        ('wikipedia', 'e', 0, 'wikipedia', '{1}', '2026-10-06Z', '2026-10-07Z', 'audited', 1, false, '2026-10-07Z', '2026-10-07Z');
    INSERT INTO staging.page
    SELECT load_id, 1, 1, 101, 'x', 0, 'en', false, false, '2026-10-04Z' FROM audit.load WHERE run_id IN ('d', 'e');
    INSERT INTO staging.revision
    SELECT load_id, 1, 1, 4, 0, '2026-10-06Z', 'x', false, false, false, 1, '', '{}', 'aa', false
    FROM audit.load WHERE run_id IN ('d', 'e');
"""


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


@pytest.mark.parametrize("command", ["bootstrap", "migrate", "seed"])
def test_a_database_that_is_not_there_is_one_clear_line(command: str) -> None:
    nowhere = "postgresql://dw_owner@127.0.0.1:9/dw"
    environment = {**os.environ, "WAREHOUSE_URL": nowhere, "WAREHOUSE_ADMIN_URL": nowhere}
    ran = subprocess.run([*PYTHON, command], env=environment, capture_output=True, text=True)
    assert ran.returncode == 2
    assert ran.stderr.startswith(f"{command}: ") and ran.stderr.count("\n") == 1
