"""What the checks are about, read from the warehouse, from Airflow and from the services: nothing is judged, nothing changed.

What only Airflow knows is asked of its metadata database, in SQL: include/ imports no Airflow, whose import would take longer than
all else, and REST needs a login that the compose stack's commands do not have. The tables (sql/ops/doctor_airflow_*.sql) are
internals of Airflow 3.3.2; tests/warehouse/test_doctor.py runs the statements against those that the installed Airflow makes. Only
its health is asked over HTTP, for which there is a public address without a login.
"""

import configparser
import json
import os
import shutil
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path
from threading import Thread
from time import monotonic
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
import requests

from include.command import PREFIX
from include.connections import api_connections, variable
from include.doctor.checks import RECENT
from include.doctor.seen import (
    Activity,
    Dag,
    Disk,
    FailedRun,
    Fresh,
    LoadAt,
    Partitions,
    Processes,
    Service,
    Transaction,
    Versions,
)
from include.errors import WarehouseError
from include.gaps import Gap, find_gaps, read_catchup
from include.sources import SOURCES
from include.warehouse import Connection, now_of, run

DAGS = (*SOURCES, "refresh_marts")
POOLS = tuple(dict.fromkeys(source.pool for source in SOURCES.values()))
WAREHOUSE_CONNECTIONS = ("warehouse", "warehouse_reader")
CONNECTIONS = (*WAREHOUSE_CONNECTIONS, *api_connections())

LOADING = timedelta(hours=1)
"""What an interval that has ended may take until it is loaded, as in audit.freshness: until then it is no gap."""

SERVICE_SECONDS = 2.5
HEALTH_SECONDS = 2.5
LOCK_SECONDS = 0.5
CONNECT_SECONDS = 2

HEALTH = "/api/v2/monitor/health"
EXECUTION_API = "/execution"


class TookTooLong(Exception):
    """The time for all checks is over."""


class Look:
    """What the checks of one thread look at: the environment, and a connection to each database, which are opened when needed.

    Nothing takes longer than until `deadline` (of the monotonic clock).
    """

    def __init__(self, environment: Mapping[str, str], now: datetime, deadline: float) -> None:
        self.environment = environment
        self.now = now
        self.deadline = deadline
        self._open: dict[str, Connection | Exception] = {}

    def warehouse(self) -> Connection:
        """As its owner, read only."""
        return self._connected("WAREHOUSE_URL", self.environment.get("WAREHOUSE_URL"))

    def airflow(self) -> Connection:
        """Airflow's metadata database, read only."""
        return self._connected(
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", self.airflow_setting("database", "sql_alchemy_conn")
        )

    def airflow_setting(self, section: str, option: str) -> str | None:
        """As Airflow finds it: a variable of the environment wins over airflow.cfg. What a command or a vault has is not found."""
        if value := self.environment.get(f"AIRFLOW__{section}__{option}".upper()):
            return value
        home = self.environment.get("AIRFLOW_HOME")
        file = self.environment.get("AIRFLOW_CONFIG") or (f"{home}/airflow.cfg" if home else None)
        parser = configparser.ConfigParser(interpolation=None)
        if file:
            parser.read(file)
        value = parser.get(section, option, fallback="")
        return value.replace("%%", "%") or None

    def close(self) -> None:
        """Closes what was opened."""
        for connection in self._open.values():
            if isinstance(connection, psycopg.Connection):
                connection.close()

    def _connected(self, variable: str, url: str | None) -> Connection:
        # What does not answer is asked once, not by each check again.
        if variable not in self._open:
            try:
                self._open[variable] = _connect(variable, url)
            except Exception as error:
                self._open[variable] = error
        connection = self._open[variable]
        if isinstance(connection, Exception):
            raise connection
        left = int((self.deadline - monotonic()) * 1000)
        if left <= 0:
            raise TookTooLong
        connection.execute("SELECT set_config('statement_timeout', %s, false)", [str(left)])
        return connection


def _connect(variable: str, url: str | None) -> Connection:
    if not url:
        raise WarehouseError(f"{variable} is not set; .local/env of the local run has it")
    scheme, _, rest = url.partition("://")
    name, _, _ = scheme.partition("+")  # SQLAlchemy's names a driver too
    if name not in ("postgresql", "postgres"):
        raise WarehouseError(f"{variable} is not a PostgreSQL URL")
    connection = psycopg.connect(
        f"{name}://{rest}", autocommit=True, connect_timeout=CONNECT_SECONDS, application_name="doctor"
    )
    connection.execute("SET default_transaction_read_only TO on")
    connection.execute("SELECT set_config('lock_timeout', %s, false)", [f"{int(LOCK_SECONDS * 1000)}ms"])
    return connection


