"""The warehouse as the tasks reach it: Airflow connection `warehouse`."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any

import psycopg
from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.sdk import Context, get_current_context
from airflow.sdk.exceptions import AirflowFailException

from include.command import one_line, trouble_of
from include.errors import in_lines, in_one_line
from include.loads import RunKey, note_failed_task, record_failure
from include.waits import name_of, session_options, watching
from include.warehouse import Connection

CONNECTION_ID = "warehouse"


class UnitsWithheld(AirflowFailException):
    """An audit did not trust some units of a load; the rest of it is published all the same."""


class NotPublished(AirflowFailException):
    """Nothing of a load can be published, since a task before it failed, whose error is the one that counts.

    A failure, and not a skip: who clears only failed tasks would leave a skipped publish as it is, and the run would end green.
    """


class ServerInTrouble(psycopg.OperationalError):
    """PostgreSQL is away, full, out of connections or has ended a deadlock, in words. It may pass by itself: worth another try."""


@contextmanager
def warehouse(task_instance: Any = None) -> Iterator[Connection]:
    """A psycopg connection to the warehouse in autocommit: what is written stays, also when the task is killed.

    As `warehouse_hook`.
    """
    with warehouse_hook(task_instance) as hook:
        connection = _connect(hook)
        connection.autocommit = True
        with connection:
            yield connection


@contextmanager
def warehouse_hook(task_instance: Any = None) -> Iterator[PostgresHook]:
    """A hook whose sessions have the name of the task instance (by default the one that runs), or else of the command.

    The log tells whom they wait for. Raises Blocked, which is retried as any error, when that takes longer than
    LOCK_TIMEOUT_SECONDS, and ServerInTrouble, which is too.
    """
    name = name_of(_task(task_instance) if task_instance else _current())
    hook = PostgresHook(CONNECTION_ID, options=session_options(name), log_sql=False)
    # A task asks its supervisor for the connection: here, once, and not in the thread that watches.
    assert hook.connection
    watcher = copy(hook)

    def connect(session: str) -> Connection:
        watcher.options = session_options(session)
        return _connect(watcher)

    with watching(name, connect, logging.getLogger(__name__).warning), _in_words(name):
        yield hook


@contextmanager
def _in_words(name: str) -> Iterator[None]:
    try:
        yield
    except psycopg.OperationalError as error:
        if trouble := trouble_of(error):
            advice = f"{trouble.advice}; clear this task where no try is left: what it did not commit is undone, nothing is lost"
            raise ServerInTrouble(in_lines(f"{name}: {trouble.what}", one_line(error), advice)) from None
        raise


def _connect(hook: PostgresHook) -> Connection:
    connection: Any = hook.get_conn()
    return connection  # type: ignore[no-any-return]  # the hook promises less than it gives: psycopg 3 is installed


@contextmanager
def refusals() -> Iterator[None]:
    """A step that the ledger refuses, since it is out of order, fails at once, in its words: another try would fare no better."""
    try:
        yield
    except psycopg.errors.RaiseException as error:
        if error.diag.message_hint is None:  # a trigger of somebody else's
            raise
        raise AirflowFailException(in_lines(str(error.diag.message_primary), error.diag.message_hint)) from None


def _current() -> str:
    try:
        return _task(get_current_context()["ti"])
    except RuntimeError:  # no task: a command
        return " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])


def _task(instance: Any) -> str:
    """`weather.load.publish[3]#2 manual__2026-…`: what it is stands first, for PostgreSQL cuts the name; #2 is a second try."""
    index = "" if instance.map_index in (None, -1) else f"[{instance.map_index}]"
    again = f"#{instance.try_number}" if instance.try_number > 1 else ""
    return f"{instance.dag_id}.{instance.task_id}{index}{again} {instance.run_id}"


def note_failure(context: Context) -> None:
    """on_failure_callback of a task: notes in the ledger why this load failed, or this task that has no load."""
    task_instance, error = context["ti"], context.get("exception")
    if isinstance(error, UnitsWithheld):
        return  # the audit itself has noted them
    key = RunKey(task_instance.dag_id, task_instance.run_id)
    map_index = task_instance.map_index if task_instance.map_index is not None else -1
    with warehouse(task_instance) as connection:
        if map_index < 0:
            note_failed_task(connection, key, task_instance.task_id, _reason(error))
            return
        text = f"{task_instance.task_id}: {_reason(error)}"
        record_failure(connection, key, map_index, text, is_consequence=isinstance(error, NotPublished))


def _reason(error: object) -> str:
    """In one line. Without an exception the callback runs in the DAG processor, and nobody there knows what happened."""
    if error is None:
        return "ended without saying why: clear it; if it ends so again, Airflow's log of this task or of the scheduler has why"
    return in_one_line(str(error)) or type(error).__name__
