"""Refreshing marts by what the ledger says is due."""

import time
from datetime import timedelta

from include.warehouse import Connection, run

PATIENCE = timedelta(seconds=15)
"""How long a published load may wait for others that will be published soon: a mart is read whole for each refresh."""

POLL_SECONDS = 0.5


def refresh_mart(connection: Connection, mart: str, source: str, *, always: bool) -> int | None:
    """Refreshes a mart when loads of its source were published since; returns how many, None when there was nothing to do.

    Waits up to PATIENCE for loads that are about to be published, unless `always`. The loads are read before the refresh begins:
    what is published meanwhile stays due.
    """
    if not always:
        wait_for_loads(connection, source)
    pending = run(connection, "marts/pending_loads.sql", {"source": source}).fetchall()
    if not pending and not always:
        return None
    run(connection, "marts/refresh.sql", {"mart": mart})
    load_ids, due_since = [row[0] for row in pending], [row[1] for row in pending]
    run(connection, "marts/mark_refreshed.sql", {"load_ids": load_ids, "due_since": due_since})
    return len(pending)


def wait_for_loads(connection: Connection, source: str) -> None:
    """Returns when no load of the source is about to be published, or a published one has waited for PATIENCE."""
    parameters = {"source": source, "patience": PATIENCE}
    while run(connection, "marts/loads_about_to_publish.sql", parameters).fetchall():
        time.sleep(POLL_SECONDS)
