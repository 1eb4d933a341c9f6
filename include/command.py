"""What all commands that people type have in common: exit codes, errors of one line, and how they name one another."""

import json
import os
import re
import shlex
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import psycopg

from include.errors import WarehouseError
from include.windows import Window

SUCCEEDED, FAILED, REFUSED, STOPPED = 0, 1, 2, 130
"""Of `gaps` and `locks` the second says that there are some. Refused is also what nothing could be done about: a database that is
away."""

PREFIX = "DW_COMMAND_PREFIX"
"""The environment variable by which the compose stack says what runs a command in it."""


NO_CONNECTION_LEFT = re.compile("too many (?:clients|connections)|remaining connection slots")
NOT_READY = re.compile("the database system is")
"""What refuses a connection is known by its text only: psycopg has no code of it."""


class Trouble(NamedTuple):
    """What is wrong with the server, and what to do."""

    what: str
    advice: str


def carry_out(name: str, command: Callable[[], int]) -> int:
    """The exit code of a command. What a user can cause ends on standard error without a traceback, in one line; a lock that was
    not to be had in a few, which name those who hold it.
    """
    try:
        return command()
    except KeyboardInterrupt:
        print(f"\n{name}: stopped", file=sys.stderr)
        return STOPPED
    except (WarehouseError, psycopg.Error) as error:
        print(f"{name}: {_reason(error)}", file=sys.stderr)
        return REFUSED


def typed(command: str) -> str:
    """How an `airflow …` or `python …` is typed in the stack of this process: `./airflow.sh …` in the compose stack."""
    prefix = os.environ.get(PREFIX)
    return f"{prefix} {command.removeprefix('airflow ')}" if prefix else command


def triggering(dag_id: str, window: Window, **more: Any) -> str:
    """What starts a run of just this window; `more` are further parameters of it."""
    conf = {"start_date": window.start.isoformat(), "end_date": window.end.isoformat(), **more}
    return typed(f"airflow dags trigger {dag_id} -c {shlex.quote(json.dumps(conf, ensure_ascii=False))}")


def clearing(dag_id: str, run_id: str) -> str:
    """What runs a run again as a whole."""
    return typed(f"airflow dags clear {dag_id} --run-id {shlex.quote(run_id)} --yes")


def starting() -> str:
    """What starts the stack of this process."""
    return "docker compose up -d" if os.environ.get(PREFIX) else "make up"


def one_line(error: object) -> str:
    """The text of an error without its line ends."""
    return " ".join(str(error).split())


def is_away(error: Exception) -> bool:
    """Whether a database did not answer: one that refuses a password, or ends a session, has."""
    return isinstance(error, psycopg.OperationalError) and error.sqlstate is None and "FATAL:" not in str(error)


def trouble_of(error: Exception) -> Trouble | None:
    """None for an error that is not the server's."""
    match error:
        case psycopg.errors.DiskFull():
            return Trouble("PostgreSQL's disk is full", "make room for it")
        case psycopg.errors.DeadlockDetected():
            return Trouble("a deadlock with another session", "run it again")
        case psycopg.errors.AdminShutdown():
            return Trouble("PostgreSQL ended the session", "it stops, or somebody ended it: run it again")
        case psycopg.OperationalError() if NO_CONNECTION_LEFT.search(str(error)):
            return Trouble("PostgreSQL has no connection left", "end sessions that nobody needs")
        case psycopg.OperationalError() if NOT_READY.search(str(error)):
            return Trouble("PostgreSQL is starting or stopping", "wait a moment")
        case _ if is_away(error):
            return Trouble("the warehouse does not answer", f"`{starting()}` starts it")
    return None


def _reason(error: Exception) -> str:
    if isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.InvalidSchemaName):
        lacking = error.diag.message_primary or one_line(error)
        return f"the warehouse has not been migrated: `{typed('python -m include migrate')}` ({lacking})"
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return str(error).strip()  # include/waits.py has the words
    if trouble := trouble_of(error):
        return f"{trouble.what}, {trouble.advice}: {one_line(error)}"
    return one_line(error)
