"""The warehouse as the tasks reach it: Airflow connection `warehouse`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from include.errors import in_lines, in_one_line
from include.loads import RunKey, record_failure
from include.warehouse import Connection

CONNECTION_ID = "warehouse"


class UnitsWithheld(AirflowFailException):
    """An audit did not trust some units of a load; the rest of it is published all the same."""


@contextmanager
def warehouse() -> Iterator[Connection]:
    """A psycopg connection to the warehouse in autocommit: what is written stays, also when the task is killed."""
    connection = connect()
    connection.autocommit = True
    with connection:
        yield connection


def connect() -> Connection:
    """A new psycopg connection to the warehouse."""
    connection: Any = PostgresHook(CONNECTION_ID).get_conn()
    return connection  # type: ignore[no-any-return]  # the hook promises less than it gives: psycopg 3 is installed


@contextmanager
def refusals() -> Iterator[None]:
    """A step that the ledger refuses, since it is out of order, fails at once, in its words: another try would fare no better."""
    try:
        yield
    except psycopg.errors.RaiseException as error:
        what, _, advice = str(error.diag.message_primary).partition(": ")
        raise AirflowFailException(in_lines(what, advice)) from None


def note_failure(context: Context) -> None:
    """on_failure_callback: notes in the ledger why this load failed."""
    task_instance, error = context["ti"], context.get("exception")
    if isinstance(error, UnitsWithheld):
        return  # the audit itself has noted them
    key = RunKey(task_instance.dag_id, task_instance.run_id)
    with warehouse() as connection:
        text = f"{task_instance.task_id}: {_reason(error)}"
        record_failure(connection, key, task_instance.map_index if task_instance.map_index is not None else -1, text)


def _reason(error: object) -> str:
    """In one line. Without an exception the callback runs in the DAG processor, and nobody there knows what happened."""
    if error is None:
        return "ended without saying why: clear it; if it ends so again, Airflow's log of this task or of the scheduler has why"
    return in_one_line(str(error)) or type(error).__name__
