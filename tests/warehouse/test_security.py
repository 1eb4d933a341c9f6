"""docs/security.md, what it says of roles, of data from outside, and of deletions."""

import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from include.landing import STREAMING_ERROR
from include.schema import bootstrap, migrate
from include.warehouse import run
from local.postgres import bin_dir, temporary_server
from sandbox import Fault, Sandbox
from tests.warehouse.conftest import follow
from tests.warehouse.pipeline import Pipeline
from tests.warehouse.places import BOSTON, NEW_ENGLAND
from tests.warehouse.test_schema_and_seeds import AIRFLOW_DATABASE

Url = Callable[[str], str]

DAY = ("2026-10-05", "2026-10-06")

RIGHTS = {"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"}
"""What may be granted on a table."""

TABLES = (
    "SELECT relnamespace::regnamespace::text AS schema, relname, oid FROM pg_class "
    "WHERE relkind IN ('r', 'p', 'v', 'm') AND relnamespace::regnamespace::text IN ('raw', 'staging', 'core', 'mart', 'audit')"
)


def rights(owner: psycopg.Connection, role: str) -> dict[tuple[str, str], set[str]]:
    """Of each table and view: what the role may do with it as a whole."""
    return {
        (schema, name): set(granted or [])
        for schema, name, granted in owner.execute(
            f"SELECT schema, relname, array_agg(wanted) FILTER (WHERE has_table_privilege(%s, oid, wanted)) "
            f"FROM ({TABLES}) AS listed CROSS JOIN unnest(%s::text[]) AS wanted GROUP BY schema, relname",
            [role, sorted(RIGHTS)],
        )
    }


NOTED = {("audit", name) for name in ("catchup", "deleted_day", "deletion", "mart")}
"""What migrations and triggers write, and nobody else."""


def refused(url: str, *statements: str) -> None:
    """None of these is allowed."""
    with psycopg.connect(url, autocommit=True) as connection:
        for words in statements:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(words)


READABLE = {
    *("catchup", "load", "validation_result", "quarantine", "withheld"),
    *("followed", "present", "set_aside", "coverage", "freshness"),
}
"""What dw_reader reads of audit: what was loaded, how it was judged, and what is there."""


def test_a_reader_reads_core_marts_and_verdicts_and_does_nothing_else(owner: psycopg.Connection) -> None:
    for (schema, name), granted in rights(owner, "dw_reader").items():
        assert granted <= {"SELECT"}, name
        assert schema not in ("core", "mart") or granted == {"SELECT"}, name
        assert schema not in ("raw", "staging") or not granted, name
        assert schema != "audit" or granted == ({"SELECT"} if name in READABLE else set()), name


def test_the_loader_changes_no_response_and_deletes_no_fact(owner: psycopg.Connection) -> None:
    for (schema, name), granted in rights(owner, "dw_loader").items():
        assert not granted & {"TRUNCATE", "REFERENCES", "TRIGGER"}, name
        assert schema != "raw" or granted == {"SELECT", "INSERT"}, name
        assert schema != "core" or "DELETE" not in granted or name == "weather_daily", name
        assert schema != "mart" or granted == {"SELECT"}, name
        assert (schema, name) not in NOTED or granted == {"SELECT"}, name
        assert name != "schema_version" or not granted, name


@pytest.mark.parametrize("role", ["dw_reader", "dw_loader"])
def test_who_reads_or_loads_makes_nothing(database: Url, role: str) -> None:
    refused(
        database(role),
        "CREATE TEMP TABLE large AS SELECT generate_series(1, 10)",
        "SELECT lo_create(0)",
        "SELECT lo_creat(-1)",
        "SELECT lo_from_bytea(0, '\\x00')",
        "CREATE TABLE public.mine ()",
        "CREATE TABLE core.mine ()",
        "CREATE SCHEMA mine",
        "CREATE ROLE mine",
        "CREATE DATABASE mine",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SELECT pg_read_file('PG_VERSION')",
    )


def test_the_loader_reaches_what_only_an_owner_may_by_three_functions(owner: psycopg.Connection) -> None:
    found = owner.execute(
        "SELECT pronamespace::regnamespace || '.' || proname FROM pg_proc "
        "WHERE prosecdef AND prorettype <> 'trigger'::regtype AND has_function_privilege('dw_loader', oid, 'EXECUTE') ORDER BY 1"
    ).fetchall()
    assert found == [("core.ensure_weather_partitions",), ("mart.refresh",), ("staging.refresh_statistics",)]
    open_to_all = owner.execute(
        "SELECT oid::regprocedure::text FROM pg_proc "
        "WHERE prosecdef AND prorettype <> 'trigger'::regtype AND has_function_privilege('dw_reader', oid, 'EXECUTE')"
    ).fetchall()
    assert open_to_all == [("audit.rejected_response(bigint,text,bigint)",)]