# The warehouse


def postgres(look: Look) -> str:
    """Its name and version, in words."""
    return str(
        _value(look.warehouse(), "SELECT 'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1)")
    )


def versions(look: Look) -> Versions:
    """Of all that has one."""
    number, name = look.warehouse().execute(
        "SELECT current_setting('server_version_num')::int, current_setting('server_version')"
    ).fetchone() or (0, "")
    return Versions(
        number,
        f"PostgreSQL {name.split(' ')[0]}",
        _schema(look),
        max(path.stem[:4] for path in (Path(__file__).parents[1] / "schema" / "versions").glob("[0-9]*.py")),
        _project(look.environment),
        _airflow_version(),
    )


def _schema(look: Look) -> str:
    with suppress(psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return str(_value(look.warehouse(), "SELECT version_num FROM audit.schema_version") or "")
    return ""


def _project(environment: Mapping[str, str]) -> str | None:
    """From the checkout; an image has none, and is tagged with it."""
    with suppress(OSError, KeyError, tomllib.TOMLDecodeError):
        text = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
        return str(tomllib.loads(text)["project"]["version"])
    return environment.get("AIRFLOW_IMAGE_NAME", "").rpartition(":")[2] or None


def _airflow_version() -> str | None:
    with suppress(metadata.PackageNotFoundError):
        return metadata.version("apache-airflow-core")
    return None


def clock(look: Look) -> timedelta:
    """How far the clock of this machine is ahead of PostgreSQL's; negative where it is behind."""
    there = now_of(look.warehouse())
    return datetime.now(UTC) - there


def transactions(look: Look) -> list[Transaction]:
    """The open ones, and who waits."""
    return [Transaction(*row) for row in run(look.warehouse(), "ops/doctor_transactions.sql")]


def freshness(look: Look) -> list[Fresh]:
    """audit.freshness."""
    return [Fresh(*row) for row in run(look.warehouse(), "ops/doctor_freshness.sql")]


def stuck_loads(look: Look) -> list[LoadAt]:
    """The loads that have not ended, those of the longest silence first."""
    return [LoadAt(*row) for row in run(look.warehouse(), "ops/doctor_loads_under_way.sql")]


def failed_loads(look: Look) -> list[LoadAt]:
    """Loads that failed and that no later one makes up for, the last first."""
    return _recent(look, "ops/doctor_failed_loads.sql")


def withheld(look: Look) -> list[LoadAt]:
    """Loads with units that no later load has brought, the last first."""
    return _recent(look, "ops/doctor_withheld.sql")


def quarantined(look: Look) -> list[LoadAt]:
    """Loads that set rows aside, but where a later one set none aside, the last first."""
    return _recent(look, "ops/doctor_quarantined.sql")


def _recent(look: Look, statement: str) -> list[LoadAt]:
    return [LoadAt(*row) for row in run(look.warehouse(), statement, {"since": look.now - RECENT})]


def partitions(look: Look) -> list[Partitions]:
    """Of the core tables of the sources that have some."""
    tables = {name: source.core_table for name, source in SOURCES.items()}
    parameters = {"sources": list(tables), "tables": list(tables.values())}
    return [Partitions(*row) for row in run(look.warehouse(), "ops/doctor_partitions.sql", parameters)]


def gaps(look: Look) -> list[Gap]:
    """As `python -m include gaps` has them, but for what may still be on its way."""
    connection = look.warehouse()
    return find_gaps(connection, read_catchup(connection), look.now - LOADING)


# Airflow


def airflow_database(look: Look) -> str:
    """What answers."""
    _value(look.airflow(), "SELECT version_num FROM alembic_version")
    return "Airflow's metadata"


def dags(look: Look) -> list[Dag]:
    """Those of the sources and of the marts."""
    return [Dag(*row) for row in run(look.airflow(), "ops/doctor_airflow_dags.sql", {"dag_ids": list(DAGS)})]


def failed_runs(look: Look) -> list[FailedRun]:
    """The last first."""
    parameters = {"dag_ids": list(DAGS), "sources": list(SOURCES), "since": look.now - RECENT}
    return [FailedRun(*row) for row in run(look.airflow(), "ops/doctor_airflow_failed_runs.sql", parameters)]


def stuck_runs(look: Look) -> list[Activity]:
    """Of the DAGs that have runs under way."""
    return [Activity(*row) for row in run(look.airflow(), "ops/doctor_airflow_runs.sql", {"dag_ids": list(DAGS)})]


def pools(look: Look) -> dict[str, int]:
    """Pool -> slots, of those of the sources."""
    return dict(run(look.airflow(), "ops/doctor_airflow_pools.sql", {"pools": list(POOLS)}).fetchall())


def connections(look: Look) -> dict[str, str | None]:
    """Connection -> the address it leads to (empty for a database), as Airflow finds it; None for one that it does not find."""
    found: dict[str, str | None] = dict.fromkeys(CONNECTIONS)
    for name in found:
        if text := look.environment.get(variable(name)):
            found[name] = "" if name in WAREHOUSE_CONNECTIONS else _address(text)
    # In its database hosts are in the clear, passwords are not.
    if missing := [name for name, address in found.items() if address is None]:
        for name, *parts in run(look.airflow(), "ops/doctor_airflow_connections.sql", {"connections": missing}):
            found[name] = _join(*parts)
    return found


def _address(text: str) -> str:
    """Of the text of a connection, JSON or a URI, without its password."""
    if text.lstrip().startswith("{"):
        with suppress(ValueError):
            parts = json.loads(text)
            return _join(parts.get("host"), parts.get("schema"), parts.get("port"))
        return ""
    uri = urlsplit(text)
    # Airflow's own rule: http://https%3A%2F%2Fhost, or https://host.
    host = unquote(uri.hostname or "")
    return _join(host, uri.path.strip("/") or uri.scheme, uri.port)


def _join(host: str | None, schema: str | None, port: int | None) -> str:
    """As Airflow's HttpHook makes the base of its addresses."""
    base = host or ""
    if base and "://" not in base:
        base = f"{schema or 'http'}://{base}"
    return f"{base}:{port}" if base and port else base


def services(look: Look) -> list[Service]:
    """Whether something answers at the address of each connection; all are asked at once."""
    # Every wiki has the same servers.
    addresses = {
        name: address.replace("{language}", "en")
        for name, address in connections(look).items()
        if address and name not in WAREHOUSE_CONNECTIONS
    }
    problems: dict[str, str | None] = dict.fromkeys(addresses, f"no response in {SERVICE_SECONDS:g} s")

    def ask(name: str) -> None:
        problems[name] = _problem(addresses[name])

    threads = [Thread(target=ask, args=(name,), daemon=True) for name in addresses]
    for thread in threads:
        thread.start()
    # A name server that is silent is not bounded by the time limit of the request.
    end = min(monotonic() + SERVICE_SECONDS, look.deadline)
    for thread in threads:
        thread.join(max(0.0, end - monotonic()))
    return [Service(name, addresses[name], problems[name]) for name in addresses]


def _problem(address: str) -> str | None:
    """Why nobody answers; any answer will do but those of a proxy that does not get through."""
    try:
        with requests.get(address, timeout=SERVICE_SECONDS, stream=True, allow_redirects=False) as response:
            return f"HTTP {response.status_code}" if response.status_code in (407, 502, 503, 504) else None
    except requests.Timeout:
        return f"no response in {SERVICE_SECONDS:g} s"
    except requests.RequestException as error:
        return type(error).__name__


def processes(look: Look) -> Processes:
    """Airflow's health at the address where tasks reach it, which both stacks have."""
    execution_api = look.airflow_setting("core", "execution_api_server_url")
    if not execution_api:
        raise WarehouseError("AIRFLOW__CORE__EXECUTION_API_SERVER_URL is not set")
    address = execution_api.rstrip("/").removesuffix(EXECUTION_API)
    health = None
    with suppress(requests.RequestException, ValueError), requests.Session() as session:
        session.trust_env = False  # no proxy stands before it
        response = session.get(address + HEALTH, timeout=HEALTH_SECONDS)
        if response.status_code == 200:
            health = {name: state["status"] for name, state in response.json().items()}
    return Processes(address, health, _supervisord(look.environment))


def _state_folder(environment: Mapping[str, str]) -> Path | None:
    """Of the local run; None where there is none."""
    home = environment.get("AIRFLOW_HOME")
    folder = Path(home).parent if home else None
    return folder if folder and (folder / "supervisord.session").exists() and not environment.get(PREFIX) else None


def _supervisord(environment: Mapping[str, str]) -> bool | None:
    folder = _state_folder(environment)
    if folder is None:
        return None
    with suppress(OSError, ValueError):
        os.kill(int((folder / "supervisord.session").read_text()), 0)
        return True
    return False


def disk(look: Look) -> Disk | None:
    """Of the local run's data folder."""
    folder = _state_folder(look.environment)
    if folder is None or not (folder / "postgres").exists():
        return None
    usage = shutil.disk_usage(folder / "postgres")
    return Disk(str(folder / "postgres"), usage.free, usage.total)


def _value(connection: Connection, statement: str) -> Any:
    row: Sequence[Any] | None = connection.execute(statement.encode()).fetchone()
    return row[0] if row else None
