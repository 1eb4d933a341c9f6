"""Refreshing marts by what the ledger says is due."""

from include.warehouse import Connection, run


def refresh_mart(connection: Connection, mart: str, source: str, *, always: bool) -> int | None:
    """Refreshes a mart when loads of its source were published since; returns how many, None when there was nothing to do.

    The loads are read before the refresh begins: what is published meanwhile stays due.
    """
    pending = run(connection, "marts/pending_loads.sql", {"source": source}).fetchall()
    if not pending and not always:
        return None
    run(connection, "marts/refresh.sql", {"mart": mart})
    load_ids, due_since = [row[0] for row in pending], [row[1] for row in pending]
    run(connection, "marts/mark_refreshed.sql", {"load_ids": load_ids, "due_since": due_since})
    return len(pending)
