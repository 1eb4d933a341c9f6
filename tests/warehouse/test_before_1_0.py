"""Warehouses that were begun before 1.0: wherever they stopped, `migrate` makes of them what a new one is.

Goes with include/schema/before_1_0.py.
"""

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from multiprocessing import get_context

import psycopg
import pytest

from include import marts
from include.marts import refresh_mart
from include.schema import migrate
from include.schema.before_1_0 import STEPS
from include.sources import SOURCES
from include.warehouse import run
from local.postgres import bin_dir
from tests.conftest import NEWEST
from tests.warehouse.pipeline import wait_for

FORMER = [number for number in STEPS if number < "1000"]


Begin = Callable[[str], str]


@pytest.fixture
def begin(server: str) -> Iterator[Begin]:
    """Makes a database as the migrations of before 1.0 up to a number left it; returns its owner's URL."""
    url = server.replace("postgres@/postgres", "dw_owner@/begun")

    def of(number: str) -> str:
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute("CREATE DATABASE begun OWNER dw_owner TEMPLATE template0")
        with psycopg.connect(server, dbname="begun", autocommit=True) as admin:
            run(admin, "bootstrap/restrict_database.sql")
        with psycopg.connect(url) as owner:
            owner.execute(VERSION_TABLE)
            for step in FORMER[: FORMER.index(number) + 1]:
                owner.execute(STEPS[step].read_text(encoding="utf-8"))
            owner.execute("INSERT INTO audit.schema_version VALUES (%s)", [number])
        return url

    yield of
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute("DROP DATABASE begun WITH (FORCE)")


# As Alembic has always made it.
VERSION_TABLE = """
    CREATE SCHEMA audit;
    CREATE TABLE audit.schema_version (version_num varchar(32) NOT NULL CONSTRAINT schema_version_pkc PRIMARY KEY)
"""


def catalog(url: str, *options: str) -> dict[str, list[str]]:
    """All that pg_dump says of a database, by object: definition, owner, comment, grants, rows.

    The order of columns is left out: where a person would put a column, a migration could only append it. No statement of the
    project depends on it.
    """
    command = [bin_dir() / "pg_dump", "--column-inserts", *options, "--dbname", url]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    text, _, _ = told.partition("\n--\n-- PostgreSQL database dump complete")
    _, *parts = re.split(r"\n--\n-- (?:Data for )?Name: (.*)\n--\n", text)
    found = {
        name: sorted(line.rstrip(",") for line in body.splitlines()) if "; Type: TABLE;" in name else body.splitlines()
        for name, body in zip(parts[::2], parts[1::2], strict=True)
    }
    assert len(found) == len(parts) / 2 > 400
    return found


@pytest.fixture(scope="module")
def new(server: str) -> dict[str, list[str]]:
    """A new warehouse."""
    return catalog(server.replace("/postgres?", "/dw?"))


@pytest.mark.parametrize("number", FORMER)
def test_wherever_it_stopped_it_becomes_what_a_new_one_is(begin: Begin, new: dict[str, list[str]], number: str) -> None:
    url = begin(number)
    assert migrate(url) == NEWEST
    assert catalog(url) == new


def test_migrations_at_once_take_the_steps_once(begin: Begin, new: dict[str, list[str]]) -> None:
    url = begin("0001")
    at_once = [get_context("fork").Process(target=migrate, args=(url,)) for _ in range(3)]
    for migration in at_once:
        migration.start()
    for migration in at_once:
        migration.join()
    assert [migration.exitcode for migration in at_once] == [0, 0, 0]
    assert catalog(url) == new


CHANGES = [
    "COMMENT ON COLUMN core.weather.observed_at IS 'else'",
    "COMMENT ON TABLE core.weather_2026_10 IS 'of its own'",
    "ALTER TABLE core.revision ADD COLUMN one_more text",
    "ALTER TABLE core.revision ALTER COLUMN parent_id TYPE numeric",
    "ALTER TABLE audit.load ALTER COLUMN attempt SET DEFAULT 1",
    "ALTER TABLE audit.load ALTER COLUMN error SET NOT NULL",
    "ALTER TABLE audit.load DROP CONSTRAINT load_check",
    "ALTER TABLE core.weather_daily DROP CONSTRAINT weather_daily_location_id_fkey",
    "DROP INDEX audit.load_unsettled_idx",
    "DROP TRIGGER note_changed_hour ON core.weather",
    "ALTER TABLE raw.weather_observations DISABLE TRIGGER append_only",
    "ALTER TABLE core.weather DETACH PARTITION core.weather_2026_10",
    "ALTER FUNCTION core.ensure_weather_partitions SECURITY INVOKER",
    "CREATE OR REPLACE VIEW audit.weather_answered AS SELECT 1::bigint AS raw_id, 1::bigint AS subject_id, window_start, "
    "window_end FROM audit.load",
    "ALTER TYPE audit.load_step ADD VALUE 'publish'",
    "REVOKE SELECT ON core.weather FROM dw_reader",
    "GRANT EXECUTE ON FUNCTION mart.refresh TO public",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA raw GRANT DELETE ON TABLES TO dw_loader",
    "ALTER TABLE staging.page OWNER TO dw_loader",
    "DELETE FROM core.weather_condition WHERE weather_code = 99",
]


