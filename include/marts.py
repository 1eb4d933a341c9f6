"""Refreshing marts by what the ledger and the notes of changes say is due."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from include.source import Mart
from include.warehouse import Connection, run

PATIENCE = timedelta(seconds=15)
"""How long a published load may wait for others that will be published soon: a mart is read whole for each refresh."""

POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Seen:
    """What a refresh was the first to see: loads, and transactions other than loads that changed rows or dimensions."""

    loads: int
    changes: int


def refresh_mart(
    connection: Connection, mart: Mart, source: str, *, always: bool, sleep: Callable[[float], None] = time.sleep
) -> Seen | None:
    """Refreshes a mart when loads of its source were published since, or what it shows changed otherwise.

    Returns what it saw, None when there was nothing to do. Waits up to PATIENCE for loads that are about to be published, unless
    `always`. What is due is read before the refresh begins: what comes meanwhile stays due.
    """
    if not always:
        wait_for_loads(connection, source, sleep)
    if mart.roll_up:
        mart.roll_up(connection)
    loads = run(connection, "marts/pending_loads.sql", {"source": source}).fetchall()
    changes = run(connection, "marts/pending_changes.sql", {"source": source}).fetchall()
    if not (loads or changes or always):
        return None
    run(connection, "marts/refresh.sql", {"mart": mart.name})
    load_ids, due_since = [row[0] for row in loads], [row[1] for row in loads]
    run(connection, "marts/mark_refreshed.sql", {"load_ids": load_ids, "due_since": due_since})
    noted_by = [row[0] for row in changes]
    run(connection, "marts/mark_changes_refreshed.sql", {"source": source, "noted_by": noted_by})
    return Seen(len(loads), len(changes))


def wait_for_loads(connection: Connection, source: str, sleep: Callable[[float], None]) -> None:
    """Returns when no load of the source is about to be published, or a published one has waited for PATIENCE."""
    parameters = {"source": source, "patience": PATIENCE}
    while run(connection, "marts/loads_about_to_publish.sql", parameters).fetchall():
        sleep(POLL_SECONDS)
