"""The schema of the warehouse: its roles and database (bootstrap) and its migrations (migrate)."""

import os
from contextlib import suppress
from pathlib import Path

import psycopg
from psycopg import sql

from include.command import typed
from include.errors import WarehouseError
from include.sources import SOURCES
from include.warehouse import SQL_FOLDER, run, statement

ROLES = {"dw_owner": "DW_OWNER_PASSWORD", "dw_loader": "DW_LOADER_PASSWORD", "dw_reader": "DW_READER_PASSWORD"}
DATABASE = "dw"

UNITED = {
    "followed": ("subject_id", "subject", "span"),
    "present": ("subject_id", "spans"),
    "answered": ("raw_id", "subject_id", "window_start", "window_end"),
    "set_aside": ("load_id", "subject_id", "span", "limits"),
}
"""Of each source there is a view audit.<source>_<name> with these columns, and audit.<name> has those of all."""


def bootstrap(admin_url: str) -> list[str]:
    """Creates the roles and the database `dw` where they are missing, sets the passwords that the environment names, and takes
    from everybody else the right to connect to it.

    Every session of the roles begins with the settings of bootstrap/set_up_sessions.sql. Returns a line for each that the server
    or its administrator may not set, which is left out.

    `admin_url` connects to any database of the server, as a superuser or as a role that may create roles and databases.
    """
    left_out: list[str] = []
    with psycopg.connect(admin_url, autocommit=True) as connection:
        run(connection, "bootstrap/create_roles.sql")
        for role, variable in ROLES.items():
            if password := os.environ.get(variable):
                connection.execute(
                    sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(password))
                )
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            _create_database(connection)
        connection.add_notice_handler(lambda notice: left_out.append(notice.message_primary or ""))
        run(connection, "bootstrap/set_up_sessions.sql")
        # Times in messages and in jsonb are then UTC, whatever the client's zone.
        connection.execute(sql.SQL("ALTER DATABASE {} SET timezone TO 'UTC'").format(sql.Identifier(DATABASE)))
    with psycopg.connect(admin_url, dbname=DATABASE, autocommit=True) as connection:
        run(connection, "bootstrap/restrict_database.sql")
    return left_out


def _create_database(connection: psycopg.Connection) -> None:
    # Another bootstrap may be a moment faster.
    with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
        connection.execute(statement("bootstrap/create_database.sql"))


def migrate(owner_url: str) -> str:
    """Brings the schema to the newest migration; safe to run twice and at once. Returns the revision reached."""
    # Nothing else of ours needs it, and with SQLAlchemy it takes a good third of what a command takes to start.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    with psycopg.connect(owner_url) as connection:
        owned = connection.execute("SELECT to_regrole('dw_loader') IS NOT NULL").fetchone()
    if owned != (True,):
        raise WarehouseError(f"role dw_loader does not exist: run `{typed('python -m include bootstrap')}` first")
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["owner_url"] = owner_url
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise WarehouseError(f"{error}; if a later release has migrated this warehouse, use that one") from error
    unite_sources(owner_url)
    return str(config.attributes["revision"])


def unite_sources(owner_url: str) -> None:
    """Makes the views that audit.coverage reads anew where a source was registered, or is not any more, since they were made."""
    with psycopg.connect(owner_url) as connection:
        for view, columns in UNITED.items():
            found = run(connection, "ops/united_sources.sql", {"view": view}).fetchall()
            if {name for (name,) in found} != {f"{source}_{view}" for source in SOURCES}:
                connection.execute(_united(view, columns))


def _united(view: str, columns: tuple[str, ...]) -> sql.Composed:
    listed = sql.SQL(", ").join(map(sql.Identifier, columns))
    parts = [
        sql.SQL("SELECT {} AS source, {} FROM {}").format(
            sql.Literal(source), listed, sql.Identifier("audit", f"{source}_{view}")
        )
        for source in SOURCES
    ]
    return sql.SQL("CREATE OR REPLACE VIEW {} AS {}").format(
        sql.Identifier("audit", view), sql.SQL(" UNION ALL ").join(parts)
    )


def sql_file(migration: str) -> str:
    """What the migration module at path `migration` executes: its namesake in sql/schema, a file or all files of a folder."""
    path = SQL_FOLDER / "schema" / Path(migration).stem
    files = sorted(path.glob("*.sql")) if path.is_dir() else [path.with_suffix(".sql")]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)
