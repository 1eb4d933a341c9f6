"""Locks: who waits for whom in the warehouse, since when and with what, and the statement that ends it."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg.rows import namedtuple_row

from include.progress import duration, new_console
from include.waits import beginning, doing, enders, ending
from include.warehouse import Connection, statement

NAMELESS = "no application name"
HIDDEN = "what it does is hidden from this role"


def find_waits(connection: Connection) -> list[Any]:
    """The rows of ops/locks.sql: one for each session that waits and each that keeps it waiting."""
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return cursor.execute(statement("ops/locks.sql")).fetchall()


def show(connection: Connection) -> bool:
    """Prints who waits for whom and what ends it to standard output; returns whether anybody waits."""
    console = new_console()
    waits = find_waits(connection)
    if not waits:
        console.print("Nobody waits for a lock.")
        return False
    lines = ["These wait for a lock:", *_waiting(waits), "", "These keep them waiting, and wait for nobody:"]
    lines += [line for blocker in _roots(waits) for line in _told(blocker)]
    console.print(*lines, sep="\n", soft_wrap=True)
    return True


def _waiting(waits: Sequence[Any]) -> Iterator[str]:
    for wait, *more in _by_waiting(waits).values():
        blockers = " and ".join(str(each.pid) for each in (wait, *more))
        who = f"{wait.waiting_pid}: {wait.waiting_role}, {wait.waiting_application or NAMELESS}"
        yield f"{who}, waits for {blockers}{_since(wait.waits_since, wait.waits_for)}"
        yield f"  now: {beginning(wait.waiting_query)}"


def _by_waiting(waits: Sequence[Any]) -> dict[int, list[Any]]:
    result: dict[int, list[Any]] = {}
    for wait in waits:
        result.setdefault(wait.waiting_pid, []).append(wait)
    return result


def _roots(waits: Sequence[Any]) -> list[Any]:
    """Once each, those at the head of a queue; in a deadlock, which PostgreSQL ends within a second, all that take part."""
    blockers = {wait.pid: wait for wait in waits}
    waiting = {wait.waiting_pid for wait in waits}
    return [blockers[pid] for pid in blockers.keys() - waiting or blockers]


def _told(blocker: Any) -> list[str]:
    if blocker.pid == 0:
        return ["a prepared transaction: SELECT * FROM pg_prepared_xacts, then ROLLBACK PREPARED '…'"]
    role = blocker.role_name or "PostgreSQL itself"
    does = f"{doing(blocker.state)}{_since(blocker.began, blocker.lasts)}" if blocker.state else HIDDEN
    lines = [f"{blocker.pid}: {role}, {blocker.application or NAMELESS}, {does}"]
    if blocker.query:
        lines.append(f"  {'last' if blocker.state != 'active' else 'now'}: {beginning(blocker.query)}")
    return [*lines, f"  {ending(blocker.pid)};  -- as {enders(role, blocker.owner_may_end)}"]


def _since(moment: datetime | None, length: timedelta | None) -> str:
    if moment is None or length is None:
        return ""
    return f" since {moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC, for {duration(length.total_seconds())}"