def test_the_comparison_sees_each_change(database: Callable[[str], str]) -> None:
    url = database("postgres")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(MONTHS)
        before = catalog(url)
        for change in CHANGES:
            connection.execute(change)
            after = catalog(url)
            assert after != before, change
            before = after


def new_one(database: Callable[[str], str]) -> dict[str, list[str]]:
    """The objects of a new warehouse, which has the months of those below."""
    with psycopg.connect(database("dw_owner")) as owner:
        owner.execute(MONTHS)
    return catalog(database("dw_owner"), "--schema-only")


MONTHS = "SELECT core.ensure_weather_partitions('2026-10-01Z', '2026-12-01Z')"


def test_a_warehouse_from_before_replays_is_migrated_with_its_loads(
    begin: Begin, database: Callable[[str], str]
) -> None:
    """Of a load that was published and then extracted again, the responses that were published are known."""
    url = begin("0005")
    with psycopg.connect(url) as before:
        before.execute(LOADS_BEFORE_REPLAYS)
        before.execute(MONTHS)
    migrate(url)
    assert catalog(url, "--schema-only") == new_one(database)
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


def test_a_warehouse_from_before_the_newest_response_is_migrated_with_its_revisions(
    begin: Begin, database: Callable[[str], str]
) -> None:
    """What was read of each page, and what was taken for a size or an address, is put right."""
    url = before_the_newest_response(begin)
    migrate(url)
    assert catalog(url, "--schema-only") == new_one(database)
    with psycopg.connect(url) as after:
        revisions = after.execute(
            "SELECT revision_id, wikipedia_page_id, revision_size_bytes, size_delta_bytes, is_anonymous "
            "FROM core.revision ORDER BY 1"
        ).fetchall()
        read = after.execute(
            "SELECT load_id, wikipedia_page_id, raw_id, window_end - window_start FROM audit.published_response ORDER BY 1"
        ).fetchall()
        found = after.execute("SELECT load_id, attempt, raw_id FROM audit.load_response").fetchall()
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


def before_the_newest_response(begin: Begin) -> str:
    """The URL of a database at migration 0009, with rows in it."""
    url = begin("0009")
    with psycopg.connect(url) as before:
        before.execute(MONTHS)
        before.execute(ROWS_BEFORE_THE_NEWEST_RESPONSE)
    return url


def test_a_migration_that_was_killed_in_the_middle_goes_on(begin: Begin, database: Callable[[str], str]) -> None:
    """SIGKILL, while it waits for a table in the middle of the second of five files: nothing of them stays."""
    url = before_the_newest_response(begin)
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
    assert catalog(url, "--schema-only") == new_one(database)
    with psycopg.connect(url) as after:
        assert after.execute("SELECT count(*) FROM core.revision").fetchone() == (3,)


ROWS_BEFORE_THE_NEWEST_RESPONSE = """
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
    -- Of a load that was rejected, whose extraction has begun anew: its responses of before are nobody's.
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


def test_g7_a_warehouse_that_took_half_hours_is_migrated_without_them(begin: Begin) -> None:
    url = begin("0009")
    with psycopg.connect(url) as before:
        before.execute(MONTHS)
        before.execute(
            "INSERT INTO core.weather (location_id, observed_at, raw_id, load_id) "
            "SELECT 1, moment, 1, 1 FROM generate_series('2026-10-30Z'::timestamptz, '2026-11-02Z', '30 minutes') AS moment"
        )
    migrate(url)
    with psycopg.connect(url) as after:
        assert after.execute(
            "SELECT count(*), bool_and(extract(MINUTE FROM observed_at) = 0) FROM core.weather"
        ).fetchall() == [(73, True)]


def test_g11_what_former_versions_left_behind_is_made_anew(begin: Begin) -> None:
    """A day of 47 hours that was rolled up in part, and a ghost of a zone that was corrected."""
    url = begin("0009")
    with psycopg.connect(url) as before:
        before.execute(A_WAREHOUSE_BEFORE)
    migrate(url)
    with psycopg.connect(url.replace("dw_owner@", "dw_loader@"), autocommit=True) as loader:
        seen = refresh_mart(loader, SOURCES["weather"].marts[0], "weather", always=False)
        assert seen == marts.Seen(loads=0, changes=1)
        found = loader.execute(
            "SELECT observation_date, observation_count FROM mart.daily_weather_aggregates ORDER BY 1"
        )
        assert found.fetchall() == [(date(1969, 9, 29), 13), (date(1969, 9, 30), 47), (date(1969, 10, 1), 12)]
        assert refresh_mart(loader, SOURCES["weather"].marts[0], "weather", always=False) is None


A_WAREHOUSE_BEFORE = """
    INSERT INTO core.location (location_name, latitude, longitude, timezone) VALUES ('Kwajalein', 8, 167, 'Pacific/Kwajalein');
    SELECT core.ensure_weather_partitions('1969-09-01Z', '1969-11-01Z');
    INSERT INTO core.weather (location_id, observed_at, temperature_celsius, raw_id, load_id)
    SELECT location_id, hour, 1, 1, 1
    FROM core.location, generate_series('1969-09-29Z', '1969-10-01T23:00Z', interval '1 hour') AS hour;
    INSERT INTO core.weather_daily (location_id, observation_date, observation_count)
    SELECT location_id, day::date, 24
    FROM core.location, generate_series('1969-09-27Z', '1969-10-02Z', interval '1 day') AS day;
"""
