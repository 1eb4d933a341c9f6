"""The commands that need no Airflow: `python -m include bootstrap | migrate | seed [FILE] | gaps | locks | doctor`.

Exit code: 0 done, 1 there are gaps, somebody waits for a lock, or something is wrong, 2 refused or not to be told, 130 stopped.
"""

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from include import doctor, gaps, locks
from include.command import FAILED, SUCCEEDED, carry_out
from include.errors import WarehouseError
from include.schema import bootstrap, migrate
from include.seeds import SEED_FILE, load_seeds, read_seeds
from include.settings import read_settings
from include.waits import watched
from include.warehouse import now_of


def main(arguments: list[str] | None = None) -> int:
    """Carries out one command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m include", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser(
        "bootstrap", help="create the roles and the database dw (WAREHOUSE_ADMIN_URL: a role that may create both)"
    ).set_defaults(func=_bootstrap)
    commands.add_parser(
        "migrate", help="bring the schema to its newest version (WAREHOUSE_URL: dw_owner)"
    ).set_defaults(func=_migrate)
    seed = commands.add_parser("seed", help="follow the places and pages of the seed file (WAREHOUSE_URL: dw_owner)")
    seed.add_argument("file", nargs="?", type=Path, default=SEED_FILE)
    seed.set_defaults(func=_seed)
    commands.add_parser(
        "gaps", help="what is not loaded since DW_START_DATE, and what fills it (exit code 1; 0 without gaps)"
    ).set_defaults(func=_gaps)
    diagnosis = commands.add_parser(
        "doctor",
        help="what is wrong and what mends it (exit code 1; 0 when nothing is, 2 when something cannot be told)",
    )
    diagnosis.add_argument("--json", action="store_true", help="for programs")
    diagnosis.set_defaults(func=_doctor)
    commands.add_parser(
        "locks", help="who waits for whom, and the statement that ends it (exit code 1; 0 when nobody waits)"
    ).set_defaults(func=_locks)
    options = parser.parse_args(arguments)
    return carry_out(options.command, lambda: options.func(options))


def _bootstrap(_: argparse.Namespace) -> int:
    with watched("bootstrap", _url("WAREHOUSE_ADMIN_URL")) as address:
        for left_out in bootstrap(address):
            print(f"bootstrap: {left_out}")
    print("bootstrap: roles dw_owner, dw_loader, dw_reader and database dw are there")
    return SUCCEEDED


def _migrate(_: argparse.Namespace) -> int:
    from sqlalchemy.exc import SQLAlchemyError  # as Alembic: for nothing else

    settings = read_settings()
    with watched("migrate", _url("WAREHOUSE_URL")) as address:
        try:
            revision = migrate(address)
        except SQLAlchemyError as error:
            if isinstance(cause := getattr(error, "orig", None), psycopg.errors.LockNotAvailable):
                raise cause from None
            raise WarehouseError(str(error)) from error
        with psycopg.connect(address) as connection:
            gaps.note_catchup(connection, settings)
    print(f"migrate: the schema is at {revision}")
    return SUCCEEDED


def _seed(options: argparse.Namespace) -> int:
    seeds = read_seeds(options.file)
    with watched("seed", _url("WAREHOUSE_URL")) as address, psycopg.connect(address) as connection:
        load_seeds(connection, seeds)
    counted = {"locations": seeds.locations, "pages": seeds.pages}
    followed = [f"{len(entries)} {section}" for section, entries in counted.items() if entries is not None]
    print(f"seed: {' and '.join(followed)} are followed")
    return SUCCEEDED


def _gaps(_: argparse.Namespace) -> int:
    with watched("gaps", _url("WAREHOUSE_URL")) as address, psycopg.connect(address) as connection:
        return FAILED if gaps.show(connection, now_of(connection)) else SUCCEEDED


def _doctor(options: argparse.Namespace) -> int:
    return doctor.show(os.environ, datetime.now(UTC), as_json=options.json)


def _locks(_: argparse.Namespace) -> int:
    with watched("locks", _url("WAREHOUSE_URL")) as address, psycopg.connect(address) as connection:
        return FAILED if locks.show(connection) else SUCCEEDED


def _url(variable: str) -> str:
    if url := os.environ.get(variable):
        return url
    where = "; .local/env of the local run has it" if variable == "WAREHOUSE_URL" else ""
    raise WarehouseError(f"{variable} is not set: give a PostgreSQL URL{where}")


if __name__ == "__main__":
    sys.exit(main())
