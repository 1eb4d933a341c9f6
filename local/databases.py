"""The two databases of the embedded server: Airflow's metadata and the warehouse, each brought up to date when needed.

What was done is noted in the comment of the database itself, so a database that was dropped or restored is not mistaken
for the one that was set up.
"""

import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import psycopg
from psycopg import sql

from include.settings import schedule_setting
from include.sources import SOURCES
from local import postgres
from local.console import Failure, out, step
from local.settings import Paths, fingerprint
from local.supervisor import tail

CATCHUP = ("DW_START_DATE", "DW_MARTS_SCHEDULE", *map(schedule_setting, SOURCES.values()))
"""What `migrate` notes in the warehouse of the settings."""
OWN_METADATA = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"


class Migration:
    """`airflow db migrate` in the background, with its output in a log. It has imported Airflow when it is told to begin."""

    def __init__(self, env: Mapping[str, str], paths: Paths) -> None:
        self._log = paths.logs / "airflow-db-migrate.log"
        argv = [sys.executable, "-m", "local.migrate"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=log, stderr=log, env=dict(env), cwd=paths.repo
            )

    def begin(self) -> None:
        """The database is there."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError), self._process.stdin as begins:
            begins.write(b"\n")

    def finish(self) -> None:
        """Waits for its end. Failure quotes its log when it failed."""
        with step("Airflow's database"):
            if self._process.wait():
                raise Failure(f"`airflow db migrate` failed; {self._log} ends with:\n{tail(self._log)}")

    def stop(self) -> None:
        """Ends it when it still runs."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait()


def set_up(
    admin_url: str, env: Mapping[str, str], user: Mapping[str, str], paths: Paths, migration: Migration | None
) -> None:
    """Airflow's tables and, at the same time, the warehouse's roles, schemas and seeds. Failure quotes a command.

    `env` is the environment of the commands, `user` the part of it that the user has set: databases of their own
    are brought up to date every time, and are not created. `migration` is one that was known to be needed.
    """
    postgres.create_metadata_database(admin_url)
    release = f"migrated by Airflow {version('apache-airflow-core')}"
    if migration is None and (OWN_METADATA in user or noted(admin_url, "airflow") != release):
        migration = Migration(env, paths)
    if migration is None:
        set_up_warehouse(admin_url, env, user, paths)
        return
    try:
        migration.begin()
        set_up_warehouse(admin_url, env, user, paths)
        migration.finish()
        note(admin_url, "airflow", release)
    finally:
        migration.stop()


def noted(admin_url: str, database: str) -> str:
    """The comment of a database; empty when there is none, or no such database."""
    query = "select shobj_description(oid, 'pg_database') from pg_database where datname = %s"
    with psycopg.connect(admin_url, application_name=postgres.APPLICATION) as connection:
        row = connection.execute(query, (database,)).fetchone()
    return str(row[0] or "") if row else ""


def note(admin_url: str, database: str, text: str) -> None:
    """Sets the comment of a database."""
    with psycopg.connect(admin_url, autocommit=True, application_name=postgres.APPLICATION) as connection:
        connection.execute(sql.SQL("comment on database {} is {}").format(sql.Identifier(database), sql.Literal(text)))


def set_up_warehouse(admin_url: str, env: Mapping[str, str], user: Mapping[str, str], paths: Paths) -> None:
    """Runs the warehouse's own commands whose input changed since; each leaves alone what is there already."""
    if "WAREHOUSE_URL" in user:
        actions = ["bootstrap"] if "WAREHOUSE_ADMIN_URL" in user else []
        run_warehouse_commands([*actions, "migrate", "seed"], env, paths)
        return
    code = fingerprint([paths.repo / "sql", paths.repo / "include"], (".sql", ".py"))
    seeds = fingerprint([paths.repo / "include"], (".yaml",))
    catchup = [env.get(name) for name in CATCHUP]
    before = noted(admin_url, "dw")
    # `seed` sets the tracked places to those of the default file: not again for someone who has seeded another one.
    actions = [] if f"code {code}" in before else ["bootstrap"]
    actions += [] if f"code {code} catchup {catchup}" in before else ["migrate"]
    actions += [] if f"seeds {seeds}" in before else ["seed"]
    if actions:
        run_warehouse_commands(actions, {"WAREHOUSE_ADMIN_URL": admin_url} | dict(env), paths)
        note(admin_url, "dw", f"set up with code {code} catchup {catchup} seeds {seeds}")


def run_warehouse_commands(actions: list[str], env: Mapping[str, str], paths: Paths) -> None:
    """Runs `python -m include` for each action; whom it waits for is shown while it does."""
    with step("Warehouse: roles, schemas, tracked places"):
        for action in actions:
            argv: list[str | Path] = [sys.executable, "-m", "include", action]
            said = ""
            with subprocess.Popen(
                argv, env=dict(env), cwd=paths.repo, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            ) as command:
                for line in command.stdout or ():
                    said += line
                    if line.startswith(f"{action}: waits for "):
                        out.print(line.rstrip(), markup=False)
            if command.returncode:
                raise Failure(f"`python -m include {action}` failed:\n{said.strip()}")
