"""The warehouse as the tasks reach it: Airflow connection `warehouse`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.sdk import Context

from include.loads import RunKey, record_failure
from include.warehouse import Connection

CONNECTION_ID = "warehouse"


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


def note_failure(context: Context) -> None:
    """on_failure_callback: notes in the ledger why this load failed."""
    task_instance, error = context["ti"], context.get("exception")
    key = RunKey(task_instance.dag_id, task_instance.run_id)
    with warehouse() as connection:
        # A lost worker leaves no exception: its callback runs in the DAG processor.
        what = " ".join(str(error).split()) if error else "ended without a result, its worker was lost; clear it"
        text = f"{task_instance.task_id}: {what}"
        record_failure(connection, key, task_instance.map_index if task_instance.map_index is not None else -1, text)
