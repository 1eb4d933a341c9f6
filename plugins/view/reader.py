"""The warehouse as the page reads it: Airflow connection `warehouse_reader`, few sessions, each short and unable to write."""

import json
from collections.abc import Callable
from contextlib import closing
from typing import Any, TypeVar

from airflow.providers.postgres.hooks.postgres import PostgresHook
from anyio import CapacityLimiter, fail_after
from anyio.to_thread import run_sync

from include.view import charts
from include.waits import session_options
from include.warehouse import Connection

CONNECTION_ID = "warehouse_reader"
NAME = "warehouse page"
"""Of the sessions, in pg_stat_activity."""

SESSIONS = 4
"""At the same time, of each process of the API server. They get threads of their own: those that serve Airflow's API stay free."""

STATEMENT_SECONDS = 5
CONNECT_SECONDS = 3
WAIT_SECONDS = 10.0
"""How long a request waits for its turn."""

OPTIONS = " ".join(
    (
        session_options(NAME),
        f"-c lock_timeout={STATEMENT_SECONDS * 1000}",  # the later one counts
        f"-c statement_timeout={STATEMENT_SECONDS * 1000}",
        "-c default_transaction_read_only=on",
        # What a page shows is of one moment.
        r"-c default_transaction_isolation=repeatable\ read",
    )
)

Answer = TypeVar("Answer")


class Busy(Exception):
    """All sessions are taken, and stayed so for WAIT_SECONDS."""


_turns = CapacityLimiter(SESSIONS)


async def ask(question: Callable[[Connection], Answer]) -> Answer:
    """What the question, asked in a thread and in one transaction, is answered. Raises Busy, psycopg's errors, and Airflow's for a
    connection that it does not know.
    """

    def answer() -> Answer:
        with closing(_connect()) as connection:
            return question(connection)

    try:
        # Only the wait for a turn is cut short: a thread cannot be, and ends by itself with its statements.
        with fail_after(WAIT_SECONDS):
            return await run_sync(answer, limiter=_turns)
    except TimeoutError:
        raise Busy from None


_pencils = CapacityLimiter(1)


async def draw(text: str, form: charts.Format) -> bytes:
    """The picture of a Vega-Lite document, one at a time: each takes a core for a second. Raises Busy."""
    try:
        with fail_after(charts.RENDER_SECONDS):
            return await run_sync(charts.drawn, text, form, limiter=_pencils)
    except TimeoutError:
        raise Busy from None


def _connect() -> Connection:
    """A session for one request: they are few, and one that is kept would outlive a restart of the server, or a new password."""
    hook = PostgresHook(CONNECTION_ID, options=OPTIONS, log_sql=False)
    found: Any = hook.connection
    # An address that swallows packets would keep the thread for minutes; a connection that says otherwise is obeyed.
    found.extra = json.dumps({"connect_timeout": CONNECT_SECONDS, **found.extra_dejson})
    connection: Any = hook.get_conn()
    return connection  # type: ignore[no-any-return]  # the hook promises less than it gives: psycopg 3 is installed
