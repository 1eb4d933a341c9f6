"""The warehouse's own commands: `python -m include bootstrap | migrate | seed [FILE] | gaps`."""

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from include import gaps
from include.errors import WarehouseError
from include.schema import bootstrap, migrate
from include.seeds import SEED_FILE, load_seeds, read_seeds
from include.settings import read_settings
from include.waits import watched


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns the exit status. What a user can cause ends in one line, not in a traceback."""
    parser = argparse.ArgumentParser(prog="python -m include", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser(
        "bootstrap", help="create the roles and the database dw (WAREHOUSE_ADMIN_URL: a role that may create both)"
    )
    commands.add_parser("migrate", help="bring the schema to its newest version (WAREHOUSE_URL: dw_owner)")
    seed = commands.add_parser("seed", help="follow the places and pages of the seed file (WAREHOUSE_URL: dw_owner)")
    seed.add_argument("file", nargs="?", type=Path, default=SEED_FILE)
    commands.add_parser(
        "gaps", help="what is not loaded since DW_START_DATE, and what fills it (exit 1; 0 without gaps)"
    )
    options = parser.parse_args(arguments)
    if options.command == "gaps":
        return _gaps()
    try:
        print(_run(options))
    except (WarehouseError, psycopg.Error, SQLAlchemyError) as error:
        print(f"{options.command}: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    return 0


def _run(options: argparse.Namespace) -> str:
    if options.command == "bootstrap":
        with watched("bootstrap", _url("WAREHOUSE_ADMIN_URL")) as address:
            bootstrap(address)
        return "bootstrap: roles dw_owner, dw_loader, dw_reader and database dw are there"
    if options.command == "migrate":
        settings = read_settings()
        with watched("migrate", _url("WAREHOUSE_URL")) as address:
            revision = migrate(address)
            with psycopg.connect(address) as connection:
                gaps.note_catchup(connection, settings)
        return f"migrate: the schema is at {revision}"
    seeds = read_seeds(options.file)
    with watched("seed", _url("WAREHOUSE_URL")) as address, psycopg.connect(address) as connection:
        load_seeds(connection, seeds)
    counted = {"locations": seeds.locations, "pages": seeds.pages}
    followed = [f"{len(entries)} {section}" for section, entries in counted.items() if entries is not None]
    return f"seed: {' and '.join(followed)} are followed"


def _gaps() -> int:
    """1 when there are gaps, 0 when there are none, 2 when the warehouse cannot tell."""
    try:
        with watched("gaps", _url("WAREHOUSE_URL")) as address, psycopg.connect(address) as connection:
            return int(gaps.show(connection, datetime.now(UTC)))
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return _tell("the warehouse has no audit.coverage yet: run `make up`, or `python -m include migrate`")
    except psycopg.OperationalError as error:
        return _tell(f"the warehouse does not answer, `make up` starts it: {' '.join(str(error).split())}")
    except (WarehouseError, psycopg.Error) as error:
        return _tell(" ".join(str(error).split()))


def _tell(error: str) -> int:
    print(f"gaps: {error}", file=sys.stderr)
    return 2


def _url(variable: str) -> str:
    if url := os.environ.get(variable):
        return url
    where = "; .local/env of the local run has it" if variable == "WAREHOUSE_URL" else ""
    raise WarehouseError(f"{variable} is not set: give a PostgreSQL URL{where}")


if __name__ == "__main__":
    sys.exit(main())
