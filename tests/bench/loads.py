"""Loads of weather without Airflow: a PostgreSQL of its own, and the steps of a load by the functions that the tasks call."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import perf_counter

import psycopg
import requests
from psycopg.conninfo import conninfo_to_dict

from include.audit import audit_load
from include.http import fetch
from include.landing import Response, land
from include.loads import Load, RunKey, begin_extraction, finish_extraction, open_load
from include.marts import refresh_mart
from include.schema import bootstrap, migrate
from include.seeds import load_seeds, read_seeds
from include.source import ApiRequest
from include.sources.weather import SOURCE
from include.unreadable import BEGIN
from include.warehouse import Connection, now_of, run
from include.windows import Window
from local.postgres import THROW_AWAY, temporary_server
from sandbox import Sandbox

STEPS = ("extract", "transform", "validate", "publish", "refresh")
REVISED = 100
"""One hour of so many is revised."""


@dataclass(frozen=True)
class Pass:
    """All loads once: seconds and bytes of WAL of each step, and by how many bytes each schema's tables grew."""

    seconds: dict[str, float]
    wal: dict[str, float]
    growth: dict[str, float]


@contextmanager
def new_warehouse() -> Iterator[Callable[[str], str]]:
    """A PostgreSQL with the settings of the local run and in it the empty warehouse, ten places followed: role -> URL."""
    with temporary_server(dict.fromkeys(THROW_AWAY, "on")) as admin_url:
        bootstrap(admin_url)
        host = str(conninfo_to_dict(admin_url)["host"]).replace("/", "%2F")

        def url_of(role: str) -> str:
            return f"postgresql://{role}@/dw?host={host}"

        migrate(url_of("dw_owner"))
        with psycopg.connect(url_of("dw_owner"), autocommit=True) as owner:
            load_seeds(owner, read_seeds())
        yield url_of


def year_of(year: int) -> Window:
    """The window of a load."""
    return Window(datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC))


def write_responses(years: Sequence[int], as_first: Path, as_revised: Path) -> None:
    """What the sandbox answers for each year, and the same with one temperature of a hundred a tenth of a degree higher."""
    with (
        new_warehouse() as url_of,
        psycopg.connect(url_of("dw_loader"), autocommit=True) as connection,
        Sandbox(limits=False) as sandbox,
        requests.Session() as session,
    ):
        session.stream = True  # fetch reads it as it comes
        for year in years:
            _, request = begun(connection, opened(connection, "responses", year))
            url = f"{sandbox.url}{request.endpoint}?{request.query}"
            response, _ = fetch(session, url, "", 60, allow_redirects=False)
            (as_first / f"{year}.json").write_bytes(response.body)
            places = json.loads(response.body)
            for place in places:
                values = place["hourly"]["temperature_2m"]
                values[::REVISED] = [round(value + 0.1, 1) for value in values[::REVISED]]
            (as_revised / f"{year}.json").write_text(json.dumps(places, ensure_ascii=False), encoding="utf-8")


def one_pass(admin: Connection, loader: Connection, name: str, years: Sequence[int], bodies: Path) -> Pass:
    """All loads, one after the other, then the mart. `admin` looks at what the server does meanwhile."""
    # What was written before would be written to disk, and its pages to the WAL as a whole, in the time of what comes next.
    admin.execute("CHECKPOINT")
    seconds: dict[str, float] = defaultdict(float)
    wal: dict[str, float] = defaultdict(float)
    before = bytes_of(admin)

    def timed(step: str, work: Callable[[], object]) -> None:
        at, began = wal_position(admin), perf_counter()
        work()
        seconds[step] += perf_counter() - began
        wal[step] += wal_position(admin) - at

    for year in years:
        load_id = opened(loader, name, year)
        timed("extract", partial(extract, loader, load_id, (bodies / f"{year}.json").read_bytes()))
        timed("transform", partial(statements, loader, load_id, (*BEGIN, *SOURCE.stage_statements)))
        timed("validate", partial(audit_load, loader, SOURCE.suite, load_id))
        timed("publish", partial(publish, loader, load_id))
    timed("refresh", partial(refresh_mart, loader, SOURCE.marts[0], SOURCE.name, always=False))
    return Pass(seconds, wal, {schema: after - before[schema] for schema, after in bytes_of(admin).items()})


def publish(connection: Connection, load_id: int) -> None:
    """As the task: what prepares it each in a transaction of its own, then all of it in one."""
    for name in SOURCE.prepare_statements:
        run(connection, name, {"load_id": load_id})
    statements(connection, load_id, SOURCE.publish_statements)


def opened(connection: Connection, name: str, year: int) -> int:
    """A new load of all places for a year; its id."""
    key = RunKey(SOURCE.name, f"{name} {year}")
    places = tuple(location_id for location_id, _ in SOURCE.subjects.active(connection, None))
    return open_load(connection, key, 0, SOURCE.name, places, year_of(year))


def begun(connection: Connection, load_id: int) -> tuple[Load, ApiRequest]:
    """A load whose extraction begins, and its only request."""
    load = begin_extraction(connection, load_id)
    (request,) = SOURCE.conversation(connection, load, now_of(connection))
    return load, request


def extract(connection: Connection, load_id: int, body: bytes) -> None:
    """What the task does with the response to its only request."""
    load, request = begun(connection, load_id)
    rows, _ = SOURCE.read(request, body.decode())
    land(connection, SOURCE, load, request, Response(200, request.endpoint, body), rows)
    finish_extraction(connection, load, len(rows))


def statements(connection: Connection, load_id: int, names: Sequence[str]) -> None:
    """Statement files in one transaction, as the SQL operators run them."""
    with connection.transaction():
        for name in names:
            run(connection, name, {"load_id": load_id})


def wal_position(connection: Connection) -> float:
    """Bytes of WAL that the server has written so far."""
    row = connection.execute("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')").fetchone()
    assert row is not None
    return float(row[0])


def bytes_of(connection: Connection) -> dict[str, float]:
    """Schema -> bytes of its tables, with their indexes."""
    query = """
        SELECT pg_namespace.nspname, sum(pg_total_relation_size(pg_class.oid))
        FROM pg_class INNER JOIN pg_namespace ON pg_class.relnamespace = pg_namespace.oid
        WHERE pg_class.relkind IN ('r', 'm') AND pg_namespace.nspname IN ('raw', 'staging', 'core', 'mart', 'audit')
        GROUP BY pg_namespace.nspname
    """
    return {schema: float(size) for schema, size in connection.execute(query)}