def test_a_reader_sees_of_raw_what_an_audit_rejected(pipeline: Pipeline, sandbox: Sandbox, database: Url) -> None:
    pipeline.run("wikipedia", *DAY)
    pipeline.run("weather", *DAY, conf={"locations": ["Phoenix"]})
    sandbox.faults.append(Fault.absurd("temperature_2m", 999.9))
    pipeline.run("weather", *DAY, conf={"locations": ["Boston"]})
    ((load_id, bad),) = pipeline.rows("SELECT DISTINCT load_id, raw_id FROM audit.quarantine")
    (good,) = (row[0] for row in pipeline.rows("SELECT id FROM raw.weather_observations WHERE id <> %s", bad))
    statement = "SELECT payload FROM audit.rejected_response(%s, %s, %s)"
    with psycopg.connect(database("dw_reader"), autocommit=True) as reader:
        shown = reader.execute(statement, [load_id, "weather_observations", bad]).fetchall()
        assert shown == pipeline.rows("SELECT payload FROM raw.weather_observations WHERE id = %s", bad)
        for asked in (
            (load_id, "weather_observations", good),
            (load_id - 1, "weather_observations", good),
            (load_id, "wikipedia_pages", bad),
        ):
            assert reader.execute(statement, asked).fetchall() == []
        # An id of the same number in another source's table is another response.
        pipeline.owner.execute("ALTER TABLE raw.wikipedia_pages DISABLE TRIGGER append_only")
        pipeline.owner.execute("UPDATE raw.wikipedia_pages SET id = DEFAULT")
        pipeline.owner.execute("SELECT setval(pg_get_serial_sequence('raw.wikipedia_pages', 'id'), %s, false)", [bad])
        pipeline.owner.execute("UPDATE raw.wikipedia_pages SET id = DEFAULT")
        assert reader.execute(statement, [load_id, "wikipedia_pages", bad]).fetchall() == []
        with pytest.raises(psycopg.errors.UndefinedTable, match="does not exist"):
            reader.execute(statement, [load_id, 'x"; DROP TABLE core.revision; --', bad])


@pytest.mark.parametrize(
    "words",
    ["SELECT mart.refresh(%(name)s)", "SELECT staging.refresh_statistics(%(name)s)"],
)
def test_a_name_that_goes_into_a_function_of_the_owner_stays_a_name(database: Url, words: str) -> None:
    with psycopg.connect(database("dw_loader"), autocommit=True) as loader:
        for name in ('x"; DROP TABLE core.revision; --', "x; DROP TABLE core.revision"):
            with pytest.raises(psycopg.errors.UndefinedTable, match=r"does not exist"):
                loader.execute(words, {"name": name})
        assert loader.execute("SELECT to_regclass('core.revision') IS NOT NULL").fetchone() == (True,)


def test_no_reader_holds_up_a_migration(database: Url) -> None:
    """It takes whatever locks it may: all advisory ones that ours ever were, and what it may read."""
    refused(
        database("dw_reader"),
        "SELECT * FROM audit.schema_version",
        "DO 'BEGIN LOCK TABLE audit.schema_version IN ACCESS SHARE MODE; END'",
        "DO 'BEGIN LOCK TABLE core.weather IN ROW EXCLUSIVE MODE; END'",
        "SELECT * FROM core.weather FOR KEY SHARE",
    )
    with psycopg.connect(database("dw_reader")) as reader:
        reader.execute("SELECT pg_advisory_lock(hashtext('dw schema migration'))")
        reader.execute("SELECT * FROM core.weather, core.revision, mart.daily_weather_aggregates")
        assert migrate(f"{database('dw_owner')}&options=-c%20lock_timeout%3D2s")


def test_migrations_take_turns(database: Url) -> None:
    with psycopg.connect(database("dw_owner")) as other:
        run(other, "ops/lock_schema.sql")
        with pytest.raises(Exception, match="lock timeout"):
            migrate(f"{database('dw_owner')}&options=-c%20lock_timeout%3D200ms")


