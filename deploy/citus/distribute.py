"""`make citus`: distributes the hourly weather and its daily rollup over the workers of a Citus cluster, see docs/deploy.md.

Where they are distributed, it brings what triggers have noted on the workers to the coordinator.

Each statement is a file beside this one and a transaction of its own; what is done already is left as it is, so that a run
that broke off is completed by the next one. From the environment come the servers, as superusers reach them:

WAREHOUSE_ADMIN_URL   the coordinator, which has the migrated warehouse
DW_CITUS_WORKERS      the workers, with spaces between them; each gets the roles and the database
DW_CITUS_COORDINATOR  host:port of the coordinator for the workers, where WAREHOUSE_ADMIN_URL names a socket
"""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from include.command import SUCCEEDED, carry_out, one_line, typed
from include.errors import WarehouseError
from include.schema import DATABASE, ROLES, bootstrap
from include.warehouse import Connection

FOLDER = Path(__file__).parent

STEPS = ("distribute_hours", "distribute_days", "add_key")
"""Of the tables that are distributed, in order."""

NOTED = ("audit.mart_due", "audit.weather_daily_due", "audit.deletion")
"""What triggers of distributed tables write to: those of a shard run on its worker."""


class Node(NamedTuple):
    """A server: how its superuser reaches it from here, and under which address the other nodes do."""

    url: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def main() -> int:
    """Carries out the command; returns its exit code."""
    return carry_out("citus", lambda: _distribute(os.environ))


def _distribute(environment: Mapping[str, str]) -> int:
    coordinator, workers = nodes(environment)
    for line in distribute(coordinator, workers, environment):
        print(f"citus: {line}", flush=True)
    return SUCCEEDED


def nodes(environment: Mapping[str, str]) -> tuple[Node, list[Node]]:
    """The coordinator and the workers; raises WarehouseError for what is missing or has no address for the others."""
    url, workers = environment.get("WAREHOUSE_ADMIN_URL", ""), environment.get("DW_CITUS_WORKERS", "").split()
    if not url:
        raise WarehouseError("WAREHOUSE_ADMIN_URL is not set: give the URL of the coordinator's superuser")
    if not workers:
        raise WarehouseError(
            "DW_CITUS_WORKERS is not set: give the URLs of the workers' superusers, with spaces between them"
        )
    return _node(url, environment.get("DW_CITUS_COORDINATOR", "")), [_node(worker) for worker in workers]


def _node(url: str, address: str = "") -> Node:
    try:
        known = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise WarehouseError("WAREHOUSE_ADMIN_URL or one of DW_CITUS_WORKERS is no PostgreSQL URL") from None
    host, _, port = address.partition(":") if address else (str(known.get("host", "")), "", str(known.get("port", "")))
    if not host or host.startswith("/"):
        raise WarehouseError(
            f"no other node reaches {host or 'a URL without a host'}: give DW_CITUS_COORDINATOR=host:port"
        )
    if port and not port.isdecimal():
        raise WarehouseError(f"DW_CITUS_COORDINATOR: {port} is no port")
    return Node(url, host, int(port or 5432))


def distribute(coordinator: Node, workers: Sequence[Node], environment: Mapping[str, str]) -> Iterator[str]:
    """Does what is not done yet; yields a line for each part of it that is."""
    with _connect(coordinator) as connection:
        if connection.execute("SELECT to_regclass('core.weather_daily')").fetchone() == (None,):
            raise WarehouseError(
                f"{coordinator}: the warehouse has not been migrated: `{typed('python -m include migrate')}`"
            )
    for node in (coordinator, *workers):
        if node is not coordinator:
            _bootstrap(node)
        with _connect(node) as connection:
            _create_extension(connection, node)
            _note_passwords(connection, coordinator, environment)
        yield f"{node}: the roles, the database {DATABASE} and the extension are there"
    with _connect(coordinator) as connection:
        _run(connection, "set_coordinator", host=coordinator.host, port=coordinator.port)
        for worker in workers:
            _run(connection, "add_worker", host=worker.host, port=worker.port)
        _run(connection, "allow_triggers")
        _run(connection, "set_up_sessions")
        _run(connection, "drop_key")
        _run(connection, "copy_places")
        for worker in workers:
            _make_tables_of_notes(connection, worker)
        yield "core.location is copied to every node"
        for step in STEPS:
            _run(connection, step)
        yield "core.weather and core.weather_daily are distributed by place"
        for worker in workers:
            with _connect(worker) as notes:
                yield f"{worker}: {bring_notes(notes, connection)} notes of changed hours and days were waiting"


def _bootstrap(worker: Node) -> None:
    try:
        # A worker that is one already refuses what Citus would pass on to others.
        bootstrap(make_conninfo(worker.url, options="-c citus.enable_ddl_propagation=off"))
    except psycopg.Error as error:
        raise WarehouseError(
            f"{worker}: no roles and database can be made, give a superuser's URL: {one_line(error)}"
        ) from None


def _connect(node: Node) -> Connection:
    try:
        return psycopg.connect(node.url, dbname=DATABASE, autocommit=True)
    except psycopg.OperationalError as error:
        raise WarehouseError(f"{node} cannot be reached: {one_line(error)}") from None


def _run(connection: Connection, name: str, **parameters: Any) -> psycopg.Cursor[Any]:
    try:
        return connection.execute((FOLDER / f"{name}.sql").read_text(encoding="utf-8"), parameters or None)
    except psycopg.Error as error:
        raise WarehouseError(
            f"{name}.sql, as {connection.info.user} on {connection.info.host}: {one_line(error)}"
        ) from None


def _create_extension(connection: Connection, node: Node) -> None:
    try:
        _run(connection, "create_extension")
    except WarehouseError as error:
        raise WarehouseError(
            f"{node}: Citus is not to be had here, nothing was distributed: it has to be installed, named in "
            f"shared_preload_libraries, and created by a superuser ({error})"
        ) from None


def _note_passwords(connection: Connection, coordinator: Node, environment: Mapping[str, str]) -> None:
    """Nodes log in to each other as the role that asks: of the owner, the loader, the reader and the superuser."""
    known = conninfo_to_dict(coordinator.url)
    passwords = {role: environment.get(variable, "") for role, variable in ROLES.items()}
    passwords[connection.info.user] = str(known.get("password", "")) or environment.get("POSTGRES_PASSWORD", "")
    for role, password in passwords.items():
        if password:
            _run(connection, "forget_password", role=role)
            _run(connection, "note_password", role=role, authinfo=make_conninfo(password=password))


def _make_tables_of_notes(coordinator: Connection, worker: Node) -> None:
    """As they are on the coordinator; a refresh reads those of the coordinator only."""
    with _connect(worker) as connection:
        for table in NOTED:
            if connection.execute("SELECT to_regclass(%s)", [table]).fetchone() == (None,):
                commands = _run(coordinator, "table_definition", table=table).fetchall()
                with connection.transaction():
                    for (command,) in commands:
                        connection.execute(command)


def bring_notes(worker: Connection, coordinator: Connection) -> int:
    """Notes on the coordinator what triggers have noted on a worker of hours and days; returns how much that is.

    Committed on the coordinator first: what breaks off in between brings them twice, and loses none.
    """
    with worker.transaction():
        notes = _run(worker, "take_notes").fetchall()
        if notes:
            location_ids, first_hours, end_hours = (list(column) for column in zip(*notes, strict=True))
            _run(coordinator, "note", location_ids=location_ids, first_hours=first_hours, end_hours=end_hours)
    return len(notes)


if __name__ == "__main__":
    sys.exit(main())
