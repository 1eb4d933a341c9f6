"""A real PostgreSQL, a database of its own for each test, and the sandbox in place of the services."""

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from shutil import disk_usage
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from include.schema import bootstrap, migrate
from include.seeds import SeedLocation, SeedPage, Seeds, load_seeds
from include.warehouse import run
from local.postgres import temporary_server
from sandbox import Sandbox
from tests.warehouse import citus
from tests.warehouse.places import BOSTON, NEW_ENGLAND, PHOENIX

if TYPE_CHECKING:
    # It imports Airflow, which says something then. Where workers run the tests, this file is read before pytest begins, and what
    # is said meanwhile comes after its closing line.
    from tests.warehouse.pipeline import Pipeline

NUMBERS = itertools.count(1)

ROOM = 4 << 30
"""Bytes that have to be free for a server in memory: several times what the largest tests write, and containers have less."""

NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
"""The sandbox's clock, and the pipeline's: what is far enough back must not depend on the day the tests run."""


def in_memory() -> str | None:
    """A folder in memory with room for the server, if there is one: a database is there in a tenth of the time."""
    memory = Path("/dev/shm")  # noqa: S108  # Linux's; the server makes a folder of its own in it
    return str(memory) if os.access(memory, os.W_OK) and disk_usage(memory).free > ROOM else None


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The superuser's URL of a PostgreSQL with the migrated, empty warehouse `dw` as a template."""
    if citus.NODES:
        with citus.cluster() as coordinator:
            yield coordinator
        return
    # What looks after tables by itself, once a minute, would count as what a test has read, and give it other plans than the next.
    with temporary_server({"autovacuum": "off"}, folder=in_memory()) as admin_url:
        bootstrap(admin_url)
        migrate(url_of(admin_url, "dw_owner", "dw"))
        yield admin_url


@pytest.fixture
def new_database(server: str) -> Iterator[Callable[[], Callable[[str], str]]]:
    """Makes fresh copies of the warehouse: of each, a function from role to URL."""
    names: list[str] = []

    def make() -> Callable[[str], str]:
        name = f"test_{next(NUMBERS)}"
        names.append(name)
        for node in citus.NODES or [server]:
            with psycopg.connect(node, autocommit=True) as admin:
                admin.execute(f"CREATE DATABASE {name} TEMPLATE dw OWNER dw_owner STRATEGY file_copy")
                admin.execute(f"ALTER DATABASE {name} SET timezone TO 'UTC'")
                if citus.NODES:
                    citus.set_up(admin, name)
        with psycopg.connect(server, dbname=name, autocommit=True) as admin:
            run(admin, "bootstrap/restrict_database.sql")
        return lambda role: url_of(server, role, name)

    yield make
    for node in citus.NODES or [server]:
        with psycopg.connect(node, autocommit=True) as admin:
            for name in names:
                admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
def database(new_database: Callable[[], Callable[[str], str]]) -> Callable[[str], str]:
    """The warehouse of the test: a function from role to URL."""
    return new_database()


@pytest.fixture
def owner(database: Callable[[str], str]) -> Iterator[psycopg.Connection]:
    """A connection as dw_owner, in autocommit."""
    with psycopg.connect(database("dw_owner"), autocommit=True) as connection:
        yield connection


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Both services on loopback, at NOW, without limits; New England is edited every three hours for fifty days."""
    with Sandbox(now=NOW, limits=False) as running:
        running.add_revisions("New England", datetime(2026, 9, 20, 1, tzinfo=UTC), 400, 3 * 3600)
        yield running


@pytest.fixture
def pipeline(
    database: Callable[[str], str], owner: psycopg.Connection, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> "Pipeline":
    """The DAGs' own operators against the test's warehouse and sandbox; two places and one page are followed."""
    return make_pipeline(database, owner, sandbox, monkeypatch)


@pytest.fixture
def elsewhere(
    new_database: Callable[[], Callable[[str], str]], sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> "Iterator[Callable[[], Pipeline]]":
    """Goes over to another, empty warehouse, where one clean run shows what is right; nothing runs in the first one then."""
    with ExitStack() as stack:

        def go() -> "Pipeline":
            database = new_database()
            owner = stack.enter_context(psycopg.connect(database("dw_owner"), autocommit=True))
            return make_pipeline(database, owner, sandbox, monkeypatch)

        yield go


def make_pipeline(
    database: Callable[[str], str], owner: psycopg.Connection, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> "Pipeline":
    """All that runs from now on runs against this database."""
    follow(owner, [BOSTON, PHOENIX], [NEW_ENGLAND])
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", database("dw_loader"))
    for connection in ("OPEN_METEO", "MEDIAWIKI"):
        monkeypatch.setenv(f"AIRFLOW_CONN_{connection}", sandbox.url)
    # The same server under another name, so that a test can tell which connection was asked.
    monkeypatch.setenv("AIRFLOW_CONN_OPEN_METEO_ARCHIVE", sandbox.url.replace("127.0.0.1", "localhost"))
    from tests.warehouse.pipeline import Pipeline

    return Pipeline(owner, lambda: sandbox.now)


def follow(owner: psycopg.Connection, locations: list[SeedLocation], pages: list[SeedPage]) -> None:
    """Follows exactly these."""
    load_seeds(owner, Seeds(tuple(locations), tuple(pages)))


def url_of(admin_url: str, role: str, database: str) -> str:
    """Of a database as a role, as Airflow takes it too: on the socket of the server."""
    if citus.NODES:
        return citus.address(admin_url, role, database)
    host = conninfo_to_dict(admin_url)["host"]
    return f"postgresql://{role}@/{database}?host={str(host).replace('/', '%2F')}"


os.environ.setdefault("PGTZ", "UTC")
