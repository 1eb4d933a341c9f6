"""Whom a session waits for, told to the person who waits with it, and the end of its patience."""

import os
import re
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC
from threading import Event, Thread
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import namedtuple_row

from include.command import typed
from include.warehouse import Connection, run, statement

PATIENCE_SECONDS = 2.0
"""Between two looks at what a session waits for; one that is done sooner is never looked at."""

LOCK_TIMEOUT_SECONDS = 60.0
"""How long a statement of ours waits for a lock."""

LONGEST_NAME = 63
"""Bytes that PostgreSQL keeps of an application's name."""


class Blocked(psycopg.errors.LockNotAvailable):
    """A statement of ours waited LOCK_TIMEOUT_SECONDS for a lock. It may pass by itself: worth another try."""


def name_of(text: str) -> str:
    """The text as PostgreSQL shows it as the name of an application."""
    return text.encode("ascii", "replace")[:LONGEST_NAME].decode().strip()


def session_options(name: str) -> str:
    """libpq's `options` of a session that has this name and does not wait for ever."""
    escaped = re.sub(r"([\\\s])", r"\\\1", name_of(name))
    return f"-c application_name={escaped} -c lock_timeout={round(LOCK_TIMEOUT_SECONDS * 1000)}"


def session_address(url: str, name: str) -> str:
    """The address, made of `url`, of sessions with these options."""
    return make_conninfo(url, options=f"{conninfo_to_dict(url).get('options') or ''} {session_options(name)}".strip())


@contextmanager
def watched(command: str, url: str) -> Iterator[str]:
    """The address, made of `url`, for the connections of a command; standard error tells whom they wait for.

    Raises Blocked, as `watching` does.
    """
    name = name_of(f"{command} {os.getpid()}@{socket.gethostname()}")

    def connect(session: str) -> Connection:
        return psycopg.connect(session_address(url, session), connect_timeout=2)

    def tell(whom: str) -> None:
        print(f"{command}: {whom}", file=sys.stderr, flush=True)

    with watching(name, connect, tell):
        yield session_address(url, name)


@contextmanager
def watching(name: str, connect: Callable[[str], Connection], tell: Callable[[str], None]) -> Iterator[None]:
    """Around the work of the sessions of this name: Blocked names whom a statement waited for until its lock_timeout.

    While one of them waits for a lock, `tell` gets a line for each process that keeps it waiting, once. `connect` opens a session
    under another name, in a thread. A watch that fails is not an error.
    """
    ended, last = Event(), list[str]()
    watcher = Thread(target=_watch, args=(name, connect, tell, ended, last), daemon=True)
    watcher.start()
    try:
        yield
    except psycopg.errors.LockNotAvailable:
        raise Blocked(_explained(name, last)) from None
    finally:
        ended.set()
        # Not for ever: a server that fell silent would keep the watcher.
        watcher.join(PATIENCE_SECONDS)


def _watch(
    name: str, connect: Callable[[str], Connection], tell: Callable[[str], None], ended: Event, last: list[str]
) -> None:
    """Leaves in `last` whom the sessions waited for when they were last seen to wait."""
    told: set[int] = set()
    while not ended.wait(PATIENCE_SECONDS):
        with suppress(psycopg.Error, OSError), closing(connect(f"watch of {name}")) as connection:
            connection.autocommit = True
            while True:
                if waited_for := _waited_for(connection, name):
                    known = [_who(connection, process) for process in waited_for]
                    last[:] = known
                    for process, whom in zip(waited_for, known, strict=True):
                        if process.pid not in told:
                            told.add(process.pid)
                            tell(f"waits for {whom}")
                if ended.wait(PATIENCE_SECONDS):
                    return


def _waited_for(connection: Connection, application_name: str) -> list[Any]:
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return cursor.execute(statement("ops/waited_for.sql"), {"application_name": application_name}).fetchall()


def _explained(name: str, waited_for: list[str]) -> str:
    """The first line says what and where, the next ones for whom, the last one what to do."""
    return "\n".join(
        [
            f"{name}: a lock was not to be had in {LOCK_TIMEOUT_SECONDS:g} s;",
            *(f"waited for {whom};" for whom in waited_for or ["whom is not known: nobody was seen to hold it"]),
            f"what it did not commit is undone. `{typed('python -m include locks')}` shows who blocks whom now",
        ]
    )


def _who(connection: Connection, process: Any) -> str:
    """The process, what is known of what it does, and how to end it."""
    if process.pid == 0:
        return "a prepared transaction: see pg_prepared_xacts"
    role = process.role_name or "PostgreSQL itself"
    known = [f"{role} (PostgreSQL process {process.pid}{f', {process.application}' if process.application else ''})"]
    known += _loads(connection, process.transaction_id)
    if process.seconds is not None:
        since = f"{process.began.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        known.append(f"{doing(process.state)} for {process.seconds} s, since {since}")
    if process.query:
        known.append(f"at {beginning(process.query)!r}")
    if process.waits_for:
        known.append(f"which itself waits for {' and '.join(map(str, process.waits_for))}")
    return f"{', '.join(known)}; to end it: {ending(process.pid)} as {enders(role, process.owner_may_end)}"


def doing(state: str) -> str:
    """What a session with a transaction does, of PostgreSQL's `active`, `idle in transaction`, `idle in transaction (aborted)`."""
    return state if "in transaction" in state else f"{state} in a transaction"


def beginning(query: str) -> str:
    """Of a statement, in one line."""
    return " ".join(query.split())[:100]


def ending(pid: int) -> str:
    """The statement that ends a process."""
    return f"SELECT pg_terminate_backend({pid})"


def enders(role: str, owner_may: bool | None) -> str:
    """Who may end a process of the role."""
    return f"{'dw_owner' if owner_may else role} or a superuser"


def _loads(connection: Connection, transaction_id: str | None) -> list[str]:
    """The loads that a transaction is at; none where that cannot be told, as before the first migration or in the midst of one."""
    with suppress(psycopg.Error), connection.transaction():
        connection.execute("SET LOCAL lock_timeout TO '100ms'")
        loads = run(connection, "ops/loads_locked_by.sql", {"transaction_id": transaction_id}).fetchall()
        return [f"load {number} of {dag_id}, run {run_id}, {status}" for number, dag_id, run_id, status in loads]
    return []