def test_each_database_is_for_its_own_roles() -> None:
    with temporary_server() as admin_url:
        for _ in range(2):
            psql = [bin_dir() / "psql", "--quiet", "--no-psqlrc", "--dbname", admin_url, "--file", AIRFLOW_DATABASE]
            subprocess.run(psql, env=os.environ | {"AIRFLOW_DB_PASSWORD": "secret"}, check=True)
            bootstrap(admin_url)
        connects = {
            (role, database): can_connect(admin_url.replace("postgres@/postgres", f"{role}@/{database}"))
            for role in ("postgres", "airflow", "dw_owner", "dw_loader", "dw_reader")
            for database in ("postgres", "template1", "airflow", "dw")
        }
    allowed = {pair for pair, connected in connects.items() if connected}
    assert allowed == {
        *(("postgres", database) for database in ("postgres", "template1", "airflow", "dw")),
        ("airflow", "airflow"),
        *((role, "dw") for role in ("dw_owner", "dw_loader", "dw_reader")),
    }


def can_connect(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError as error:
        return "permission denied for database" not in str(error)
    return True


def deletions(owner: psycopg.Connection) -> list[tuple]:
    return owner.execute(
        "SELECT table_name, operation, rows_deleted, deleted_by, application_name FROM audit.deletion ORDER BY deletion_id"
    ).fetchall()


def test_a_deletion_leaves_a_trace(pipeline: Pipeline, database: Url) -> None:
    pipeline.run("weather", *DAY)
    pipeline.run("wikipedia", *DAY)
    assert deletions(pipeline.owner) == []  # no load deletes
    with psycopg.connect(database("dw_owner"), autocommit=True, application_name="by hand") as owner:
        owner.execute("DELETE FROM core.weather WHERE location_id = 1")
        owner.execute("DELETE FROM core.weather_2026_10 WHERE observed_at < '2026-10-05T01:00Z'")
        owner.execute("DELETE FROM core.revision WHERE false")
        with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
            owner.execute("DELETE FROM raw.wikipedia_pages")
        owner.execute("TRUNCATE core.weather")
        with owner.transaction():
            owner.execute("ALTER TABLE raw.wikipedia_pages DISABLE TRIGGER append_only")
            owner.execute("DELETE FROM raw.wikipedia_pages")
            owner.execute("ALTER TABLE raw.wikipedia_pages ENABLE TRIGGER append_only")
        with owner.transaction(force_rollback=True):
            owner.execute("DELETE FROM core.revision")
    with psycopg.connect(database("postgres"), autocommit=True, application_name="admin") as admin:
        admin.execute("SET ROLE dw_owner")
        admin.execute("DELETE FROM core.wikipedia_page")
    assert deletions(pipeline.owner) == [
        ("core.weather", "DELETE", 24, "dw_owner", "by hand"),
        ("core.weather_2026_10", "DELETE", 1, "dw_owner", "by hand"),
        ("core.weather_2026_10", "TRUNCATE", 23, "dw_owner", "by hand"),
        ("raw.wikipedia_pages", "DELETE", 1, "dw_owner", "by hand"),
        ("core.wikipedia_page", "DELETE", 1, "postgres", "admin"),
    ]


@pytest.mark.parametrize("words", ["DELETE FROM", "TRUNCATE", "UPDATE"])
def test_the_trace_stays(owner: psycopg.Connection, words: str) -> None:
    owner.execute("INSERT INTO core.weather_condition VALUES (123, 'None')")
    owner.execute("DELETE FROM core.weather_condition WHERE weather_code = 123")
    with pytest.raises(psycopg.errors.RaiseException, match=r"audit\.deletion is append-only"):
        owner.execute(f"{words} audit.deletion{' SET rows_deleted = 0' if words == 'UPDATE' else ''}")
    assert len(deletions(owner)) == 1


def test_every_table_that_no_load_deletes_from_is_watched(pipeline: Pipeline) -> None:
    """Those of a source to come too: docs/adding-a-source.md has the line for it."""
    pipeline.run("weather", *DAY)
    unwatched = pipeline.rows(
        f"SELECT schema || '.' || relname FROM ({TABLES}) AS listed "
        "WHERE schema IN ('raw', 'core') AND oid NOT IN (SELECT tgrelid FROM pg_trigger WHERE tgname = 'note_deletion')"
    )
    assert unwatched == [("core.weather_daily",)]


HOSTILE = {
    "sql": "x'); DROP TABLE core.revision; --",
    "parameter": "100% of %(load_id)s and %s",
    "jinja": "{{ 7*7 }} {% for a in [] %} {{ conn.warehouse.password }}",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "markdown": "[x](javascript:alert(1)) `y` **z**",
    "escape": "a\x1b[2J\x1b[31mb\r\nERROR forged line\u202e",
    "shell": "$(touch /tmp/owned) `id`; '\"",
}
"""What people may write into a comment, or a service send."""


def hostile_revisions(text: str) -> Fault:
    def poison(body: dict) -> dict:
        for page in body["query"]["pages"]:
            for revision in page.get("revisions", []):
                revision |= {"user": text, "comment": text, "tags": [text]}
        return body

    return Fault(path="/w", transform=poison, times=None)


@pytest.mark.parametrize("kind", HOSTILE)
def test_users_comments_and_tags_are_stored_as_they_are(pipeline: Pipeline, sandbox: Sandbox, kind: str) -> None:
    text = HOSTILE[kind]
    sandbox.faults.append(hostile_revisions(text))
    assert pipeline.run("wikipedia", *DAY).errors == {}
    stored = pipeline.rows("SELECT DISTINCT revision_user, revision_comment, tags FROM core.revision")
    assert stored == [(text, text, [text])]
    assert pipeline.refresh_marts("manual")


@pytest.mark.parametrize("kind", [kind for kind in HOSTILE if kind != "escape"])
def test_names_of_places_and_pages_are_stored_as_they_are(pipeline: Pipeline, kind: str) -> None:
    """The seed file refuses what cannot be shown, and in titles what no wiki has; here even that is taken."""

    text = HOSTILE[kind]
    follow(
        pipeline.owner,
        [replace(BOSTON, location_name=text, city=text, country=text)],
        [replace(NEW_ENGLAND, page_title=text)],
    )
    run = pipeline.run("weather", *DAY)
    assert run.errors == {}
    assert run.loads[0]["label"].startswith(text)
    pipeline.run("wikipedia", *DAY)
    pipeline.refresh_marts("manual")
    mart = "SELECT DISTINCT location_name, city, country FROM mart.daily_weather_aggregates"
    assert pipeline.rows(mart) == [(text, text, text)]
    assert pipeline.value("SELECT page_title FROM raw.wikipedia_pages LIMIT 1") == text


def in_json(place: str) -> Fault:
    """A good status, and the text at a place of the document."""
    text = HOSTILE["escape"]

    def poison(body: Any) -> Any:
        if place == "error":
            return {"error": {"code": text, "info": text, "*": text}, "reason": text}
        for entry in body if isinstance(body, list) else [body]:
            if place == "units" and "hourly_units" in entry:
                entry["hourly_units"]["temperature_2m"] = text
            if place == "time" and "hourly" in entry:
                entry["hourly"]["time"][3] = text
            for page in entry.get("query", {}).get("pages", []):
                page["title"] = text
                page["revisions"] = [
                    {**revision, "timestamp": text, "user": 7} for revision in page.get("revisions", [])
                ]
        return body

    return Fault(path="/", transform=poison, times=None)


BODIES = {
    "no-json": Fault(path="/", status=200, body=HOSTILE["escape"], times=None),
    "refused": Fault(path="/", status=400, body=HOSTILE["escape"], times=None),
    "failed": Fault(path="/", status=503, body=HOSTILE["escape"], times=None),
    "streaming": Fault(
        path="/", rewrite=lambda body: body[:50] + STREAMING_ERROR.encode() + HOSTILE["escape"].encode()
    ),
    **{place: in_json(place) for place in ("error", "units", "time")},
}


@pytest.mark.parametrize("body", BODIES)
def test_a_body_writes_no_line_of_its_own_into_log_or_ledger(
    pipeline: Pipeline, sandbox: Sandbox, capfd: pytest.CaptureFixture[str], body: str
) -> None:
    sandbox.faults.append(BODIES[body])
    runs = pipeline.run("weather", *DAY), pipeline.run("wikipedia", *DAY)
    told = [str(error) for run in runs for error in run.errors.values()]
    told += [text for (text,) in pipeline.rows("SELECT error FROM audit.load WHERE error IS NOT NULL")]
    told += [text for (text,) in pipeline.rows("SELECT observed FROM audit.withheld")]
    assert any("forged" in text for text in told)
    for text in (*told, *capfd.readouterr()):
        assert "\x1b" not in text and "\u202e" not in text and "\r" not in text
        assert "\nERROR forged" not in text
