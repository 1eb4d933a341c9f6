"""Whom a command waits for, told to the person who waits with it."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.rows import namedtuple_row

from include.warehouse import Connection, run, statement

PATIENCE_SECONDS = 2.0
"""Between two looks at what a command waits for; one that is done sooner is never looked at."""


@contextmanager
def watched(command: str, url: str) -> Iterator[str]:
    """The address, made of `url`, for the connections of a command.

    While one of them waits for a lock, standard error gets a line for each process that keeps it waiting, once. A watch that
    fails is not an error.
    """
    # What others see of a session; PostgreSQL keeps 63 bytes of it.
    name = f"{command} {os.getpid()}@{socket.gethostname()[:40]}"
    address = make_conninfo(url, application_name=name)
    ended = Event()
    watcher = Thread(target=_watch, args=(command, url, name, ended), daemon=True)
    watcher.start()
    try:
        yield address
    finally:
        ended.set()
        # Not for ever: a server that fell silent would keep the watcher.
        watcher.join(PATIENCE_SECONDS)


def _watch(command: str, url: str, name: str, ended: Event) -> None:
    told: set[int] = set()
    while not ended.wait(PATIENCE_SECONDS):
        with suppress(psycopg.Error, OSError), psycopg.connect(url, autocommit=True, connect_timeout=2) as connection:
            for process in _waited_for(connection, name):
                if process.pid not in told:
                    told.add(process.pid)
                    print(f"{command}: waits for {_who(connection, process)}", file=sys.stderr, flush=True)


def _waited_for(connection: Connection, application_name: str) -> list[Any]:
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return cursor.execute(statement("ops/waited_for.sql"), {"application_name": application_name}).fetchall()


def _who(connection: Connection, process: Any) -> str:
    """The process, what is known of what it does, and how to end it."""
    if process.pid == 0:
        return "a prepared transaction: see pg_prepared_xacts"
    role = process.role_name or "PostgreSQL itself"
    known = [f"{role} (PostgreSQL process {process.pid}{f', {process.application}' if process.application else ''})"]
    known += _loads(connection, process.transaction_id)
    if process.seconds is not None:
        known.append(f"{process.state} in a transaction of {process.seconds} s")
    if process.query:
        known.append(f"at {' '.join(process.query.split())[:100]!r}")
    if process.waits_for:
        known.append(f"which itself waits for {' and '.join(map(str, process.waits_for))}")
    return f"{', '.join(known)}; to end it: SELECT pg_terminate_backend({process.pid}) as {role} or a superuser"


def _loads(connection: Connection, transaction_id: str | None) -> list[str]:
    """The loads that a transaction is at; none where that cannot be told, as before the first migration or in the midst of one."""
    with suppress(psycopg.Error), connection.transaction():
        connection.execute("SET LOCAL lock_timeout TO '1s'")
        loads = run(connection, "ops/loads_locked_by.sql", {"transaction_id": transaction_id}).fetchall()
        return [f"load {number} of {dag_id}, run {run_id}, {status}" for number, dag_id, run_id, status in loads]
    return []
