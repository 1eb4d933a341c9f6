"""A Citus cluster in place of the throw-away server, for who has one: DW_TEST_CITUS names the superusers' URLs of its nodes, with
spaces between them, the coordinator first. Nothing of it may matter: the databases dw and test_… are made and dropped in it.

docs/deploy.md says which tests were run so and what of them failed; CI has no cluster.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psycopg

from deploy.citus.distribute import bring_notes, distribute, nodes
from include.schema import bootstrap, migrate

NODES = os.environ.get("DW_TEST_CITUS", "").split()


@contextmanager
def cluster() -> Iterator[str]:
    """The URL of the coordinator; on every node `dw` is a template, migrated and distributed, that nobody can connect to."""
    coordinator, *workers = NODES
    _drop("dw")
    bootstrap(coordinator)
    migrate(address(coordinator, "dw_owner", "dw"))
    environment = {"WAREHOUSE_ADMIN_URL": coordinator, "DW_CITUS_WORKERS": " ".join(workers)}
    list(distribute(*nodes(environment), environment))
    for node in NODES:
        with psycopg.connect(node, autocommit=True) as admin:
            # Citus has a process of its own in each database.
            admin.execute("ALTER DATABASE dw WITH ALLOW_CONNECTIONS false")
            admin.execute("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = 'dw'")
    yield coordinator
    _drop("dw")


def set_up(admin: psycopg.Connection, name: str) -> None:
    """Gives a copy of `dw` what a copy of a database lacks: the settings that `make citus` made."""
    admin.execute(f"ALTER DATABASE {name} SET citus.enable_unsafe_triggers TO on")
    admin.execute(f"ALTER ROLE dw_owner IN DATABASE {name} SET citus.multi_shard_modify_mode TO sequential")


def bring_changes(name: str) -> None:
    """What `make citus` does before a refresh, so that it follows changes of hours and days by hand."""
    coordinator, *workers = (psycopg.connect(node, dbname=name, autocommit=True) for node in NODES)
    with ExitStack() as stack:
        for connection in (coordinator, *workers):
            stack.enter_context(connection)
        for worker in workers:
            bring_notes(worker, coordinator)


def _drop(name: str) -> None:
    for node in NODES:
        with psycopg.connect(node, autocommit=True) as admin:
            admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def address(admin_url: str, role: str, database: str) -> str:
    """The URL of a role that needs no password, for a database of the same server."""
    with psycopg.connect(admin_url) as admin:
        return f"postgresql://{role}@{admin.info.host}:{admin.info.port}/{database}"
